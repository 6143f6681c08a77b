"""Any Django mail backend as a way out: the file outbox, and every provider that Anymail speaks
with.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus

import requests
from anymail.exceptions import (
    AnymailAPIError,
    AnymailError,
    AnymailRecipientsRefused,
    AnymailRequestsAPIError,
)
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

from newsletter.sending.mail import Mail
from newsletter.sending.transports.base import Blocking
from newsletter.sending.transports.outcomes import (
    HandOverError,
    PermanentForAll,
    PermanentForReader,
    Throttled,
    Transient,
    Uncertain,
    retry_after,
)

ACCEPTED = "sent"
REFUSED = {"rejected", "failed", "invalid"}
"""Anymail's words for a recipient that the provider will not mail."""
DONE_LATER = {
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.REQUEST_TIMEOUT,
}
"""The provider itself says that it did not do it; a gateway's 502 or 504 says nothing about the
provider.
"""
WITHOUT_METADATA = frozenset({"mailersend", "postal"})
"""Providers that carry no metadata: Anymail refuses a mail that has some. Their events name the
edition, in the tag, and the recipient.
"""
NOT_US = {
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.PAYMENT_REQUIRED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
}
"""Key, account or address of the API are wrong: the same for every mail."""


class BackendConnection(Blocking):
    """One backend instance, opened once and kept."""

    def __init__(self, path: str, *, with_key: bool = False, with_metadata: bool = True) -> None:
        self._path = path
        self._with_key = with_key
        self._with_metadata = with_metadata
        self._backend: BaseEmailBackend | None = None

    def hand_over(self, mail: Mail) -> None:
        message = None
        try:
            message = mail.message()
            if self._with_metadata:
                message.metadata = {"delivery": str(mail.delivery_id)}  # type: ignore[attr-defined]  # Anymail reads it from the message
            message.tags = [f"edition-{mail.edition_id}"]  # type: ignore[attr-defined]  # as above
            backend = self._open()
            if self._with_key:
                backend.session.headers["Idempotency-Key"] = mail.key  # type: ignore[attr-defined]  # Anymail's, of requests
            backend.send_messages([message])
        except (
            AnymailError,
            ImproperlyConfigured,
            requests.RequestException,
            OSError,
            ValueError,
        ) as error:
            raise (
                _unreadable(error) if _was_answered(message, error) else outcome(error)
            ) from error
        said = getattr(getattr(message, "anymail_status", None), "status", None) or {ACCEPTED}
        if said & REFUSED:
            raise PermanentForReader(
                f"the provider refused the recipient: {', '.join(sorted(said))}"
            )
        if "unknown" in said:
            raise Uncertain("an answer that says nothing about the recipient")

    def close(self) -> None:
        with suppress(OSError):
            if self._backend is not None:
                backend, self._backend = self._backend, None
                backend.close()

    def _open(self) -> BaseEmailBackend:
        if self._backend is None:
            self._backend = get_connection(self._path, fail_silently=False)
            self._backend.open()
        return self._backend


@dataclass(frozen=True)
class BackendTransport:
    """A Django mail backend by its dotted path. Two that are equal may use each other's
    connections.
    """

    name: str
    path: str
    width: int = 1
    knows_repeats: bool = field(default=False, kw_only=True)
    takes_bytes = False
    blocks = True

    def connect(self) -> BackendConnection:
        return BackendConnection(
            self.path,
            with_key=self.knows_repeats,
            with_metadata=self.name not in WITHOUT_METADATA,
        )


def _was_answered(message: EmailMessage | None, error: Exception) -> bool:
    """Say whether the provider had taken the request, and only its answer could not be understood.

    Anymail raises the same errors for a request that it cannot write and for an answer that it
    cannot read; but it keeps the answer.
    """
    answer = getattr(getattr(message, "anymail_status", None), "esp_response", None)
    return answer is not None and not isinstance(error, (AnymailAPIError, AnymailRecipientsRefused))


def _unreadable(error: Exception) -> HandOverError:
    return Uncertain(f"an answer that cannot be read: {type(error).__name__}")


def outcome(error: Exception) -> HandOverError:
    """Translate a backend's exception. What the tables lack is uncertain: claiming more would be
    a guess.
    """
    if isinstance(error, AnymailRequestsAPIError) and error.response is not None:
        return answered(error.response)
    if isinstance(error, AnymailAPIError) and isinstance(error.__cause__, Exception):
        return outcome(error.__cause__)
    if isinstance(error, requests.RequestException):
        return _unanswered(error)
    name = (isinstance(error, OSError) and error.strerror) or type(error).__name__
    for kinds, outcome_class, reason in _OUTCOMES:
        if isinstance(error, kinds):
            return outcome_class(f"{reason}: {name}")
    return Uncertain(f"an error that says nothing: {name}")


_OUTCOMES: tuple[
    tuple[type[Exception] | tuple[type[Exception], ...], type[HandOverError], str], ...
] = (
    (AnymailRecipientsRefused, PermanentForReader, "the provider refused the recipient"),
    (ImproperlyConfigured, PermanentForAll, "the provider is not configured"),
    (AnymailAPIError, Uncertain, "an answer that cannot be read"),
    (
        (AnymailError, ValueError),
        PermanentForReader,
        "the mail cannot be put into the provider's form",
    ),
    (OSError, Throttled, "cannot be written"),
)


def _unanswered(error: requests.RequestException) -> HandOverError:
    """Translate a call without an answer: nothing was accepted if it never connected."""
    if isinstance(error, requests.ConnectTimeout) or (
        isinstance(error, requests.ConnectionError) and _never_connected(error)
    ):
        return Throttled("no connection to the provider")
    return Uncertain(f"the answer was lost: {type(error).__name__}")


def answered(response: requests.Response) -> HandOverError:
    """Translate an HTTP answer that Anymail did not take for success."""
    code = response.status_code
    reason = f"HTTP {code}"
    if code == HTTPStatus.TOO_MANY_REQUESTS:
        return Throttled(reason, retry_after(response.headers, timezone.now()))
    if code in NOT_US:
        return PermanentForAll(reason)
    if code in DONE_LATER:
        wait = retry_after(response.headers, timezone.now())
        return Transient(reason) if wait is None else Throttled(reason, wait)
    if HTTPStatus.BAD_REQUEST <= code < HTTPStatus.INTERNAL_SERVER_ERROR:
        return PermanentForReader(reason)
    return Uncertain(f"{reason} with an answer that says nothing")


def _never_connected(error: requests.ConnectionError) -> bool:
    """Say whether the failure came before any byte of the request left."""
    chain: list[object] = [error, *error.args]
    names = {type(getattr(item, "reason", item)).__name__ for item in chain}
    return bool(
        names
        & {
            "NewConnectionError",
            "ConnectTimeoutError",
            "NameResolutionError",
            "ConnectionRefusedError",
        }
    )
