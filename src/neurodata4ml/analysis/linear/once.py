"""A property computed once for each object, while other threads compute those of other objects."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Any, Generic, TypeVar, overload

Value = TypeVar("Value")


class once(Generic[Value]):
    """Like ``functools.cached_property``, whose lock in Python 3.11 lets all objects of a class wait for each other.

    Threads that ask the same object wait for the one that was first. Where it fails, the next one tries again.
    """

    def __init__(self, function: Callable[[Any], Value]) -> None:
        """Keep the function, and its docstring."""
        self.function, self.__doc__ = function, function.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> once[Value]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...
    def __get__(self, instance: Any, owner: type) -> Value | once[Value]:
        """Return the value, computed at the first call; of the class, this property."""
        if instance is None:
            return self
        kept, name = instance.__dict__, self.function.__name__
        if name not in kept:
            lock = f"_lock_of_{name}"
            with kept.setdefault(lock, RLock()):
                if name not in kept:
                    kept[name] = self.function(instance)
            # who holds a lock can be neither copied nor pickled
            kept.pop(lock, None)
        value: Value = kept[name]
        return value
