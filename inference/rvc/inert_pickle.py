"""A pickle as torch writes it, read so that nothing in it runs: data stays, every foreign object goes limp.

Only the instructions that torch's and fairseq's files need are there; a class that is none of theirs for
tensors becomes `Inert`, which swallows its arguments. Python's own machine of the format does the rest.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

_KINDS = {"DoubleStorage": "F64", "FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16"}
_WIDTHS = {
    **{"DoubleStorage": 8, "FloatStorage": 4, "HalfStorage": 2, "BFloat16Storage": 2, "LongStorage": 8},
    **{"IntStorage": 4, "ShortStorage": 2, "CharStorage": 1, "ByteStorage": 1, "BoolStorage": 1},
}
"""Bytes of a number."""
_MAX_DIMENSIONS = 8
_MAX_ARGUMENTS = 64

_INSTRUCTIONS = (
    *(pickle.PROTO, pickle.FRAME, pickle.STOP, pickle.MARK, pickle.POP, pickle.POP_MARK, pickle.DUP),
    *(pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE, pickle.BINFLOAT),
    *(pickle.BININT, pickle.BININT1, pickle.BININT2, pickle.LONG1),
    *(pickle.BINUNICODE, pickle.SHORT_BINUNICODE, pickle.BINUNICODE8),
    *(pickle.BINSTRING, pickle.SHORT_BINSTRING, pickle.BINBYTES, pickle.SHORT_BINBYTES),
    *(pickle.EMPTY_TUPLE, pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3),
    *(pickle.EMPTY_LIST, pickle.APPEND, pickle.APPENDS, pickle.EMPTY_DICT, pickle.SETITEM, pickle.SETITEMS),
    *(pickle.GLOBAL, pickle.STACK_GLOBAL, pickle.REDUCE, pickle.NEWOBJ, pickle.BUILD),
    *(pickle.BINPUT, pickle.LONG_BINPUT, pickle.BINGET, pickle.LONG_BINGET, pickle.MEMOIZE, pickle.BINPERSID),
)
"""What is not here is refused: BYTEARRAY8 reserves as much memory as it likes, sets hash what they get, LONG4
makes numbers that take as long to hash as they are long.
"""


_MACHINE: Any = pickle._Unpickler  # type: ignore[attr-defined]


class PickleError(ValueError):
    """Not such a pickle; the message says in a few words why."""


class _Closed:
    """What a pickle names but may not change: BUILD would write over fields that were checked."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        raise PickleError("it changes what reads it")


@dataclass(frozen=True)
class Storage(_Closed):
    """Numbers in the archive's entry `key`: `kind` as in StoredTensor, '' for numbers of no use here."""

    kind: str
    key: str


@dataclass(frozen=True)
class View(_Closed):
    """A tensor on a storage: `offset` in elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    contiguous: bool


class Inert:
    """Stands for an object of any class: takes what it is given and keeps nothing."""

    __slots__ = ()

    def __init__(self, *_: Any) -> None:
        """Any arguments, none kept."""

    def __call__(self, *_: Any) -> Inert:
        """As a method that was pickled is called."""
        return self

    def __setstate__(self, state: Any) -> None:
        """Nothing to restore."""

    def __setitem__(self, key: Any, value: Any) -> None:
        """As the subclass of a dict is filled."""

    def append(self, value: Any) -> None:
        """As the subclass of a list is filled."""

    def extend(self, values: Any) -> None:
        """As `append`."""


class Entries(dict[Any, Any]):
    """An OrderedDict, which torch's state dicts are; what else belongs to one is passed over."""

    __slots__ = ()

    def __init__(self, *_: Any) -> None:
        """Empty: entries come by `__setitem__`."""

    def __setstate__(self, state: Any) -> None:
        """Nothing to restore."""


