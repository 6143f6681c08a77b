"""Which papers a topic or a typed phrase is matched with, as values that can be stored."""

import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from newsletter.ranking.packing import UnreadableBytes

_HEAD = struct.Struct("<BI")
_VERSION = 1
_WIDE = 0x80
"""Marks places of four bytes each, for editions of more papers than two bytes can count."""


class Match(NamedTuple):
    """The papers that are on a phrase: `places` int32, ascending, and their `scores` int16, 1 to
    1000.
    """

    places: NDArray[np.int32]
    scores: NDArray[np.int16]

    @classmethod
    def of(cls, counted: NDArray[np.int16]) -> "Match":
        """`counted` has the score of every paper, 0 for those that are not on the phrase."""
        places = np.flatnonzero(counted)
        return cls(places.astype(np.int32), counted[places])

    @property
    def size(self) -> int:
        """About how many bytes it takes in memory."""
        return 400 + self.places.nbytes + self.scores.nbytes

    def counted(self, papers: int) -> NDArray[np.int16]:
        """The score of each of so many papers, 0 for those that are not on the phrase."""
        row = np.zeros(papers, np.int16)
        row[self.places] = self.scores
        return row

    def to_bytes(self) -> bytes:
        """About four bytes for each paper that is on the phrase."""
        wide = bool((self.places > np.iinfo(np.uint16).max).any())
        head = _HEAD.pack(_VERSION | _WIDE * wide, len(self.places))
        places = self.places.astype("<u4" if wide else "<u2")
        return head + places.tobytes() + self.scores.astype("<i2").tobytes()

    @classmethod
    def from_bytes(cls, blob: bytes) -> "Match":
        """What `to_bytes` gave. UnreadableBytes for damaged or outdated bytes."""
        if len(blob) < _HEAD.size:
            raise UnreadableBytes("too short to be a phrase's match; match the phrase again")
        version, count = _HEAD.unpack_from(blob)
        places = np.dtype("<u4" if version & _WIDE else "<u2")
        if version & ~_WIDE != _VERSION or len(blob) != _HEAD.size + count * (places.itemsize + 2):
            raise UnreadableBytes("not a phrase's match of this version; match the phrase again")
        scores = np.frombuffer(blob, "<i2", count, _HEAD.size + count * places.itemsize)
        found = np.frombuffer(blob, places, count, _HEAD.size)
        return cls(found.astype(np.int32), scores.astype(np.int16))
