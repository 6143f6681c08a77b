"""Scripted providers: a mail server and an HTTP interface on loopback that do to each mail what
the next word of a script says.
"""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer


class ScriptedSmtp(ThreadingTCPServer):
    """Speaks just enough SMTP. `script` holds a word per mail; "" accepts, and so does a script
    that has ended.

    Words: a stage and a reply ("mail 451 later", "rcpt 550 no such user", "data 354", "dot 554 no")
    or a stage and "cut" or "stall".
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _SmtpSession)
        self.script: list[str] = []
        self.greeting = "220 ready"
        self.accepted: list[tuple[str, bytes]] = []
        self.connections = 0
        self.most = 1000
        """Connections at a time; one more is told so and closed."""
        self.open: set[socket.socket] = set()
        self.is_deaf = False
        self.pipelining = False
        self.mechanisms = "PLAIN"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def hang_up(self) -> None:
        """Close every connection from this end, and wait until all are."""
        for connection in list(self.open):
            connection.shutdown(socket.SHUT_RDWR)
        while self.open:
            time.sleep(0.01)

    @property
    def port(self) -> int:
        return self.server_address[1]

    def handle_error(self, request, client_address) -> None:
        """A client that went away is part of the play."""


def use(settings, server: ScriptedSmtp) -> None:
    """Let the settings name this server."""
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False


class _SmtpSession(StreamRequestHandler):
    server: ScriptedSmtp

    def handle(self) -> None:
        self.server.connections += 1
        if len(self.server.open) >= self.server.most:
            self.say("421 too many connections")
            return
        self.server.open.add(self.connection)
        try:
            self.speak()
        finally:
            self.server.open.discard(self.connection)

    def speak(self) -> None:
        self.say(self.server.greeting)
        self.address, self.word = "", ""
        while line := self.rfile.readline():
            verb = line.split(b":")[0].split()[0].upper().decode()
            answer = getattr(self, f"do_{verb.lower()}", None)
            if answer is None:
                self.say("502 what?")
            elif answer(line) is False:
                return

    def say(self, reply: str) -> None:
        self.wfile.write(reply.encode() + b"\r\n")

    def act(self, stage: str, usual: str) -> bool:
        """Do what the script says for this stage; False ends the connection."""
        wanted, _, what = self.word.partition(" ")
        if wanted != stage:
            self.say(usual)
            return True
        self.word = ""
        if what == "cut":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            return False
        if what == "stall":
            time.sleep(1.0)
            return False
        self.say(what)
        return not what.startswith("421")

    def do_ehlo(self, _line: bytes) -> None:
        self.say(
            "250-here"
            + "\r\n250-PIPELINING" * self.server.pipelining
            + f"\r\n250 AUTH {self.server.mechanisms}"
        )

    def do_mail(self, _line: bytes) -> bool:
        self.word = self.server.script.pop(0) if self.server.script else ""
        return self.act("mail", "250 ok")

    def do_rcpt(self, line: bytes) -> bool:
        self.address = line.split(b"<")[1].split(b">")[0].decode()
        return self.act("rcpt", "250 ok")

    def do_data(self, _line: bytes) -> bool:
        if self.word.startswith("data"):
            return self.act("data", "")
        self.say("354 go on")
        if self.word == "body cut":
            self.rfile.read(10)
            return self.act("body", "")
        content = bytearray()
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                return False
            content += line[1:] if line.startswith(b"..") else line
        if not self.word or self.word in ("dot cut", "dot stall"):
            self.server.accepted.append((self.address, bytes(content)))
        return self.act("dot", "250 accepted")

    def do_rset(self, _line: bytes) -> None:
        self.say("250 ok")

    def do_noop(self, _line: bytes) -> None:
        if not self.server.is_deaf:
            self.say("250 still here")

    def do_quit(self, _line: bytes) -> bool:
        self.say("221 bye")
        return False


class ScriptedHttp(ThreadingHTTPServer):
    """Answers POSTs as Postmark would. `script` holds (status, headers, body) per call, or "cut"
    or "stall"; then all are accepted.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _HttpSession)
        self.script: list[tuple[int, dict[str, str], bytes] | str] = []
        self.accepted: list[dict] = []
        self.connections = 0
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def handle_error(self, request, client_address) -> None:
        """A client that went away is part of the play."""


class _HttpSession(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ScriptedHttp

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        word = self.server.script.pop(0) if self.server.script else None
        if word is None or isinstance(word, str):
            self.server.accepted.append(sent)
        if word == "cut":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        if word == "stall":
            time.sleep(1.0)
            self.close_connection = True
            return
        status, headers, body = word or (
            200,
            {},
            json.dumps(
                {"ErrorCode": 0, "Message": "OK", "MessageID": "m1", "To": sent["To"]}
            ).encode(),
        )
        self.send_response(status)
        for name, value in (
            {"Content-Type": "application/json", "Content-Length": str(len(body))} | headers
        ).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args) -> None:
        """Say nothing on stderr."""


def stopping(server: ThreadingTCPServer | ThreadingHTTPServer) -> Callable[[], None]:
    def stop() -> None:
        server.shutdown()
        server.server_close()

    return stop
