"""Handing one letter to the mail provider, and what a failure there means."""

from enum import StrEnum
from smtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException

from anymail.exceptions import AnymailError, AnymailRequestsAPIError
from django.core.mail import EmailMessage, get_connection

from subscriptions.redaction import stored_reason


class Fate(StrEnum):
    """What became of a mail that was not clearly accepted."""

    LATER = "later"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class NotHandedOver(Exception):
    """The provider did not clearly accept the mail. `fate` says whether to try later, to give
    up, or that nobody knows. `reason` is for staff and names no address.
    """

    def __init__(self, fate: Fate, reason: str) -> None:
        self.fate = fate
        self.reason = stored_reason(reason)
        super().__init__(self.reason)


def hand_over(message: EmailMessage) -> None:
    """Give `message` to the provider; returning means that it was accepted.

    Raises:
        NotHandedOver: for every failure of building, connecting or sending.
    """
    try:
        message.message()
    except (ValueError, LookupError) as error:  # bad headers, unencodable text, unknown charsets
        raise NotHandedOver(Fate.REFUSED, f"the mail cannot be built: {error}") from error
    connection = get_connection()
    try:
        connection.open()
    except (OSError, SMTPException, AnymailError) as error:
        raise NotHandedOver(Fate.LATER, f"no connection to the provider: {error}") from error
    try:
        connection.send_messages([message])
    except (OSError, SMTPException, AnymailError) as error:
        raise NotHandedOver(_fate(error), f"{type(error).__name__}: {error}") from error
    finally:
        connection.close()


def _fate(error: Exception) -> Fate:
    match error:
        case SMTPRecipientsRefused():
            codes = [code for code, _text in error.recipients.values()]
            return Fate.LATER if all(400 <= code < 500 for code in codes) else Fate.REFUSED
        case SMTPResponseException():
            return Fate.LATER if 400 <= error.smtp_code < 500 else Fate.REFUSED
        case AnymailRequestsAPIError():
            return _fate_of_status(error.status_code)
        # Refused before any request: a bad recipient or a setting the provider does not have.
        case AnymailError():
            return Fate.REFUSED
        case _:  # the line broke or timed out after the mail began
            return Fate.UNKNOWN


def _fate_of_status(status: int | None) -> Fate:
    """Read an HTTP status: a wrong key or a full quota is ours to mend and worth another try, a
    lost answer is not known.
    """
    if status in {401, 403, 408, 429, 503}:
        return Fate.LATER
    if status is not None and 400 <= status < 500:
        return Fate.REFUSED
    return Fate.UNKNOWN
