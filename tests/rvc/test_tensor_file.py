"""Files of strangers: what is in them does not run, and lies about sizes are found out."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.rvc.inert_pickle import Inert, PickleError, View, load
from inference.rvc.tensor_file import TensorFileError, read_saved, read_tensors
from tests.rvc.content_model import save_safetensors, save_torch

SEEN: list[str] = []


class Bomb:
    """Runs `SEEN.append` where a pickle is executed."""

    def __reduce__(self):
        return SEEN.append, ("ran",)


class Shell:
    """Runs a command."""

    def __reduce__(self):
        return os.system, ("touch /tmp/menura-was-here",)


def saved(value: object) -> bytes:
    """The pickle in a file of torch's."""
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return pickle_in(buffer.getvalue())


def pickle_in(archive: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return opened.read("archive/data.pkl")


def test_nothing_in_a_pickle_runs():
    content = load(pickle.dumps({"a": Bomb(), "b": [Shell()], "c": 1.5}, protocol=2))
    assert content["c"] == 1.5
    assert isinstance(content["a"], Inert)
    assert isinstance(content["b"][0], Inert)
    assert SEEN == []
    assert not Path("/tmp/menura-was-here").exists()


def test_tensors_are_described():
    parameter = torch.nn.Parameter(torch.zeros(3, 4))
    content = load(saved({"w": parameter, "t": torch.zeros(4, 2).T, "n": torch.zeros(2, dtype=torch.int64)}))
    assert isinstance(content["w"], View)
    assert (content["w"].shape, content["w"].contiguous) == ((3, 4), True)
    assert not content["t"].contiguous
    assert isinstance(content["n"], Inert)  # no numbers that anybody here wants


def frame(*parts: bytes) -> bytes:
    return b"\x80\x02" + b"".join(parts) + b"."


HOSTILE = {
    "a bytearray of a terabyte": frame(pickle.BYTEARRAY8, struct.pack("<Q", 1 << 40)),
    "a text of four gigabytes": frame(pickle.BINUNICODE, struct.pack("<I", 0xFFFFFFFF)),
    "a number of two gigabytes": frame(pickle.LONG4, struct.pack("<i", 0x7FFFFFFF)),
    "a memo of four thousand million": frame(b"N", pickle.LONG_BINPUT, struct.pack("<I", 0xFFFFFFFF), b"0"),
    "a frame without end": frame(pickle.FRAME, struct.pack("<Q", 1 << 60)),
    "an instruction of old": frame(b"(cos\nsystem\n", b"o"),
    "a class changed": frame(b"ctorch._utils\n_rebuild_tensor_v2\n", b"}b"),
    "a storage that is none": frame(b"U\x01aQ"),
    "a call of a number": frame(b"K\x01)R"),
    "an object of a number": frame(b"K\x01)\x81"),
    "state for a list": frame(b"]}K\x01K\x02sb"),
    "a list filled as a dict": frame(b"](K\x01K\x02u"),
    "nothing": b"",
}


def tensor(shape: bytes, stride: bytes) -> bytes:
    """Instructions that leave a tensor on storage 0, of these tuples."""
    storage = b"(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x01tQ"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00" + shape + stride + b"\x89}tR"


