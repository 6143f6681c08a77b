"""Unpack a body as it arrives, without ever holding more than its cap."""

import zlib
from collections.abc import Iterable, Iterator

from ingest.http.faults import Fault, UpstreamError

PIECE = 64 * 1024
_GZIP = zlib.MAX_WBITS | 16
_NOT_PACKED = frozenset({"", "identity"})
_PACKED = frozenset({"gzip", "x-gzip"})


def unpacked(pieces: Iterable[bytes], encoding: str, cap: int) -> bytes:
    """Return the whole body of the sent `pieces`, whose Content-Encoding is `encoding` (RFC 9110
    section 8.4).

    `cap` holds for the bytes as sent and for those unpacked: 200 kB can unpack to 200 MB.

    Raises:
        UpstreamError: TOO_LARGE beyond `cap` bytes; BROKEN, when the packing is unknown, damaged or
            cut short.
    """
    encoding = encoding.strip().lower()
    if encoding in _NOT_PACKED:
        return _joined(pieces, cap)
    if encoding in _PACKED:
        return _joined(_gunzipped(_counted(pieces, cap)), cap)
    raise UpstreamError(
        Fault.BROKEN, f"The answer is packed as “{encoding[:40]}”, which was not asked for."
    )


def _joined(pieces: Iterable[bytes], cap: int) -> bytes:
    body = bytearray()
    for piece in _counted(pieces, cap):
        body += piece
    return bytes(body)


def _counted(pieces: Iterable[bytes], cap: int) -> Iterator[bytes]:
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > cap:
            raise UpstreamError(Fault.TOO_LARGE, f"The answer is larger than {cap:,} bytes.")
        yield piece


def _gunzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack a gzip stream of one or more members (RFC 1952 section 2.2) in small pieces."""
    unpacker = None
    for piece in pieces:
        rest = piece
        while rest:
            unpacker = unpacker or zlib.decompressobj(_GZIP)
            try:
                yield unpacker.decompress(rest, PIECE)
            except zlib.error as error:
                raise UpstreamError(
                    Fault.BROKEN, f"The answer cannot be unpacked: {error}."
                ) from error
            rest = unpacker.unconsumed_tail
            if unpacker.eof:
                rest, unpacker = unpacker.unused_data, None
    if unpacker:
        raise UpstreamError(Fault.BROKEN, "The answer is cut short: its gzip stream has no end.")
