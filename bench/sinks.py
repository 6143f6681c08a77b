"""Sinks: servers that count mail and throw it away. `python -m bench.sinks smtp|pipelining|http`
prints its port.

Each line on standard input is answered with the counts so far as JSON; the end of the input ends
the sink.
"""

import asyncio
import json
import re
import sys
import time
from dataclasses import dataclass

END = b"\r\n.\r\n"
TO = re.compile(rb'"To":\s*("[^"]*")')
TAKEN = (
    b'{"ErrorCode":0,"Message":"OK","MessageID":"sink",'
    b'"SubmittedAt":"2026-01-01T00:00:00Z","To":%s}'
)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


@dataclass(slots=True)
class Tally:
    """What came in since the sink began."""

    accepted: int = 0
    octets: int = 0
    connections: int = 0

    def told(self) -> bytes:
        counts = {
            "accepted": self.accepted,
            "octets": self.octets,
            "connections": self.connections,
            "cpu": time.process_time(),
        }
        return json.dumps(counts).encode() + b"\n"


class SmtpSink(asyncio.Protocol):
    """Takes every mail. It looks at the end of what came only, so that it costs little beside
    what is measured.
    """

    transport: asyncio.Transport

    def __init__(self, tally: Tally, pipelining: bool) -> None:
        self.tally = tally
        self.greeting = (
            b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
            if pipelining
            else b"250-sink\r\n250 8BITMIME\r\n"
        )
        self.in_content = False
        self.buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio's stub promises less than it gives
        self.transport = transport
        self.tally.connections += 1
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while self._content_taken() if self.in_content else self._command_taken():
            pass

    def _content_taken(self) -> bool:
        at = self.buffer.find(END)
        if at < 0:
            return False
        self.tally.accepted += 1
        self.tally.octets += at + len(END)
        del self.buffer[: at + len(END)]
        self.in_content = False
        self.transport.write(b"250 taken\r\n")
        return True

    def _command_taken(self) -> bool:
        at = self.buffer.find(b"\r\n")
        if at < 0:
            return False
        verb = bytes(self.buffer[:4]).upper()
        del self.buffer[: at + 2]
        if verb == b"DATA":
            self.in_content = True
            self.transport.write(b"354 go on\r\n")
        elif verb == b"EHLO":
            self.transport.write(self.greeting)
        elif verb == b"QUIT":
            self.transport.write(b"221 bye\r\n")
            self.transport.close()
            return False
        else:
            self.transport.write(b"250 ok\r\n")
        return True


class HttpSink(asyncio.Protocol):
    """Answers every POST as Postmark's interface does for one accepted mail."""

    transport: asyncio.Transport

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio's stub promises less than it gives
        self.transport = transport
        self.tally.connections += 1

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end_of_head := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self.buffer[:end_of_head]).lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
            whole = end_of_head + 4 + length
            if len(self.buffer) < whole:
                return
            recipient = TO.search(self.buffer, end_of_head, whole)
            answer = TAKEN % (recipient[1] if recipient else b'""')
            del self.buffer[:whole]
            self.tally.accepted += 1
            self.tally.octets += length
            self.transport.write(HEAD % len(answer) + answer)


async def serve(kind: str) -> None:
    """Run one sink until standard input ends."""
    tally, loop = Tally(), asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: HttpSink(tally) if kind == "http" else SmtpSink(tally, kind == "pipelining"),
        "127.0.0.1",
        0,
    )
    sys.stdout.buffer.write(b"%d\n" % server.sockets[0].getsockname()[1])
    sys.stdout.buffer.flush()
    while await loop.run_in_executor(None, sys.stdin.buffer.readline):
        sys.stdout.buffer.write(tally.told())
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
