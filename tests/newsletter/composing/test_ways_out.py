"""The same digest over SMTP, over a provider's API and into a file: the headers that matter
arrive as they were written.
"""

import email
import json
import re
import socket
import threading
from email import policy
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from aiosmtpd.controller import Controller
from django.core.mail import get_connection

from newsletter.composing.compiled import compile_edition
from newsletter.composing.digest import render
from newsletter.composing.message import to_email_message
from newsletter.sending.outbox import EmailBackend as FileBackend
from tests.newsletter.composing.digests import LINKS, digest, edition, paper


@pytest.fixture
def message():
    content = edition(
        paper(1, title="Ünïcode: " + "長い" * 200, abstract="x" * 3_000),
        *(paper(number) for number in range(2, 6)),
    )
    reader_digest = digest()
    return to_email_message(render(compile_edition(content), reader_digest), reader_digest.address)


class Mailbox:
    def __init__(self) -> None:
        self.received: list[bytes] = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd names its hooks after the command
        self.received.append(envelope.original_content)
        return "250 OK"


def over_smtp(message, _folder) -> bytes:
    mailbox = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        with get_connection(
            "django.core.mail.backends.smtp.EmailBackend", host="127.0.0.1", port=port
        ) as connection:
            assert connection.send_messages([message]) == 1
    finally:
        controller.stop()
    return mailbox.received[0]


def into_a_file(message, folder) -> bytes:
    FileBackend(folder=folder).send_messages([message])
    (path,) = folder.glob("*.eml")
    return path.read_bytes()


@pytest.mark.parametrize("way", [over_smtp, into_a_file])
def test_raw_bytes_hold_the_way_out_literally_and_no_line_is_too_long(message, way, tmp_path):
    raw = way(message, tmp_path)
    headers = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[0]
    assert b"List-Unsubscribe: <https://paperboy.example.org/u/" in re.sub(
        rb"\r?\n ", b" ", headers
    )
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in headers
    names = [line.partition(b":")[0].lower() for line in re.split(rb"\r?\n(?![ \t])", headers)]
    assert len(names) == len(set(names))
    assert max(map(len, re.split(rb"\r?\n", raw))) <= 998
    assert not email.message_from_bytes(raw, policy=policy.default).defects


class Provider(BaseHTTPRequestHandler):
    bodies: list[dict] = []

    def do_POST(self):
        self.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(
            json.dumps(
                {"ErrorCode": 0, "Message": "OK", "MessageID": "1", "To": "ada@example.org"}
            ).encode()
        )

    def log_message(self, *_args):
        pass


def test_a_providers_api_is_given_the_same_headers(message, settings):
    Provider.bodies = []
    server = HTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.ANYMAIL = {
        "POSTMARK_SERVER_TOKEN": "t",
        "POSTMARK_API_URL": f"http://127.0.0.1:{server.server_port}/",
    }
    try:
        with get_connection("anymail.backends.postmark.EmailBackend") as connection:
            assert connection.send_messages([message]) == 1
    finally:
        server.shutdown()
        server.server_close()
    (body,) = Provider.bodies
    headers = {header["Name"]: header["Value"] for header in body["Headers"]}
    assert headers["List-Unsubscribe"].startswith(f"<{LINKS.leave}>")
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["Message-ID"].endswith("@paperboy.example.org>")
    assert len(body["Headers"]) == len(headers)
    assert body["TextBody"] == message.body