MILLION = b"(" + b"K\x01" * 300_000 + b"tq\x01"
HOSTILE |= {
    "a tensor changed behind its checks": frame(
        tensor(b"K\x02\x85", b"K\x01\x85"), b"}U\x06offsetJ\0\0\0\x80sb"
    ),
    "calls with a million arguments": frame(MILLION, b"cx\ny\nq\x02", b"h\x02h\x01R0" * 3),
    "objects with a million arguments": frame(MILLION, b"cx\ny\nq\x02", b"h\x02h\x01\x810" * 3),
    "a number that takes long to hash": frame(b"\x8b\x10\x27\0\0", b"\x01" * 10_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pickles_are_refused(name):
    with pytest.raises(PickleError):
        load(HOSTILE[name])


def test_keys_that_take_for_ever_to_hash_are_dropped():
    key = b")" + b"2\x86" * 60  # a tuple of a tuple twice, sixty deep
    assert load(frame(b"}", key, b"K\x01s")) == {}
    assert load(frame(b"}(", key, b"K\x01u")) == {}


def test_impossible_tensors_are_refused(tmp_path: Path):
    original = saved({"w": torch.zeros(3, 4)})
    for shape in (b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86", b"J\xff\xff\xff\xffK\x04\x86"):
        assert original.count(b"K\x03K\x04\x86") == 1
        changed = original.replace(b"K\x03K\x04\x86", shape)
        path = tmp_path / "x.pt"
        archive(path, changed)
        with pytest.raises(TensorFileError):
            read_tensors(path)


@pytest.mark.parametrize(
    "shape", ["[1e400]", "[" + ",".join(["9"] * 100_000) + "]", '{"0": 1}', "[-1, -1]"], ids=lambda s: s[:9]
)
def test_impossible_shapes_in_safetensors_are_refused(shape, tmp_path: Path):
    header = f'{{"a": {{"dtype": "F32", "shape": {shape}, "data_offsets": [0, 4]}}}}'.encode()
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    with pytest.raises(TensorFileError, match="damaged"):
        read_tensors(tmp_path / "x.safetensors")


def test_an_entry_that_begins_behind_the_end_is_refused(tmp_path: Path):
    path = tmp_path / "x.pt"
    archive(path, saved({"w": torch.zeros(3, 4)}))
    content = bytearray(path.read_bytes())
    last = content.rindex(b"PK\1\2")
    struct.pack_into("<L", content, last + 42, len(content) - 5)
    path.write_bytes(content)
    with pytest.raises(TensorFileError, match="damaged"):
        read_tensors(path)


def test_a_directory_that_only_the_larger_record_names_is_not_read(tmp_path: Path):
    """The record of 32 bits says 0, so that a gigabyte of names would be unfolded."""
    path = tmp_path / "x.pt"
    torch.save({"w": torch.zeros(3, 4)}, path)
    content = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<Q", content, len(content) - 22 - 20 - 56 + 48)
    names = content[start : len(content) - 98]
    many = names * (1 + (5 << 20) // len(names))
    struct.pack_into("<2Q", content, len(content) - 58, len(many), start)
    struct.pack_into("<2L", content, len(content) - 10, 0, 0)
    path.write_bytes(content[:start] + many + content[-98:])
    assert zipfile.is_zipfile(path)
    with zipfile.ZipFile(path) as opened:
        assert len(opened.infolist()) > 10_000
    with pytest.raises(TensorFileError, match="damaged"):
        read_tensors(path)


def test_a_large_dict_named_by_many_keys_is_unfolded_once(tmp_path: Path):
    large = {str(n): None for n in range(3000)}
    torch.save({str(n): large for n in range(3000)}, tmp_path / "x.pt")
    found = read_saved(tmp_path / "x.pt")
    assert len(found) == 3000
    assert len({id(entry) for entry in found.values()}) == 1


def archive(path: Path, content: bytes) -> None:
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("archive/data.pkl", content)
        made.writestr("archive/data/0", bytes(48))


def test_torch_before_archives_is_read(tmp_path: Path):
    whole = torch.arange(12.0)
    state = {
        "half": torch.ones(5).half() / 3,
        "counts": torch.zeros(9, dtype=torch.int64),
        "part": whole[4:10],
    }
    content = {"model": state, "seen": Shell()}
    torch.save(content, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    found = read_tensors(tmp_path / "old.pt")
    assert found.keys() == {"half", "part"}
    for name, tensor in found.items():
        np.testing.assert_array_equal(tensor.read(), state[name].float().numpy())


def test_a_view_into_a_storage_is_read_where_it_lies(tmp_path: Path):
    whole = torch.arange(12.0)
    torch.save({"part": whole[4:10].reshape(2, 3)}, tmp_path / "x.pt")
    found = read_tensors(tmp_path / "x.pt")["part"].read()
    np.testing.assert_array_equal(found, [[4, 5, 6], [7, 8, 9]])


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("originals")
    weights = {"a.weight": np.ones((2, 3), np.float32), "b": np.full(5, 1.1, np.float32)}
    files = [save_torch(folder / "a.pt", weights), save_safetensors(folder / "b.safetensors", weights)]
    state = {name: torch.tensor(value) for name, value in weights.items()}
    torch.save(state, folder / "c.pt", _use_new_zipfile_serialization=False)
    files.append(folder / "c.pt")
    return [file.read_bytes() for file in files]


@settings(max_examples=70, deadline=None)
@given(data=st.data())
def test_a_changed_file_is_read_or_refused(originals, tmp_path_factory, data):
    content = bytearray(data.draw(st.sampled_from(originals)))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(0, len(content))) :]
    path = tmp_path_factory.getbasetemp() / "changed"
    path.write_bytes(content)
    with suppress(TensorFileError):
        for tensor in read_tensors(path).values():
            assert tensor.read().nbytes <= 2 * len(content)


def test_what_is_no_file_of_tensors_is_named(tmp_path: Path):
    (tmp_path / "old.pt").write_bytes(pickle.dumps(1, protocol=2) + bytes(20))
    with pytest.raises(TensorFileError, match="torch's old format"):
        read_tensors(tmp_path / "old.pt")
    (tmp_path / "x.txt").write_text("hello, this is text")
    with pytest.raises(TensorFileError, match="holds no tensors"):
        read_tensors(tmp_path / "x.txt")
    with pytest.raises(TensorFileError, match="not an ordinary file"):
        read_tensors(tmp_path)
