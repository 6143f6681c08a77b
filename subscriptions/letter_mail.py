"""From a Letter row to the mail: the template trio of its kind, in the reader's language."""

import hashlib
from datetime import datetime
from email.utils import format_datetime, parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation

from subscriptions.addresses import hinted
from subscriptions.inlining import inline_css
from subscriptions.links import change_address_url, confirm_url, leave_url, preferences_url
from subscriptions.models import AddressChange, Letter, LetterKind, Subscriber, Topic
from subscriptions.wording import clean_line


def build(letter: Letter, reader: Subscriber, now: datetime) -> EmailMultiAlternatives:
    """Return the mail of a letter, with links that are good from `now`.

    It carries no List-Unsubscribe: it is about the reader's own act, not part of the list.
    """
    with translation.override(letter.sign_up.language if letter.sign_up else reader.language):
        return from_templates(
            f"emails/{letter.kind}",
            _context(letter, reader, now),
            to=_addressee(letter, reader),
            name=_name(letter),
            now=now,
        )


def from_templates(
    folder: str, context: dict[str, object], *, to: str, name: str, now: datetime
) -> EmailMultiAlternatives:
    """Return the mail that a folder's templates make in the active language: `subject.txt`,
    `body.txt` and `body.html`.

    Args:
        context: what `about_the_sender` gives, and whatever the templates name beside it.
        name: the part of the Message-ID before the domain, by which a second copy is recognised.
    """
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    message = EmailMultiAlternatives(
        clean_line(render_to_string(f"{folder}/subject.txt", context)),
        render_to_string(f"{folder}/body.txt", context),
        to=[to],
        reply_to=[settings.REPLY_TO_ADDRESS] if settings.REPLY_TO_ADDRESS else None,
        headers={
            "Message-ID": f"<{name}@{domain}>",
            "Date": format_datetime(now),
            "Auto-Submitted": "auto-generated",  # RFC 3834: polite autoresponders stay silent
            "X-Auto-Response-Suppress": "OOF, AutoReply",
        },
    )
    message.attach_alternative(
        inline_css(render_to_string(f"{folder}/body.html", context)), "text/html"
    )
    return message


def about_the_sender() -> dict[str, object]:
    """Return what every letter says about who sends it, and the language it is in."""
    return {
        "site_name": settings.SITE_NAME,
        "site_url": settings.SITE_URL,
        "postal_address": settings.POSTAL_ADDRESS,
        "language": translation.get_language(),
    }


def _addressee(letter: Letter, reader: Subscriber) -> str:
    match letter.kind, letter.address_change:
        case LetterKind.CHANGE_ADDRESS, AddressChange() as change:
            return change.address
        case LetterKind.ADDRESS_CHANGED, AddressChange() as change:
            return change.former
        case _:
            return reader.address


def _context(letter: Letter, reader: Subscriber, now: datetime) -> dict[str, object]:
    context = about_the_sender()
    if letter.kind == LetterKind.CONFIRM and letter.sign_up is not None:
        topics = Topic.objects.filter(pk__in=letter.sign_up.profile.topics).values_list(
            "name", flat=True
        )
        return context | {
            "confirm_url": confirm_url(letter.sign_up.pk, now),
            "topics": list(topics),
            "sign_up": letter.sign_up,
        }
    if letter.kind == LetterKind.CHANGE_ADDRESS and letter.address_change is not None:
        return context | {"change_url": change_address_url(letter.address_change.pk, now)}
    if letter.kind == LetterKind.ADDRESS_CHANGED and letter.address_change is not None:
        return context | {"new_address": hinted(letter.address_change.address)}
    return context | {
        "preferences_url": preferences_url(reader.pk, now),
        "leave_url": leave_url(reader.pk),
    }


def _name(letter: Letter) -> str:
    """Name the mail after its row, so that a second copy is recognised; the digest keeps row
    counts from strangers.
    """
    digest = hashlib.sha256(f"{letter.pk}:{letter.created_at.isoformat()}".encode()).hexdigest()[
        :24
    ]
    return f"letter-{digest}"
