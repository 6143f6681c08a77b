"""A small memory for values that are asked for again and again."""

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar, cast

Value = TypeVar("Value")


class Memory:
    """Values by key, up to so many bytes. When it is full it forgets everything: what is asked for
    often comes back soon.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self._values: dict[Hashable, object] = {}

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Hashable, size: int, make: Callable[[], Value]) -> Value:
        """The value under a key, made when it is not there, of about so many bytes. One key always
        stands for one kind of value.
        """
        found = self._values.get(key)
        if found is None:
            found = make()
            self.keep(key, found, size)
        return cast("Value", found)

    def known(self, keys: Iterable[Hashable]) -> list[object]:
        """The values under many keys at once, None where there is none."""
        return list(map(self._values.get, keys))

    def keep(self, key: Hashable, value: object, size: int) -> None:
        """Put a value of about so many bytes under a key."""
        if self._size + size > self._most:
            self._values.clear()
            self._size = 0
        self._values[key] = value
        self._size += size
