"""An RVC voice's `.index`: FAISS's file read by our own bounded reader, and the nearest vectors found in it.

FAISS itself is not used: its C++ reader is no place for files of strangers, and a search over all vectors
needs no index.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

NEIGHBOURS = 8
"""k, as RVC has it."""

_MAX_BYTES = 1 << 30
"""RVC thins out what has more than 200,000 vectors: 0.7 GB."""
_MAX_DIM = 4096
_MAX_LISTS = 1 << 16
"""RVC makes 16 lists per square root of vectors: 7,155."""
_LEAST_DISTANCE = 1e-6
"""Squared distance of a feature that is itself in the index; RVC divides by it, so it cannot be 0."""

_FEW, _SAMPLE = 4096, 20_000
_DIRECTIONS, _CANDIDATES, _BLOCK = 128, 256, 16

_FLAT = {b"IxF2", b"IxFI", b"IxFl"}
_L2 = 1


class IndexFileError(ValueError):
    """An index that cannot be used; the message is a sentence for the user."""


def read_index(path: Path) -> Array:
    """All vectors of a FAISS file 'IVF,Flat' or 'Flat': (N, dim) float32, in the order of the file.

    Layout: faiss/impl/index_write.cpp. Raises IndexFileError.
    """
    try:
        if path.exists() and not path.is_file():  # opening a pipe would wait for its other end
            raise IndexFileError(f"{path} is not an ordinary file; name an .index file.")
        size = path.stat().st_size
        if size > _MAX_BYTES:
            raise IndexFileError(
                f"{path.name} has {size / 1e9:.1f} GB, more than any RVC index; it was not opened."
            )
        vectors = _Reader(
            path, np.memmap(path, np.uint8, mode="r") if size else np.zeros(0, np.uint8)
        ).index()
    except FileNotFoundError as error:
        raise IndexFileError(f"{path} does not exist; check the name and the folder.") from error
    except OSError as error:
        raise IndexFileError(f"{path} cannot be read ({error.strerror or error}).") from error
    if not len(vectors):
        raise IndexFileError(
            f"{path.name} holds no vectors (one called 'trained_' never does); take the one called 'added_'."
        )
    if not np.isfinite(vectors).all():
        raise IndexFileError(f"{path.name} is damaged: it holds values that are no numbers.")
    return vectors


class _Reader:
    """A place in the file's bytes; every step forward is checked against its end."""

    def __init__(self, path: Path, data: NDArray[np.uint8]) -> None:
        self.path, self.data, self.at = path, data, 0

    def index(self) -> Array:
        """The index that begins here."""
        kind = self.take(4)
        if kind in _FLAT:
            dim, total = self.header()
            return self.floats(self.count(4), dim, total)
        if kind != b"IwFl":
            raise IndexFileError(
                f"{self.path.name} is not an index of RVC's kind (IVF,Flat)"
                f"{': it is ' + repr(kind.decode()) if kind.isalnum() else ''}; take the one called 'added_'."
            )
        dim, total = self.header()
        lists, _ = self.number(), self.number()
        if self.take(4) not in _FLAT:
            raise self.damaged()
        centre_dim, centres = self.header()
        self.floats(self.count(4), centre_dim, centres)
        direct = self.take(1)[0]
        self.take(8 * self.count(8))
        if direct == 2:
            self.take(16 * self.count(16))
        return self.inverted(lists, dim, total)

    def inverted(self, lists: int, dim: int, total: int) -> Array:
        """The inverted lists: sizes, then vectors and numbers of each."""
        kind, count, width, form = self.take(4), self.number(), self.number(), self.take(4)
        if (
            kind != b"ilar"
            or not count == lists <= _MAX_LISTS
            or width != 4 * dim
            or form not in (b"full", b"sprs")
        ):
            raise self.damaged()
        table = self.numbers(self.count(8))
        sizes = table if form == b"full" else table[1::2]
        if len(sizes) > lists or (form == b"full" and len(sizes) < lists) or sum(sizes) != total:
            raise self.damaged()
        found = []
        for size in sizes:
            found.append(self.floats(size * dim, dim, size))
            self.take(8 * size)
        return np.concatenate(found) if found else np.zeros((0, dim), np.float32)

    def header(self) -> tuple[int, int]:
        """Width and number of vectors."""
        dim, total, _, _, _, metric = struct.unpack("<iqqq?i", self.take(33))
        if not 0 < dim <= _MAX_DIM or total < 0:
            raise self.damaged()
        if metric != _L2:
            raise IndexFileError(f"{self.path.name} measures distance in another way than RVC (L2).")
        return dim, total

    def floats(self, count: int, dim: int, rows: int) -> Array:
        """(rows, dim) float32; `count` is what the file says there are."""
        if count != rows * dim:
            raise self.damaged()
        return np.frombuffer(self.take(4 * count), "<f4").reshape(rows, dim)

    def count(self, width: int) -> int:
        """The length of a vector of items that have `width` bytes."""
        count = self.number()
        if count * width > len(self.data) - self.at:
            raise self.damaged()
        return count

    def number(self) -> int:
        """An unsigned 64-bit number."""
        return int(struct.unpack("<Q", self.take(8))[0])

    def numbers(self, count: int) -> list[int]:
        """Unsigned 64-bit numbers."""
        return [int(n) for n in np.frombuffer(self.take(8 * count), "<u8")]

    def take(self, size: int) -> bytes:
        """The next bytes."""
        if not 0 <= size <= len(self.data) - self.at:
            raise self.damaged()
        self.at += size
        return self.data[self.at - size : self.at].tobytes()

    def damaged(self) -> IndexFileError:
        """What to say of a file that is cut off or was changed."""
        return IndexFileError(f"{self.path.name} is damaged or cut off; get it again.")


