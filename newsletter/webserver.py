"""How gunicorn runs in production: `gunicorn --config python:newsletter.webserver`.

Its own logs would be a second format beside ours, and its access log would keep the tokens of all
signed paths. Reading our settings here also tells wrong ones once and stops, instead of in every
worker; so does the check of the mail providers.
"""

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]

from newsletter.checks import refuse_wrong_mail_providers
from newsletter.settings import LOGGING

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsletter.settings")
refuse_wrong_mail_providers()

wsgi_app = "newsletter.wsgi"
bind = "0.0.0.0:8000"
workers = 2
threads = 4
# What was asked and how it was answered. No reader's network address, no query, and no Referer,
# which may be a signed path.
access_log_format = "%(m)s %(U)s %(s)s, %(b)s bytes in %(M)s ms"
# A socket to steer a running server by, which nobody uses.
control_socket_disable = True
_OURS: dict[str, Any] = {"level": "INFO", "handlers": ["stderr"], "propagate": False}
_loggers: dict[str, Any] = dict.fromkeys(("gunicorn.error", "gunicorn.access"), _OURS)
logconfig_dict: dict[str, Any] = LOGGING | {"loggers": _loggers}

_LARGEST_UNREAD_BODY = 16 * 2**20
_LONGEST_READ_SECONDS = 5


def post_request(_worker: Any, request: Any, environ: Mapping[str, Any], _answer: Any) -> None:
    """Read and discard what the application left of a request's body, after the answer was sent.

    One-click leaving never reads its body, and a form that is refused may not. If the server closed
    the connection while the client still sends, the kernel would reset it, and the client would
    lose the answer (RFC 9112 section 9.6). gunicorn itself reads only 64 KiB. Neither a large nor a
    slow body keeps the thread for long.
    """
    connection = environ.get("gunicorn.socket")
    if connection is None:  # the request did not get as far as the application
        return
    deadline = time.monotonic() + _LONGEST_READ_SECONDS
    unread = _LARGEST_UNREAD_BODY
    with suppress(OSError, ParseException):  # the client has gone, stalls, or breaks its chunks
        while unread > 0 and (seconds := deadline - time.monotonic()) > 0:
            connection.settimeout(seconds)
            piece = request.body.read(65_536)
            if not piece:
                break
            unread -= len(piece)
