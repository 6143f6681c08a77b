"""What the tests of pages share: the addresses of all pages, a world in which each has something
to show, and reading a page.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from django.contrib.auth.models import User
from django.http import HttpResponse
from lxml import html

from ingest.models import Fetch, Merge, Paper, Rejection, Suggestion
from newsletter.editions import curate, open_edition
from newsletter.models import Delivery, Edition, Provider, ProviderEvent
from newsletter.ranking.rank import explain
from newsletter.sending.frozen import reader_profiles, statistics_of
from subscriptions.models import Consent, Letter, RequestBreaker, Subscriber, Suppression
from tests.newsletter import world

LISTS = (
    "ingest/paper/",
    "ingest/suggestion/",
    "ingest/merge/",
    "ingest/source/",
    "ingest/fetch/",
    "newsletter/edition/",
    "newsletter/delivery/",
    "newsletter/batch/",
    "newsletter/provider/",
    "newsletter/providerevent/",
    "subscriptions/subscriber/",
    "subscriptions/topic/",
    "subscriptions/letter/",
    "subscriptions/machine/",
    "subscriptions/suppression/",
    "subscriptions/requestbreaker/",
    "auth/user/",
    "auth/group/",
)


@dataclass(slots=True)
class World:
    """A frozen edition with one delivery of each kind of news, and one that is still open."""

    frozen: Edition
    open: Edition
    readers: list[Subscriber]
    papers: list[Paper]
    deliveries: list[Delivery] = field(default_factory=list)

    def pages(self) -> list[str]:
        """Return the address of every page of an object, and of the start page."""
        one = self.deliveries[0]
        return [
            "",
            f"ingest/paper/{self.papers[0].pk}/change/",
            f"ingest/source/{self.papers[0].listings.get().source_id}/change/",
            "ingest/source/add/",
            "ingest/source/standing/",
            "ingest/source/upload/",
            "ingest/paper/from-arxiv/",
            f"ingest/paper/{self.papers[0].pk}/join/",
            f"ingest/suggestion/{Suggestion.objects.get().pk}/change/",
            f"ingest/merge/{Merge.objects.get().pk}/change/",
            f"ingest/fetch/{Fetch.objects.get().pk}/change/",
            f"newsletter/edition/{self.open.pk}/change/",
            f"newsletter/edition/{self.frozen.pk}/change/",
            f"newsletter/edition/{self.open.pk}/preview/?topics={world.a_topic().pk}",
            f"newsletter/edition/{self.frozen.pk}/preview/?topics={world.a_topic().pk}",
            f"newsletter/edition/{self.frozen.pk}/strike/?paper={self.papers[0].pk}",
            f"newsletter/edition/{self.open.pk}/step/hold/",
            f"newsletter/delivery/{one.pk}/change/",
            f"newsletter/batch/{one.batch_id}/change/",
            f"newsletter/provider/{Provider.objects.get().pk}/change/",
            f"newsletter/providerevent/{ProviderEvent.objects.get().pk}/change/",
            f"subscriptions/subscriber/{self.readers[0].pk}/change/",
            f"subscriptions/subscriber/{self.readers[0].pk}/step/suppress/",
            f"subscriptions/letter/{Letter.objects.get().pk}/change/",
            f"subscriptions/suppression/{Suppression.objects.get().pk}/change/",
            "subscriptions/requestbreaker/1/change/",
            f"subscriptions/topic/{world.a_topic().pk}/change/",
            "subscriptions/topic/add/",
        ]


def a_world(papers: int = 4, readers: int = 2) -> World:
    made = world.papers(papers)
    found = World(world.a_planned_edition(), None, [], made)
    found.readers = world.readers(readers)
    found.open = open_edition("weekly", world.DAY, world.NOON)
    staff = User.objects.get_or_create(username="someone", defaults={"is_staff": True})[0]
    curate(found.open, made[0], "note", staff, world.NOON, "An evening well spent.")
    for position, reader in enumerate(found.readers):
        found.deliveries.append(a_delivery(found.frozen, reader, made[:2], position))
        Consent.objects.create(
            subscriber=reader, kind="confirmed", at=world.NOON, evidence="confirmation link"
        )
    reader = found.readers[0]
    Letter.objects.create(
        subscriber=reader,
        kind="confirm",
        state="sent",
        created_at=world.NOON,
        send_after=world.NOON,
    )
    RequestBreaker.objects.create(tripped_at=world.NOON - timedelta(days=1), mails=1000)
    Suppression.objects.create(address_hash="0" * 64, reason="staff", at=world.NOON)
    Provider.objects.create(name="postmark")
    ProviderEvent.objects.create(
        fingerprint="1",
        delivery=found.deliveries[0],
        provider="postmark",
        kind="delivered",
        said_at=world.NOON,
        received_at=world.NOON,
        due_at=world.NOON,
        raw='{"MessageID": "1"}',
    )
    Suggestion.objects.create(paper=made[0], other=made[1], likeness=900, suggested_at=world.NOON)
    Merge.objects.create(
        paper=made[2], into=made[3], at=world.NOON, split_at=world.NOON, split_by=staff
    )
    fetch = Fetch.objects.create(
        source=world.a_source(),
        origin="day.txt",
        started_at=world.NOON,
        status="done",
        entries=1,
        rejected=1,
    )
    Rejection.objects.create(fetch=fetch, line=3, reason="no title", excerpt="***")
    return found


def a_delivery(
    edition: Edition, reader: Subscriber, papers: list[Paper], position: int = 0, **fields
) -> Delivery:
    ids = [paper.pk for paper in papers]
    batch = edition.batches.first() or edition.batches.create(
        slot_at=world.NOON, send_after=world.NOON
    )
    parts = explain(
        statistics_of(edition.pk), reader_profiles([reader.profile_id])[reader.profile_id], ids
    )
    fields = {"status": "sent", "settled_at": world.NOON + timedelta(minutes=1)} | fields
    return Delivery.objects.create(
        edition=edition,
        subscriber=reader,
        batch=batch,
        position=position,
        profile=reader.profile,
        papers=ids,
        parts=[list(found.parts) for found in parts],
        claimed_at=world.NOON,
        **fields,
    )


def seen(response: HttpResponse) -> str:
    """Return the words of a page, each blank once."""
    document = html.fromstring(response.content.decode())
    for hidden in document.xpath("//script|//style|//template"):
        hidden.drop_tree()
    return " ".join(document.text_content().split())


def scripts(response: HttpResponse) -> int:
    return len(html.fromstring(response.content.decode()).xpath("//script"))
