"""Why a reader got the papers they got: `manage.py explain READER EDITION`."""

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ingest.models import Paper
from newsletter.editions.naming import UnknownEdition, find_edition
from newsletter.models import Delivery
from newsletter.ranking.values import Explanation, Parts
from newsletter.sending.explaining import CannotExplain, explanations
from newsletter.sending.frozen import topic_name

GONE = "(no longer stored)"


class Command(BaseCommand):
    help = (
        "Print the score parts and reasons of a reader's papers, computed again from the frozen "
        "statistics and the profile that was ranked."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("reader", type=int, help="a reader's number, as the desk shows it")
        parser.add_argument("edition", help="such as daily/2025-01-10, or its number")

    def handle(self, *_args: Any, **options: Any) -> None:
        """CommandError when there is nothing to explain, or when stored parts are not what is
        computed again.
        """
        delivery = _delivery(options["reader"], options["edition"])
        stored = [Parts._make(parts) for parts in delivery.parts]
        try:
            again = explanations(delivery)
        except CannotExplain as error:
            raise CommandError(f"Nothing can be computed again. {error}") from error
        titles = dict(Paper.objects.filter(pk__in=delivery.papers).values_list("pk", "title"))
        self.stdout.write(
            f"reader {delivery.subscriber_id}, {delivery.edition}, "
            f"{delivery.get_status_display()}: {len(stored)} papers\n\n"
        )
        for place, (paper, parts) in enumerate(zip(delivery.papers, stored, strict=True), 1):
            self.stdout.write(f"{place:2}. {titles.get(paper, GONE)} (paper {paper})")
            for line in _lines(delivery.edition_id, parts, again.get(paper)):
                self.stdout.write(f"    {line}")
        differing = [
            paper
            for paper, parts in zip(delivery.papers, stored, strict=True)
            if paper not in again or again[paper].parts != parts
        ]
        if differing:
            raise CommandError(
                "The stored parts of these papers are not what the frozen statistics give: "
                f"{differing}."
            )
        self.stdout.write(
            "\nAll stored parts are what the frozen statistics and the profile give again."
        )


def _delivery(reader: int, name: str) -> Delivery:
    try:
        edition = find_edition(name)
    except UnknownEdition as error:
        raise CommandError(str(error)) from error
    delivery = (
        Delivery.objects.select_related("edition")
        .filter(subscriber=reader, edition=edition)
        .first()
    )
    if delivery is None:
        raise CommandError(
            f"Reader {reader} has no delivery of {edition}; `manage.py preview_digest {reader}` "
            "shows what they would get."
        )
    if delivery.profile_id is None or not delivery.papers:
        raise CommandError(
            f"No papers were chosen for reader {reader} in {edition}: "
            f"{delivery.reason or delivery.get_status_display()}."
        )
    return delivery


def _lines(edition_id: int, parts: Parts, again: Explanation | None) -> Iterator[str]:
    yield f"score {parts.total:5} = " + " + ".join(
        f"{name} {value}" for name, value in parts._asdict().items()
    )
    if again is None:
        yield "not in the frozen statistics"
        return
    if again.parts != parts:
        yield f"again {again.parts.total:5} = " + " + ".join(
            f"{name} {value}" for name, value in again.parts._asdict().items()
        )
    if again.topic_id is not None:
        yield f"under {topic_name(edition_id, again.topic_id)}"
    for reason in again.reasons:
        yield f"{reason.kind}: {reason.text}"
