"""What the demo tells at its end: who got what and why, and the books."""

from collections.abc import Sequence
from email import policy
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any

from django.conf import settings
from rich.table import Column, Table

from newsletter.models import Delivery, DeliveryStatus, Edition
from newsletter.ranking.rank import explain
from newsletter.sending.books import books
from newsletter.sending.frozen import reader_profiles, statistics_of
from subscriptions.models import Topic

PLAIN: dict[str, Any] = {"box": None, "pad_edge": False, "header_style": "bold"}
NAMED = 2
ALWAYS = {"due", "sent", "uncertain"}
IMPORTED = ("entries", "new", "updated", "unchanged", "rejected", "warnings")


def import_table(files: Sequence[dict[str, Any]]) -> Table:
    """One row a file that was imported: what `manage.py ingest --json` says of it."""
    table = Table("listing", *(Column(name, justify="right") for name in IMPORTED), **PLAIN)
    for file in files:
        table.add_row(_short(Path(file["path"])), *(str(file[name]) for name in IMPORTED))
    return table


def _short(path: Path) -> str:
    """Name a path from where the command was run, when it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def sent_count(editions: Sequence[Edition]) -> int:
    return Delivery.objects.filter(edition__in=editions, status=DeliveryStatus.SENT).count()


def digest_table(editions: Sequence[Edition]) -> Table:
    """One row a delivery: the reader, what they follow, how many papers, the first paper's first
    reason, and the file of the mail.
    """
    table = Table(
        "reader",
        "topics",
        Column("papers", justify="right"),
        "top reason",
        Column("file", overflow="fold"),
        **PLAIN,
    )
    topics = dict(Topic.objects.values_list("pk", "name"))
    files = _files_by_address()
    deliveries = (
        Delivery.objects.filter(edition__in=editions)
        .select_related("subscriber", "profile")
        .order_by("subscriber_id")
    )
    for delivery in deliveries:
        address = delivery.subscriber.address
        followed = (
            [topics[pk] for pk in delivery.profile.topics] + delivery.profile.phrases
            if delivery.profile
            else []
        )
        names = " ".join(path.name for path in files.get((address, delivery.edition.cadence), []))
        told = _top_reason(delivery) if delivery.papers else delivery.reason
        table.add_row(
            address,
            _some(followed),
            str(len(delivery.papers)),
            told,
            names or str(delivery.get_status_display()),
        )
    return table


def _some(names: Sequence[str]) -> str:
    """Name the first two, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _top_reason(delivery: Delivery) -> str:
    """Compute the reason again from the frozen statistics and the profile, as staff would to
    explain a digest.
    """
    if delivery.profile_id is None:
        return ""
    profile = reader_profiles([delivery.profile_id])[delivery.profile_id]
    explanation = explain(statistics_of(delivery.edition_id), profile, delivery.papers[:1])[0]
    return explanation.reasons[0].text


def _files_by_address() -> dict[tuple[str, str], list[Path]]:
    """Find the outbox's digests by reader and cadence, from the headers alone."""
    files: dict[tuple[str, str], list[Path]] = {}
    parser = BytesHeaderParser(policy=policy.default)
    for path in sorted(settings.OUTBOX_DIR.glob("*.eml")):
        with path.open("rb") as file:
            headers = parser.parse(file)
        cadence = "weekly" if "weekly" in str(headers["List-Id"]) else "daily"
        files.setdefault((str(headers["To"]), cadence), []).append(path)
    return files


def book_table(editions: Sequence[Edition]) -> Table:
    """The books: how many were due, and what became of them; accounts that nobody is in are left
    out.
    """
    accounts = [(edition, books(edition)) for edition in editions]
    names = [
        name
        for name, _ in accounts[0][1].lines()
        if name in ALWAYS or any(getattr(book, name) for _, book in accounts)
    ]
    table = Table(
        "edition", "state", *(Column(name, justify="right") for name in names), "balanced", **PLAIN
    )
    for edition, book in accounts:
        edition.refresh_from_db(fields=["state"])
        counts = [str(getattr(book, name)) for name in names]
        table.add_row(
            str(edition),
            str(edition.get_state_display()),
            *counts,
            "yes" if book.balanced else "NO",
        )
    return table
