"""Values that are computed when they are first used, and then kept.

Python 3.11's ``functools.cached_property`` has one lock for all instances of a class: one input whose reading hangs
would stop all others. `lazy` has no lock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

__all__ = ["lazy"]

T = TypeVar("T")


class lazy(Generic[T]):  # noqa: N801  # it is used like `property`
    """Make a method an attribute whose value is computed once and kept in the instance.

    Two threads that ask at the same time may both compute it, so the method must give the same value each time. The
    value can also be assigned, as that of any attribute.
    """

    def __init__(self, function: Callable[[Any], T]) -> None:
        self._function = function
        self.__doc__ = function.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> Self | T:
        if instance is None:
            return self
        # A frozen dataclass takes no assignment, but its values can be written where Python keeps them. Python looks
        # there first, so this method runs only until the value is known.
        return instance.__dict__.setdefault(self._name, self._function(instance))  # type: ignore[no-any-return]
