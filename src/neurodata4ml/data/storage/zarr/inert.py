"""Read a pickled array of objects without unpickling: no name in it is looked up, no code in it can run.

hdmf-zarr writes object references, and compound values that hold them, by ``numcodecs.Pickle``, and offers no other
codec that can hold them; so files of today cannot be read without. Unpickling a file of somebody else runs what they
wrote into it, and even numpy's own constructors corrupt memory when they are given odd states. Here the stream is read
by a small machine of our own. It makes nothing but None, numbers, text, bytes, tuples, lists and dicts; a call stays a
record of what would have been called. At the end only one thing is accepted: numpy's record of an array of objects.
"""

from __future__ import annotations

import math
import pickletools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from neurodata4ml.data.storage.zarr.damage import Damaged

ARRAYS = {("numpy._core.multiarray", "_reconstruct"), ("numpy.core.multiarray", "_reconstruct")}
MAPPINGS = {("hdmf_zarr.utils", "ZarrReference"), ("builtins", "dict"), ("collections", "OrderedDict")}
HARMLESS = {*ARRAYS, *MAPPINGS, ("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode")}
"""Names that such an array may hold. None is imported; any other means that the file is not what it should be."""

LONGEST = 1 << 25
"""Bytes of a pickled chunk: some hundred thousand references. Each byte may stand for a value of 60 in memory."""

MARK = object()


class Name:
    """A name of a module, as it is written."""

    def __init__(self, module: Any, name: Any) -> None:  # noqa: D107
        if (module, name) not in HARMLESS:
            message = f"it would run {module}.{name} if it were unpickled; nothing was run. Do not trust this file"
            raise Damaged(message)
        self.name = (module, name)


class Call:
    """A call that was not made; ``state`` is what would have been told to its result."""

    def __init__(self, called: Any, arguments: Any) -> None:  # noqa: D107
        self.name = called.name if isinstance(called, Name) else None
        self.arguments, self.state = arguments, None
        self.members: dict[Any, Any] = {}


def pickled_array(data: bytes, n_values: int, n_fields: int = 0) -> list[Any]:
    """Return the values of a pickled array of objects, in the order in which they lie in memory.

    Values are None, numbers, text, bytes or mappings of names; with ``n_fields``, tuples of so many of them.

    Raises
    ------
    LayoutError
        When it is anything else, or not of ``n_values``.
    """
    try:
        return _array(_run(data), n_values, n_fields)
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError) as error:
        message = f"its pickled values end too early, or are none ({error})"
        raise Damaged(message) from error


def _run(data: bytes) -> Any:
    """Run the stream on the machine; what it leaves on the stack is the result."""
    if len(data) > LONGEST:
        message = f"its pickled values take {len(data):,} bytes; at most {LONGEST:,} are read"
        raise Damaged(message)
    machine = _Machine()
    for code, argument, _ in pickletools.genops(data):
        if code.name == "STOP":
            return machine.stack.pop()
        step = STEPS.get(code.name)
        if step is None:
            message = f"its pickled values use {code.name}, which an array of references or texts does not need"
            raise Damaged(message)
        step(machine, argument)
    message = "its pickled values do not end"
    raise Damaged(message)


