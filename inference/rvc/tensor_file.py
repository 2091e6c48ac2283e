"""Tensors in other people's files (torch's, safetensors), read without torch and without running code.

A file is first only described: where each tensor lies, its type and shape. Whoever wants one knows the shape
it must have, so that nothing is read or unfolded that was not asked for.
"""

from __future__ import annotations

import json
import math
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from inference.rvc.inert_pickle import PickleError, Storage, View, load, load_several

MAX_BYTES = 4 << 30
_MAX_PICKLE = 8 << 20
_MAX_HEADER = 16 << 20
_MAX_DIRECTORY = 4 << 20
_MAX_DEPTH = 12
_MAX_DIMENSIONS = 8
_MAX_BYTE_ORDER = 16
_END = struct.Struct("<4s4H2LH")
"""End of central directory record (APPNOTE 4.3.16); torch writes no comment behind it."""
_END_64 = struct.Struct("<4sQ2H2L4Q")
"""Zip64 end of central directory record (4.3.14), which torch writes too; what it says goes before `_END`."""
_LOCATOR_SIZE = 20
"""Between the two."""
_LOCAL = struct.Struct("<4s5H3L2H")
"""Local file header (APPNOTE 4.3.7): the last two numbers are the lengths of name and extra field."""

_OLD = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
"""How torch's files began before they were archives: a pickle of this number."""

_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
"""safetensors' names; bfloat16 is read as its 16 bits."""


_ZIP = b"PK\3\4"


class TensorFileError(ValueError):
    """A file that is not one of tensors, or a damaged one; the message is a sentence for the user."""


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in a file: `kind` F64, F32, F16 or BF16, `offset` of its first byte, contiguous in C order."""

    path: Path
    kind: str
    shape: tuple[int, ...]
    offset: int

    def read(self) -> NDArray[np.float32]:
        """The values as float32, in the file's shape. Raises TensorFileError."""
        count = math.prod(self.shape)
        try:
            raw = np.fromfile(self.path, _TYPES[self.kind], count, offset=self.offset)
        except OSError as error:
            raise TensorFileError(f"{self.path} cannot be read ({error.strerror or error}).") from error
        if raw.size != count:
            raise damaged(self.path)
        if self.kind == "BF16":
            raw = (raw.astype(np.uint32) << 16).view(np.float32)
        return raw.astype(np.float32).reshape(self.shape)


Tensors = dict[str, StoredTensor]


def read_tensors(path: Path) -> Tensors:
    """Describes the floating tensors of a file by name, those of its state dict.

    Raises TensorFileError.
    """
    with _opened(path) as (file, size, head):
        if head[:4] == _ZIP:
            return _torch(path, file, size)
        if head[8:9] == b"{":
            return _safetensors(path, file, size)
        if head.startswith(_OLD):
            return _old_torch(path, file, size)
    raise _foreign(path, head)


def read_saved(path: Path) -> Any:
    """What a file of torch's holds: dicts, lists, strings, numbers, and `Inert` for objects of other kinds.

    Tensors in dicts, and in dicts of dicts, are `StoredTensor`. Raises TensorFileError.
    """
    with _opened(path) as (file, size, head):
        if head[:4] == _ZIP:
            content, stored = _read_torch(path, file, size)
            return _resolved(content, stored, 2, {})
    raise _foreign(path, head)


def _resolved(value: Any, stored: Callable[[View], StoredTensor], depth: int, known: dict[int, Any]) -> Any:
    """Dicts with `stored` of their tensors. `known` by id: thousands of keys may name one large dict."""
    if isinstance(value, dict) and depth:
        if id(value) not in known:
            known[id(value)] = {
                key: _resolved(entry, stored, depth - 1, known) for key, entry in value.items()
            }
        return known[id(value)]
    return stored(value) if isinstance(value, View) else value


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, int, bytes]]:
    """The file, its size and first 16 bytes. Raises TensorFileError."""
    try:
        if path.exists() and not path.is_file():  # opening a pipe would wait for its other end
            raise TensorFileError(f"{path} is not an ordinary file.")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise TensorFileError(f"{path.name} has {size / 1e9:.1f} GB; it was not opened.")
        with path.open("rb") as file:
            yield file, size, file.read(16)
    except FileNotFoundError as error:
        raise TensorFileError(f"{path} does not exist; check the name and the folder.") from error
    except OSError as error:
        raise TensorFileError(f"{path} cannot be read ({error.strerror or error}).") from error


