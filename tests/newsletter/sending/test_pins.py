"""Papers that editors pin lead the mail of every reader who may get them, also of those whose topics
they do not match.
"""

from datetime import timedelta

import pytest

from newsletter.editions import curate, open_edition
from newsletter.models import Delivery
from newsletter.sending.due import due_batches, next_instant
from newsletter.sending.plan import plan_edition
from newsletter.sending.sender import send_batch
from subscriptions.links import view_url
from tests.newsletter import world
from tests.newsletter.sending.ways_out import HandClock, Mailbox

pytestmark = pytest.mark.django_db
REVIEW = world.FREEZE - timedelta(hours=2)


@pytest.fixture
def pinned():
    """Two papers on no topic of anybody, pinned in the order of their places here."""
    world.papers(4)
    papers = [
        world.a_paper(21, title="Soil of the moon", abstract="We dig.", votes=1),
        world.a_paper(20, title="Grain prices", abstract="We count.", votes=2),
    ]
    edition = open_edition("daily", world.DAY, REVIEW)
    for paper in papers:
        curate(edition, paper, "pin", None, REVIEW)
    return papers


def sent(**wishes) -> Delivery:
    """Send today's edition to one reader with these wishes."""
    world.a_reader(profile=world.a_profile(papers_per_digest=4, **wishes))
    edition = world.a_frozen_edition()
    plan_edition(edition.pk, edition.nominal_at)
    clock = HandClock(next_instant(edition))
    mailbox = Mailbox()
    for batch_id in due_batches(clock()):
        send_batch(batch_id, clock, mailbox)
    delivery = Delivery.objects.get()
    assert [list(mail.papers) for mail in mailbox.accepted] == [delivery.papers]
    return delivery


def test_pinned_papers_lead_the_mail_of_a_reader_of_other_topics(pinned, client):
    delivery = sent()
    assert delivery.papers[:2] == [paper.pk for paper in pinned]
    assert len(delivery.papers) == 4
    page = client.get(view_url(delivery.pk).removeprefix("http://127.0.0.1:8000")).content.decode()
    assert "Soil of the moon" in page.split("Why it’s here:")[0]
    after_lead = page[page.index("Why it’s here:") :]
    places = [
        after_lead.index(words)
        for words in ("Picked by the editors", "Grain prices", "Graphs", "Graph networks")
    ]
    assert places == sorted(places)
    assert page.count("picked by the editors") == 2
    assert "Also trending" not in page


@pytest.mark.parametrize("wishes", [{"muted": ("soil",)}, {"minimum_votes": 2}])
def test_a_pinned_paper_that_the_readers_rules_exclude_is_left_out(pinned, wishes):
    assert sent(**wishes).papers[0] == pinned[1].pk
    assert pinned[0].pk not in Delivery.objects.get().papers
