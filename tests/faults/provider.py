"""A mail provider for experiments: a process that writes each mail it accepts into a log before it
answers.

Run as `python -m tests.faults.provider FOLDER`; it listens at the port that FOLDER/port names, or
writes there which one it got. For each mail it reads from FOLDER/mode what to do: a JSON object
with `delay` (seconds per mail), `reply` ("" accepts, two others accept without a word) and `only`
(the address that the reply is for; all without it). A line of its log is an address and the mail's
length in bytes.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

CUT, STALL = "accept and cut", "accept and stall"
STALL_SECONDS = 35
"""Longer than anybody waits for an answer."""


class Provider:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = os.open(folder / "accepted", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    async def serve(self) -> None:
        known = self.folder / "port"
        server = await asyncio.start_server(
            self.session, "127.0.0.1", int(known.read_text()) if known.exists() else 0
        )
        draft = self.folder / ".port"
        draft.write_text(str(server.sockets[0].getsockname()[1]))
        draft.rename(known)
        await server.serve_forever()

    def mode(self) -> dict:
        return json.loads((self.folder / "mode").read_text())

    async def session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self.talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # a killed worker is what this is about
        finally:
            writer.close()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        address = ""
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"RCPT":
                address = line.split(b"<")[1].split(b">")[0].decode()
            if verb == b"DATA":
                writer.write(b"354 go on\r\n")
                content = await reader.readuntil(b"\r\n.\r\n")
                if not await self.answer(address, len(content), writer):
                    return
            else:
                writer.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
            await writer.drain()

    async def answer(self, address: str, length: int, writer: asyncio.StreamWriter) -> bool:
        """Accept or refuse one mail; False ends the connection without an answer."""
        mode = self.mode()
        reply = mode.get("reply", "") if mode.get("only", address) == address else ""
        await asyncio.sleep(mode.get("delay", 0) / 2)
        if reply and reply not in (CUT, STALL):
            writer.write(f"{reply}\r\n".encode())
            return True
        os.write(self.log, f"{address} {length}\n".encode())
        await asyncio.sleep(STALL_SECONDS if reply == STALL else mode.get("delay", 0) / 2)
        if reply:
            return False
        writer.write(b"250 accepted\r\n")
        return True


if __name__ == "__main__":
    asyncio.run(Provider(Path(sys.argv[1])).serve())
