"""Named arrays and plain data as one block of bytes, and back. Nothing in it can run code."""

import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_HEAD = struct.Struct("<4sHI")
_LENGTH = struct.Struct("<I")
_KINDS = frozenset("biuf")


class UnreadableBytes(ValueError):
    """The bytes were not made by this version of Paperboy, or were damaged."""


def pack(
    magic: bytes,
    version: int,
    data: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    parts: Sequence[bytes] = (),
) -> bytes:
    """`data` must be JSON-able, arrays numeric; `parts` are packed already and kept as they are.
    Equal input gives equal bytes.
    """
    table: list[tuple[str, str, list[int]]] = []
    blocks: list[bytes] = []
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        table.append((name, little.dtype.str, list(array.shape)))
        blocks.append(little.tobytes())
    header = {"data": data, "arrays": table, "parts": [len(part) for part in parts]}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    packed = zlib.compress(b"".join((_LENGTH.pack(len(text)), text, *blocks)), 6)
    body = b"".join((packed, *parts))
    return _HEAD.pack(magic, version, zlib.crc32(body)) + body


def unpack(
    magic: bytes, version: int, blob: bytes
) -> tuple[dict[str, Any], dict[str, NDArray[Any]], list[bytes]]:
    """What `pack` took: data, arrays and parts. UnreadableBytes if the bytes are foreign, damaged,
    or of another version.
    """
    if len(blob) < _HEAD.size:
        raise UnreadableBytes("too short to be ranking statistics; freeze the edition again")
    found_magic, found_version, checksum = _HEAD.unpack_from(blob)
    body = memoryview(blob)[_HEAD.size :]
    if found_magic != magic:
        raise UnreadableBytes(
            f"these bytes do not begin with {magic!r}; they are not ranking statistics of this kind"
        )
    if found_version != version:
        raise UnreadableBytes(
            f"made by ranking version {found_version}, this is version {version}; compute them "
            "again"
        )
    if zlib.crc32(body) != checksum:
        raise UnreadableBytes("the bytes are damaged (checksum differs); compute them again")
    packed = zlib.decompressobj()
    header, arrays = _read(packed.decompress(body))
    kept: list[bytes] = []
    at = 0
    for length in header.get("parts", ()):
        kept.append(packed.unused_data[at : at + length])
        at += length
    return header["data"], arrays, kept


def _read(raw: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    (length,) = _LENGTH.unpack_from(raw)
    at = _LENGTH.size + length
    header = json.loads(raw[_LENGTH.size : at])
    arrays: dict[str, NDArray[Any]] = {}
    for name, kind, shape in header["arrays"]:
        dtype = np.dtype(kind)
        if dtype.kind not in _KINDS:
            raise UnreadableBytes(f"array {name} has the unexpected type {kind}")
        count = int(np.prod(shape, dtype=np.int64))
        arrays[name] = np.frombuffer(raw, dtype, count, at).reshape(shape)
        at += count * dtype.itemsize
    return header, arrays
