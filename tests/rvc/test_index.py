"""Indexes as FAISS writes them, read by our own reader; retrieval against FAISS's own answers."""

from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.rvc.index import IndexFileError, Retrieval, read_index
from tests.rvc.content_model import FIXTURES

GOLDEN = np.load(FIXTURES / "faiss.npz")
IVF = (FIXTURES / "ivf.index").read_bytes()


def in_order(vectors: np.ndarray) -> np.ndarray:
    """Rows sorted: lists keep vectors in an order of their own."""
    return vectors[np.lexsort(vectors.T)]


@pytest.mark.parametrize("name", ["ivf", "flat"])
def test_vectors_are_those_that_faiss_was_given(name):
    found = read_index(FIXTURES / f"{name}.index")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(in_order(found), in_order(GOLDEN["vectors"]))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("trained", "holds no vectors"),
        ("product", "measures distance in another way"),
        ("coded", "not an index of RVC's kind"),
    ],
)
def test_other_indexes_are_refused_by_name(name, sentence):
    with pytest.raises(IndexFileError, match=sentence):
        read_index(FIXTURES / f"{name}.index")


def test_what_is_no_index_is_refused(tmp_path: Path):
    for content, sentence in ((b"", "cut off"), (b"PK\3\4", "not an index"), (b"IwFl", "cut off")):
        (tmp_path / "x.index").write_bytes(content)
        with pytest.raises(IndexFileError, match=sentence):
            read_index(tmp_path / "x.index")
    with pytest.raises(IndexFileError, match="does not exist"):
        read_index(tmp_path / "nowhere.index")
    with pytest.raises(IndexFileError, match="not an ordinary file"):
        read_index(tmp_path)


@pytest.mark.parametrize("value", [0, 1 << 20, (1 << 64) - 1])
def test_every_number_of_the_head_may_lie(value, tmp_path: Path):
    """Vectors come out whole or not at all, whatever the 300 bytes before them say."""
    whole = in_order(GOLDEN["vectors"])
    for at in range(0, 330):
        changed = IVF[:at] + struct.pack("<Q", value) + IVF[at + 8 :]
        (tmp_path / "x.index").write_bytes(changed)
        with suppress(IndexFileError):
            found = read_index(tmp_path / "x.index")
            assert found.nbytes <= len(IVF)
            if found.shape == whole.shape and at < 60:
                np.testing.assert_array_equal(in_order(found), whole)


@settings(max_examples=40, deadline=None)
@given(end=st.integers(0, len(IVF) - 1))
def test_a_cut_index_is_refused(end, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "cut.index"
    path.write_bytes(IVF[:end])
    with pytest.raises(IndexFileError):
        read_index(path)


@pytest.mark.parametrize(("form", "lists"), [(b"full", 1 << 17), (b"sprs", 3)])
def test_lists_without_end_are_refused(form, lists, tmp_path: Path):
    """Of nothing each: a list in memory takes ten times what it does in the file."""
    sizes = np.zeros(1 << 17, "<u8")
    head, centres = struct.pack("<iqqq?i", 4, 0, 0, 0, True, 1), struct.pack("<Q", 0)
    content = b"IwFl" + head + struct.pack("<QQ", lists, 1) + b"IxF2" + head + centres + b"\0" + bytes(8)
    content += (
        b"ilar" + struct.pack("<QQ", lists, 16) + form + struct.pack("<Q", len(sizes)) + sizes.tobytes()
    )
    (tmp_path / "x.index").write_bytes(content)
    with pytest.raises(IndexFileError, match="damaged"):
        read_index(tmp_path / "x.index")


def test_values_that_are_no_numbers_are_refused(tmp_path: Path):
    (tmp_path / "x.index").write_bytes(IVF[:-600] + b"\xff" * 8 + IVF[-592:])
    with pytest.raises(IndexFileError, match="no numbers"):
        read_index(tmp_path / "x.index")


def test_neighbours_and_distances_are_faiss_own():
    nearest, distance = Retrieval(GOLDEN["vectors"]).search(GOLDEN["queries"])
    order = np.argsort(distance, axis=1)
    np.testing.assert_array_equal(np.take_along_axis(nearest, order, 1), GOLDEN["nearest"])
    np.testing.assert_allclose(np.take_along_axis(distance, order, 1), GOLDEN["distance"], rtol=1e-5)


def test_blend_weighs_by_the_squared_inverse_of_faiss_distance():
    weight = np.square(1.0 / GOLDEN["distance"])
    weight /= weight.sum(axis=1, keepdims=True)
    mean = (weight[..., None] * GOLDEN["vectors"][GOLDEN["nearest"]]).sum(axis=1)
    retrieval = Retrieval(GOLDEN["vectors"])
    queries = GOLDEN["queries"]
    np.testing.assert_allclose(retrieval.blend(queries, 1.0), mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        retrieval.blend(queries, 0.25), 0.25 * mean + 0.75 * queries, rtol=1e-4, atol=1e-5
    )
    assert retrieval.blend(queries, 0.0) is queries


def test_a_feature_in_the_index_is_found_as_itself():
    vectors = GOLDEN["vectors"]
    found = Retrieval(vectors).blend(vectors[:3].copy(), 1.0)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, vectors[:3], atol=1e-4)


def test_fewer_vectors_than_neighbours_are_all_taken():
    vectors = GOLDEN["vectors"][:3]
    nearest, _ = Retrieval(vectors).search(GOLDEN["queries"])
    assert {tuple(sorted(row)) for row in nearest} == {(0, 1, 2)}


def test_a_large_index_is_searched_as_exactly():
    """Vectors as features are: most of what differs lies in a few directions."""
    random = np.random.default_rng(3)
    turned, _ = np.linalg.qr(random.standard_normal((160, 160)))
    spread = (0.97 ** np.arange(160))[:, None] * turned
    vectors = (random.standard_normal((5001, 160)) @ spread).astype(np.float32)
    queries = (random.standard_normal((6, 160)) @ spread).astype(np.float32)
    nearest, distance = Retrieval(vectors).search(queries)
    exact = np.square(vectors[None] - queries[:, None]).sum(axis=2)
    np.testing.assert_array_equal(np.sort(nearest), np.sort(np.argsort(exact, axis=1)[:, :8]))
    np.testing.assert_allclose(np.sort(distance), np.sort(exact)[:, :8], rtol=1e-4)