class _Known(_Closed):
    """A function of torch's that pickles may name; closed to changes from within one."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *args: Any) -> Any:
        return self._call(*args)


def load(content: bytes) -> Any:
    """The content as dicts, lists, tuples, strings, numbers, `View` and `Inert`. Raises PickleError.

    Lists may hold one another, a million levels in a kilobyte: show of a value only what `in_short` does.
    """
    return load_several(content, 1)[0][0]


def in_short(value: Any, most: int) -> str:
    """The first `most` characters of a text or number; of anything else only its kind."""
    return str(value)[:most] if isinstance(value, str | int | float) else type(value).__name__.lower()


def load_several(content: bytes, count: int) -> tuple[list[Any], dict[str, int], int]:
    """Pickles behind one another, as `load` has them; the width of each storage they name; where they end.

    Raises PickleError.
    """
    stream = io.BytesIO(content)
    widths: dict[str, int] = {}
    try:
        return [_Reader(stream, widths).load() for _ in range(count)], widths, stream.tell()
    except PickleError:
        raise
    except KeyError as error:
        raise PickleError("it has instructions that weights do not need") from error
    except RecursionError as error:
        raise PickleError("it is nested too deeply") from error
    except Exception as error:
        # A damaged pickle can make the machine raise anything.
        raise PickleError("it is damaged") from error


def _view(storage: Any, offset: Any, shape: Any, stride: Any, *_: Any) -> View | Inert:
    flat = len(shape) == len(stride) <= _MAX_DIMENSIONS
    plain = flat and all(type(n) is int and 0 <= n < 1 << 40 for n in (offset, *shape, *stride))
    if not (isinstance(storage, Storage) and plain):
        raise PickleError("it describes a tensor that cannot be")
    if not storage.kind:
        return Inert()
    step, contiguous = 1, True
    for n, by in zip(reversed(shape), reversed(stride), strict=True):
        contiguous = contiguous and (n == 1 or by == step)
        step *= n
    return View(storage, offset, tuple(shape), contiguous)


def _parameter(value: Any, *_: Any) -> Any:
    return value


class _Kind(_Closed):
    """A class of storages: named, never called."""

    __slots__ = ("kind", "width")

    def __init__(self, name: str) -> None:
        self.kind, self.width = _KINDS.get(name, ""), _WIDTHS.get(name, 0)


_TENSORS = {
    "_rebuild_tensor": _Known(_view),
    "_rebuild_tensor_v2": _Known(_view),
    "_rebuild_parameter": _Known(_parameter),
}


class _Reader(_MACHINE):  # type: ignore[misc,valid-type]
    """Python's machine in Python: its memo is a dict, so that no index reserves memory."""

    dispatch: ClassVar[dict[int, Any]] = {op[0]: _MACHINE.dispatch[op[0]] for op in _INSTRUCTIONS}
    stack: list[Any]
    pop_mark: Callable[[], list[Any]]

    def __init__(self, stream: io.BytesIO, widths: dict[str, int]) -> None:
        super().__init__(stream)
        self.widths = widths

    def load_setitems(self) -> None:
        """Fills a dict; entries with other keys than text and numbers are dropped.

        Tuples of tuples, each twice in the next, would take for ever to hash.
        """
        items = self.pop_mark()
        target = self.stack[-1]
        for key, value in zip(items[::2], items[1::2], strict=True):
            if isinstance(key, (str, bytes, int, float)):
                target[key] = value

    def load_setitem(self) -> None:
        """As `load_setitems`, one entry."""
        value, key = self.stack.pop(), self.stack.pop()
        if isinstance(key, (str, bytes, int, float)):
            self.stack[-1][key] = value

    def load_reduce(self) -> None:
        """A call, of few arguments: a million of them, unpacked at every instruction, would take for ever."""
        self._check_arguments()
        super().load_reduce()

    def load_newobj(self) -> None:
        """As `load_reduce`, of a class."""
        self._check_arguments()
        super().load_newobj()

    def _check_arguments(self) -> None:
        if len(self.stack[-1]) > _MAX_ARGUMENTS:
            raise PickleError("it calls with more arguments than weights need")

    dispatch[pickle.SETITEMS[0]], dispatch[pickle.SETITEM[0]] = load_setitems, load_setitem
    dispatch[pickle.REDUCE[0]], dispatch[pickle.NEWOBJ[0]] = load_reduce, load_newobj

    def find_class(self, module: str, name: str) -> Any:
        """Stands in for what a pickle names."""
        if module == "torch._utils" and name in _TENSORS:
            return _TENSORS[name]
        if module == "torch" and name.endswith("Storage"):
            return _Kind(name)
        if (module, name) == ("collections", "OrderedDict"):
            return Entries
        return Inert

    def persistent_load(self, pid: Any) -> Storage:
        """('storage', class, key, device, count) -> where the numbers are."""
        if not (isinstance(pid, tuple) and len(pid) >= 3 and isinstance(pid[1], _Kind)):
            raise PickleError("it refers to something that is no storage")
        key = pid[2]
        if not (isinstance(key, str) and key.isalnum()) or any(part is not None for part in pid[5:]):
            raise PickleError("it refers to something that is no storage")
        self.widths[key] = pid[1].width
        return Storage(pid[1].kind, key)