class _Machine:
    """What a pickle works on: a stack, and values to come back to."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def since_mark(self) -> list[Any]:
        """Take what lies above the last mark."""
        place = len(self.stack) - 1
        while self.stack[place] is not MARK:
            place -= 1
            if place < 0:
                message = "a mark is missing"
                raise ValueError(message)
        taken = self.stack[place + 1 :]
        del self.stack[place:]
        return taken

    def last(self, number: int) -> tuple[Any, ...]:
        """Take the last values."""
        if len(self.stack) < number:
            message = "a value is missing"
            raise ValueError(message)
        taken = tuple(self.stack[len(self.stack) - number :])
        del self.stack[len(self.stack) - number :]
        return taken

    def call(self, _: Any) -> None:
        called, arguments = self.last(2)
        self.push(Call(called, arguments))

    def build(self, _: Any) -> None:
        (state,) = self.last(1)
        self.stack[-1].state = state

    def name(self, argument: Any) -> None:
        self.push(Name(*(self.last(2) if argument is None else argument.split(" ", 1))))

    def extend(self, values: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            message = "it appends to what is no list"
            raise TypeError(message)
        self.stack[-1].extend(values)

    def update(self, pairs: list[Any]) -> None:
        target = self.stack[-1]
        members = target.members if isinstance(target, Call) else target
        if not isinstance(members, dict) or len(pairs) % 2:
            message = "it sets members of what has none"
            raise TypeError(message)
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if not isinstance(key, str):
                message = f"a member is called {type(key).__name__}"
                raise TypeError(message)
            members[key] = value


Step = Callable[[_Machine, Any], None]


def _constant(value: Any) -> Step:
    return lambda machine, _: machine.push(value)


def _tuple(number: int) -> Step:
    return lambda machine, _: machine.push(machine.last(number))


def _memoize(machine: _Machine, _: Any) -> None:
    machine.memo[len(machine.memo)] = machine.stack[-1]


def _put(machine: _Machine, place: int) -> None:
    machine.memo[place] = machine.stack[-1]


def _nothing(machine: _Machine, _: Any) -> None:
    pass


PUSHED = (
    *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
    *("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "SHORT_BINBYTES", "BINBYTES"),
)
STEPS: Mapping[str, Step] = MappingProxyType(
    {
        **dict.fromkeys(("PROTO", "FRAME"), _nothing),
        **dict.fromkeys(PUSHED, _Machine.push),
        **dict.fromkeys(("MEMOIZE",), _memoize),
        **dict.fromkeys(("BINPUT", "LONG_BINPUT"), _put),
        **dict.fromkeys(("BINGET", "LONG_BINGET"), lambda machine, place: machine.push(machine.memo[place])),
        **dict.fromkeys(("GLOBAL", "STACK_GLOBAL"), _Machine.name),
        **dict.fromkeys(("REDUCE", "NEWOBJ"), _Machine.call),
        "BUILD": _Machine.build,
        "NONE": _constant(None),
        "NEWTRUE": _constant(True),
        "NEWFALSE": _constant(False),
        "MARK": _constant(MARK),
        "EMPTY_TUPLE": _constant(()),
        "EMPTY_LIST": lambda machine, _: machine.push([]),
        "EMPTY_DICT": lambda machine, _: machine.push({}),
        "TUPLE1": _tuple(1),
        "TUPLE2": _tuple(2),
        "TUPLE3": _tuple(3),
        "TUPLE": lambda machine, _: machine.push(tuple(machine.since_mark())),
        "APPEND": lambda machine, _: machine.extend(list(machine.last(1))),
        "APPENDS": lambda machine, _: machine.extend(machine.since_mark()),
        "SETITEM": lambda machine, _: machine.update(list(machine.last(2))),
        "SETITEMS": lambda machine, _: machine.update(machine.since_mark()),
    }
)
"""All that pickles of such arrays do."""


def _array(made: Any, n_values: int, n_fields: int) -> list[Any]:
    """Return the values of the record of an array: (version, shape, dtype, whether in Fortran's order, list)."""
    state = made.state if isinstance(made, Call) and made.name in ARRAYS else None
    if not isinstance(state, tuple) or len(state) != 5 or not isinstance(state[4], list):
        message = "its pickled values are no array of objects"
        raise Damaged(message)
    shape, values = state[1], state[4]
    is_shape = isinstance(shape, tuple) and len(shape) <= 32 and all(type(n) is int and 0 <= n < 2**63 for n in shape)
    if not is_shape or math.prod(shape) != n_values or len(values) != n_values:
        message = f"its pickled array has {len(values)} values, where {n_values} are due"
        raise Damaged(message)
    return [_row(value, n_fields) if n_fields else _plain(value) for value in values]


def _row(value: Any, n_fields: int) -> tuple[Any, ...]:
    # of the length that is due: one long row that stands for many would take room that nobody sent
    if not isinstance(value, tuple | list) or len(value) != n_fields:
        message = f"its pickled rows should be tuples of {n_fields} values; got {type(value).__name__.lower()}"
        raise Damaged(message)
    return tuple(_plain(part) for part in value)


def _plain(value: Any) -> Any:
    """Return a value if it is a single one; of a mapping's record, its members."""
    if value is None or isinstance(value, bool | int | float | str | bytes | dict):
        return value
    if isinstance(value, Call) and value.name in MAPPINGS:
        return value.members
    message = f"its pickled array holds {type(value).__name__.lower()}s where texts, numbers or references are due"
    raise Damaged(message)
