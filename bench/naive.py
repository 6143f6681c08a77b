"""The naive loop that everything is compared with: what a careful programmer writes first.

For each reader: rank in Python, render HTML and text by the templates, inline the CSS with
premailer, send an EmailMultiAlternatives on a connection of its own, and update one row. Cards and
topics are read once, so only what differs between readers is repeated.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import premailer
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone

from newsletter.composing.cards import CardView, cards_of
from newsletter.composing.content import Digest, DigestLinks, DigestPick, EditionContent
from newsletter.composing.facts import EditionFacts, facts_of
from newsletter.composing.headers import digest_headers
from newsletter.composing.parts import layout_values, parts_of
from newsletter.composing.publication import Publication, this_publication
from newsletter.composing.showing import shown_digest
from newsletter.composing.templating import HTML, SUBJECT, TEXT, rendered
from newsletter.editions.candidates import candidates_of
from newsletter.editions.content import content_of
from newsletter.models import Delivery, DeliveryStatus, Edition
from subscriptions import links
from subscriptions.models import Profile, Topic


@dataclass(frozen=True, slots=True)
class Everything:
    """What the loop knows before it begins."""

    edition: Edition
    content: EditionContent
    cards: dict[int, CardView]
    facts: EditionFacts
    publication: Publication
    texts: dict[int, str]
    topics: dict[int, Topic]


def load(edition: Edition) -> Everything:
    """Read the edition and make its cards."""
    content = content_of(edition, candidates_of(edition))
    cards, _dropped = cards_of(content)
    return Everything(
        edition,
        content,
        {card.id: card for card in cards},
        facts_of(content, cards),
        this_publication(),
        {paper.id: f"{paper.title} {paper.abstract}".lower() for paper in content.papers},
        Topic.objects.in_bulk(),
    )


def ranked(known: Everything, profile: Profile) -> list[DigestPick]:
    """Score every paper by the reader's phrases and its votes, and return the best."""
    scored = []
    for paper in known.content.papers:
        hits, topic_name = 0, ""
        for topic_id in profile.topics:
            topic = known.topics[topic_id]
            found = sum(phrase in known.texts[paper.id] for phrase in topic.phrases)
            if found:
                hits, topic_name = hits + found, topic_name or topic.name
        score = (100 - profile.balance) * hits + profile.balance * math.log1p(paper.votes or 0)
        scored.append((score, paper.id, topic_name))
    scored.sort(key=lambda entry: (-entry[0], entry[1]))
    return [
        DigestPick(
            paper_id,
            (f"On your topic {name}" if name else "Trending today",),
            "lead" if place == 0 else "topics",
            name,
        )
        for place, (_, paper_id, name) in enumerate(scored[: profile.papers_per_digest])
    ]


def composed(known: Everything, delivery: Delivery) -> EmailMultiAlternatives:
    """Render one reader's digest and return it as a message."""
    reader, now = delivery.subscriber, timezone.now()
    digest = Digest(
        edition_id=known.edition.pk,
        delivery_id=delivery.pk,
        subscriber_id=reader.pk,
        address=reader.address,
        picks=tuple(ranked(known, reader.profile)),
        links=DigestLinks(
            leave=links.leave_url(reader.pk, known.edition.pk),
            preferences=links.preferences_url(reader.pk, now),
            view=links.view_url(delivery.pk),
            act=links.act_url(delivery.pk, now),
        ),
        message_key=f"bench{delivery.pk}",
    )
    shown = shown_digest(digest, known.facts, ())
    parts = [
        replace(part, card=known.cards.get(part.paper_id))
        for part in parts_of(known.facts, shown, 0)
    ]
    context: dict[str, object] = {"parts": parts, "end": "", **layout_values(known.facts, shown)}
    message = EmailMultiAlternatives(
        subject=rendered(SUBJECT, known.facts, known.publication, context).strip(),
        body=rendered(TEXT, known.facts, known.publication, context),
        from_email=known.publication.sender,
        to=[reader.address],
        headers=dict(digest_headers(known.publication, known.facts, shown)),
    )
    html = premailer.transform(
        rendered(HTML, known.facts, known.publication, context), allow_network=False
    )
    message.attach_alternative(html, "text/html")
    return message


def send_naively(known: Everything, delivery_ids: Sequence[int]) -> int:
    """Send each delivery and return how many that were."""
    for delivery_id in delivery_ids:
        delivery = Delivery.objects.select_related("subscriber__profile").get(pk=delivery_id)
        composed(known, delivery).send()
        Delivery.objects.filter(pk=delivery_id).update(
            status=DeliveryStatus.SENT, settled_at=timezone.now()
        )
    return len(delivery_ids)