def _foreign(path: Path, head: bytes) -> TensorFileError:
    """What to say of a file that begins so."""
    if head[:1] == b"\x80":
        return TensorFileError(
            f"{path.name} is in torch's old format, a bare pickle, which is not opened; "
            "save it again with torch 1.6 or newer."
        )
    return TensorFileError(f"{path.name} holds no tensors: it is neither torch's nor safetensors' format.")


def damaged(path: Path) -> TensorFileError:
    """What to say of a file that is cut off or was changed."""
    return TensorFileError(f"{path.name} is damaged or cut off; get it again.")


def _safetensors(path: Path, file: BinaryIO, size: int) -> Tensors:
    """Eight bytes length, a JSON header of that length, the data (huggingface.co/docs/safetensors)."""
    file.seek(0)
    (length,) = struct.unpack("<Q", file.read(8))
    if length > min(size - 8, _MAX_HEADER):
        raise damaged(path)
    try:
        header = json.loads(file.read(length))
        found = {
            name: _entry(path, about, 8 + length, size)
            for name, about in header.items()
            if name != "__metadata__" and about["dtype"] in _TYPES
        }
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise damaged(path) from error
    return found


def _entry(path: Path, about: dict[str, Any], start: int, size: int) -> StoredTensor:
    if len(about["shape"]) > _MAX_DIMENSIONS:
        raise damaged(path)
    shape = tuple(int(n) for n in about["shape"])
    begin, end = (int(n) for n in about["data_offsets"])
    width = np.dtype(_TYPES[about["dtype"]]).itemsize
    if min((0, begin, *shape)) < 0 or start + end > size or end - begin != math.prod(shape) * width:
        raise damaged(path)
    return StoredTensor(path, about["dtype"], shape, start + begin)


def _torch(path: Path, file: BinaryIO, size: int) -> Tensors:
    """The state dict in torch's archive. Raises TensorFileError."""
    content, stored = _read_torch(path, file, size)
    try:
        return {name: stored(view) for name, view in _views(content).items()}
    except PickleError as error:
        raise _unreadable(path, error) from error


def _old_torch(path: Path, file: BinaryIO, size: int) -> Tensors:
    """The state dict in a file of torch before 1.6. Raises TensorFileError.

    Five pickles (a number, the version, the system, the content, names of storages), then in the order of
    those names the numbers of each, behind how many there are.
    """
    file.seek(0)
    try:
        (*_, content, keys), widths, at = load_several(file.read(_MAX_PICKLE), 5)
        views = _views(content)
    except PickleError as error:
        raise _unreadable(path, error) from error
    starts: dict[str, tuple[int, int]] = {}
    for key in keys if isinstance(keys, list) else ():
        file.seek(at)
        head, width = file.read(8), widths.get(key, 0) if isinstance(key, str) else 0
        count = int.from_bytes(head, "little")
        if len(head) < 8 or not width or at + 8 + count * width > size:
            raise damaged(path)
        starts[key] = at + 8, count
        at += 8 + count * width
    found = {}
    for name, view in views.items():
        start, count = starts.get(view.storage.key, (0, 0))
        if not view.contiguous or view.offset + math.prod(view.shape) > count:
            raise damaged(path)
        width = widths[view.storage.key]
        found[name] = StoredTensor(path, view.storage.kind, view.shape, start + view.offset * width)
    return found