class Retrieval:
    """Vectors of a voice, to bring features nearer to what its speaker said. One thread uses it.

    Up to 4096 vectors are all compared. Of more, 256 are chosen by their distance along the 128 directions in
    which the vectors vary most, and those compared: on 54,861 vectors of real speech it found each of the 8
    nearest (docs/rvc.md), for a sixth of the time.

    >>> nearer = Retrieval(read_index(path)).blend(features, 0.5)    # (T, D) -> (T, D)
    """

    def __init__(self, vectors: Array) -> None:
        """vectors (N, D) float32; half a second of work for 200,000 of them."""
        self._vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        self._coarse = _Coarse(self._vectors) if len(vectors) > _FEW else None
        self._squares = np.einsum("nd,nd->n", self._vectors, self._vectors)

    def blend(self, features: Array, rate: float) -> Array:
        """Mixes each feature with the mean of its 8 nearest vectors, weighted by 1 / distance^4.

        features (T, D) float32 at 20 ms; rate 0 (as they are) to 1. Distance as RVC has it: FAISS's squared
        one, squared again.
        """
        if rate <= 0.0 or not len(features):
            return features
        nearest, distance = self.search(features)
        weight = np.square(1.0 / np.maximum(distance, _LEAST_DISTANCE))
        weight /= weight.sum(axis=1, keepdims=True)
        mean = np.einsum("tk,tkd->td", weight, self._vectors[nearest])
        return (rate * mean + (1.0 - rate) * features).astype(np.float32)

    def search(self, features: Array) -> tuple[NDArray[np.intp], Array]:
        """Numbers and squared distances of the nearest vectors of each feature: (T, k) each, k <= 8."""
        k = min(NEIGHBOURS, len(self._vectors))
        if self._coarse is not None:
            near = self._coarse.candidates(features)
        else:
            scores = self._squares - 2.0 * (features @ self._vectors.T)
            near = np.argpartition(scores, k - 1, axis=1)[:, :k]
        difference = self._vectors[near] - features[:, None, :]
        distance = np.einsum("tcd,tcd->tc", difference, difference)
        best = np.argpartition(distance, k - 1, axis=1)[:, :k]
        return np.take_along_axis(near, best, axis=1), np.take_along_axis(distance, best, axis=1)


class _Coarse:
    """Vectors along the directions in which they vary most."""

    def __init__(self, vectors: Array) -> None:
        sample = vectors[:: -(-len(vectors) // _SAMPLE)].astype(np.float64)
        self._mean = sample.mean(axis=0).astype(np.float32)
        _, directions = np.linalg.eigh(np.cov(sample.T))
        self._directions = directions[:, -_DIRECTIONS:].astype(np.float32)
        places = (vectors - self._mean) @ self._directions
        rest = -len(vectors) % _BLOCK
        squares = np.einsum("nd,nd->n", places, places)
        self._squares = np.pad(squares, (0, rest), constant_values=np.inf)[:, None]
        self._doubled = np.pad(-2.0 * places, ((0, rest), (0, 0)))

    def candidates(self, features: Array) -> NDArray[np.intp]:
        """Numbers of the 256 nearest along those directions: features (T, D) -> (T, 256).

        They are all among the 256 blocks of 16 whose nearest are nearest; so few are soon put in order.
        """
        scores = self._doubled @ ((features - self._mean) @ self._directions).T
        scores += self._squares
        rows = len(scores) // _BLOCK
        least = scores.reshape(_BLOCK, rows, -1).min(axis=0)
        blocks = np.argpartition(least, _CANDIDATES - 1, axis=0)[:_CANDIDATES]
        starts = rows * np.arange(_BLOCK)[:, None, None]
        members = (starts + blocks).reshape(-1, blocks.shape[1])
        kept = np.argpartition(np.take_along_axis(scores, members, axis=0), _CANDIDATES - 1, axis=0)
        return np.take_along_axis(members, kept[:_CANDIDATES], axis=0).T
