"""A small memory for values that are asked for again and again."""

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar, cast

MOST_KEPT = 200_000

Value = TypeVar("Value")


class Memory:
    """Values by key. When it is full it forgets everything: what is asked for often comes back
    soon.
    """

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._values: dict[Hashable, object] = {}

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value under a key, made when it is not there. One key always stands for one kind
        of value.
        """
        found = self._values.get(key)
        if found is None:
            found = make()
            self.keep(key, found)
        return cast("Value", found)

    def known(self, keys: Iterable[Hashable]) -> list[object]:
        """The values under many keys at once, None where there is none."""
        return list(map(self._values.get, keys))

    def keep(self, key: Hashable, value: object) -> None:
        """Put a value under a key."""
        if len(self._values) >= self._most:
            self._values.clear()
        self._values[key] = value