def _read_torch(path: Path, file: BinaryIO, size: int) -> tuple[Any, Callable[[View], StoredTensor]]:
    """What torch saved, tensors as `View`, and a function that says where such a one lies in the open `file`.

    A zip archive with stored (never packed) entries: NAME/data.pkl and NAME/data/KEY. Both raise
    TensorFileError.
    """
    if size < _END.size:
        raise damaged(path)
    try:
        file.seek(size - _END.size)
        signature, *_, directory, _, comment = _END.unpack(file.read(_END.size))
        directory = max(directory, _directory_64(file, size))
        if signature != b"PK\5\6" or comment or directory > _MAX_DIRECTORY:
            raise damaged(path)
        with zipfile.ZipFile(file) as archive:
            entries = {entry.filename: entry for entry in archive.infolist()}
            main = [entry for name, entry in entries.items() if name.endswith("/data.pkl")]
            if len(main) != 1 or main[0].file_size > _MAX_PICKLE:
                raise TensorFileError(f"{path.name} is a zip archive, but not torch's.")
            prefix = main[0].filename.removesuffix("data.pkl")
            order = entries.get(f"{prefix}byteorder")
            if order is not None and (
                order.file_size > _MAX_BYTE_ORDER or _bytes(path, file, order, size) != b"little"
            ):
                raise TensorFileError(f"{path.name} was saved by a big-endian machine; it is not supported.")
            content = load(_bytes(path, file, main[0], size))
        return content, lambda view: _stored(path, file, view, prefix, entries, size)
    except (zipfile.BadZipFile, struct.error, EOFError, NotImplementedError, UnicodeError) as error:
        raise damaged(path) from error
    except PickleError as error:
        raise _unreadable(path, error) from error


def _directory_64(file: BinaryIO, size: int) -> int:
    """The bytes of the directory as the larger record says them, 0 where there is none."""
    start = size - _END.size - _LOCATOR_SIZE - _END_64.size
    if start < 0:
        return 0
    file.seek(start)
    signature, *_, directory, _ = _END_64.unpack(file.read(_END_64.size))
    return int(directory) if signature == b"PK\6\6" else 0


def _unreadable(path: Path, error: PickleError) -> TensorFileError:
    return TensorFileError(f"{path.name} is not a file of weights that Menura can read ({error}).")


def _bytes(path: Path, file: BinaryIO, entry: zipfile.ZipInfo, size: int) -> bytes:
    file.seek(_start(path, file, entry, size))
    return file.read(entry.file_size)


def _start(path: Path, file: BinaryIO, entry: zipfile.ZipInfo, size: int) -> int:
    """Where an entry's bytes begin, which the directory does not say."""
    if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
        raise TensorFileError(f"{path.name} is packed, as no file of torch is; it was not opened.")
    if not 0 <= entry.header_offset <= size - _LOCAL.size:
        raise damaged(path)
    file.seek(entry.header_offset)
    signature, *_, name, extra = _LOCAL.unpack(file.read(_LOCAL.size))
    start = entry.header_offset + _LOCAL.size + name + extra
    if signature != b"PK\3\4" or start + entry.file_size > size:
        raise damaged(path)
    return start


def _views(content: Any) -> dict[str, View]:
    """The tensors of a state dict, or of the one in a checkpoint. Raises PickleError where there is none."""
    for _ in range(_MAX_DEPTH):
        if not isinstance(content, dict):
            break
        found = {k: v for k, v in content.items() if isinstance(k, str) and isinstance(v, View)}
        if found:
            return found
        content = next((content[key] for key in ("model", "state_dict", "weight") if key in content), None)
    raise PickleError("there is no state dict in it")


def _stored(
    path: Path, file: BinaryIO, view: View, prefix: str, entries: dict[str, zipfile.ZipInfo], size: int
) -> StoredTensor:
    storage: Storage = view.storage
    entry = entries.get(f"{prefix}data/{storage.key}")
    if entry is None:
        raise damaged(path)
    width = np.dtype(_TYPES[storage.kind]).itemsize
    if not view.contiguous or (view.offset + math.prod(view.shape)) * width > entry.file_size:
        raise damaged(path)
    return StoredTensor(path, storage.kind, view.shape, _start(path, file, entry, size) + view.offset * width)
