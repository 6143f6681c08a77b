"""The outbox page: every mail of the file outbox, in development only, since it shows everyone's
mail to anyone.
"""

import email
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default as modern
from functools import wraps
from pathlib import Path
from typing import Any

from csp.decorators import csp_replace
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

NEWEST = 300
_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[0-9]+)?\.eml")


@dataclass(frozen=True, slots=True)
class SentMail:
    """One file of the outbox."""

    name: str
    written_at: datetime
    subject: str
    to: str
    size: int


def development_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Answer 404 in production, where these pages would show readers' mail."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if settings.PRODUCTION:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


@never_cache
@require_safe
@development_only
def outbox(request: HttpRequest) -> HttpResponse:
    """List the newest mails first."""
    files = (
        sorted(settings.OUTBOX_DIR.glob("*.eml"), key=_written, reverse=True)
        if settings.OUTBOX_DIR.is_dir()
        else []
    )
    context = {
        "mails": [_summary(file) for file in files[:NEWEST]],
        "total": len(files),
        "folder": settings.OUTBOX_DIR,
    }
    return render(request, "pages/outbox.html", context)


@never_cache
@require_safe
@development_only
def mail(request: HttpRequest, name: str) -> HttpResponse:
    """Show one mail: its headers, its HTML in a frame of its own, and its text."""
    file = _file(name)
    message = _read(file)
    text = message.get_body(("plain",))
    context = {
        "mail": _summary(file),
        "headers": [(key, str(value)) for key, value in message.items()],
        "text": text.get_content() if text else "",
        "has_html": message.get_body(("html",)) is not None,
        "defects": [type(defect).__name__ for part in message.walk() for defect in part.defects],
    }
    return render(request, "pages/mail.html", context)


@never_cache
@xframe_options_sameorigin
@csp_replace(
    {
        "default-src": ["'none'"],
        "style-src": ["'unsafe-inline'"],
        "img-src": ["data:", "'self'"],
        "frame-ancestors": ["'self'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "script-src": ["'none'"],
        "sandbox": ["allow-top-navigation-by-user-activation"],
    }
)
@require_safe
@development_only
def mail_html(_request: HttpRequest, name: str) -> HttpResponse:
    """Give the HTML part alone, without rights: no scripts, no forms, no network; a pressed link
    opens in the whole window.
    """
    part = _read(_file(name)).get_body(("html",))
    if part is None:
        raise Http404
    return HttpResponse(str(part.get_content()).replace("<head>", '<head><base target="_top">', 1))


def _file(name: str) -> Path:
    file: Path = settings.OUTBOX_DIR / name
    if not (_NAME.fullmatch(name) and file.is_file()):
        raise Http404
    return file


def _read(file: Path) -> EmailMessage:
    return email.message_from_bytes(file.read_bytes(), policy=modern)


def _written(file: Path) -> tuple[int, str]:
    return file.stat().st_mtime_ns, file.name


def _summary(file: Path) -> SentMail:
    content = file.read_bytes()
    headers = email.message_from_bytes(
        content.partition(b"\r\n\r\n")[0] + b"\r\n\r\n", policy=modern
    )
    written = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return SentMail(
        file.name,
        written,
        str(headers["Subject"] or "(no subject)"),
        str(headers["To"] or ""),
        len(content),
    )
