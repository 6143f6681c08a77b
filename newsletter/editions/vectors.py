"""Vectors of papers, topics and readers' phrases: each text is embedded once, by a task, ahead
of the freeze that needs it.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
import structlog
from django.conf import settings
from numpy.typing import NDArray

from ingest.models import Listing, Paper
from newsletter.editions.topics import topic_definitions
from newsletter.embedding.load import load_embedder
from newsletter.embedding.port import Embedder, paper_text
from newsletter.faults import bisect
from newsletter.models import TextVector
from newsletter.ranking.meanings import Meanings, asked_text
from newsletter.ranking.topics import topic_phrases
from newsletter.ranking.values import CandidatePaper, TopicDefinition
from subscriptions.models import Profile, SubscriberState

log = structlog.get_logger(__name__)

LISTED_WITHIN = timedelta(days=14)
"""Papers that were listed this long ago at most are embedded: longer than any edition looks back
by default.
"""
TEXTS_A_RUN = 300
TEXTS_AT_ONCE = 32
LOOKED_UP_AT_ONCE = 500
MOST_PHRASES = 5_000
KEPT = timedelta(days=120)
"""A vector is made again after this time if its text is still asked for; so what nobody asks for
any more goes.
"""


_refused: set[str] = set()
"""Texts that the model could not embed. They would be tried again every five minutes."""


@lru_cache(maxsize=1)
def embedder_named(model: str) -> Embedder:
    """Return the model, loaded once per process."""
    return load_embedder(model, Path(settings.VAR_DIR) / "models")


def embed_waiting(now: datetime) -> int:
    """Embed what the next editions will ask for and has no vector yet, at most 300 texts, newest
    papers first; return how many.

    Does nothing unless `SEMANTIC_MODEL` is set. Safe to repeat and to run twice at once. A text
    that the model cannot embed stops no other, and is not tried again by this process.

    Raises:
        BadModel: the model of the setting cannot be used.
        Exception: the model embeds none of several texts.
    """
    if not settings.SEMANTIC_MODEL:
        return 0
    embedder = embedder_named(settings.SEMANTIC_MODEL)
    TextVector.objects.filter(made_at__lt=now - KEPT).delete()
    without = _without_vector(embedder.name, _wanted(now))
    waiting = list(islice((text for text in without if text not in _refused), TEXTS_A_RUN))
    stored = sum(
        _store(embedder, waiting[start : start + TEXTS_AT_ONCE], now)
        for start in range(0, len(waiting), TEXTS_AT_ONCE)
    )
    if stored:
        log.info("texts_embedded", count=stored, model=embedder.name)
    return stored


def meanings_of(
    papers: Sequence[CandidatePaper], topics: Sequence[TopicDefinition]
) -> Meanings | None:
    """Return the stored vectors of the papers, topics and readers' phrases; None unless
    `SEMANTIC_MODEL` is set.

    Reading alone: what is not embedded yet is left out, and the ranking goes by its words.
    """
    if not settings.SEMANTIC_MODEL:
        return None
    model = embedder_named(settings.SEMANTIC_MODEL).name
    texts = {paper.id: paper_text(paper.title, paper.abstract) for paper in papers}
    asked = {*_topic_texts(topics), *_phrase_texts()}
    known = _stored(model, [*texts.values(), *asked])
    return Meanings(
        model,
        {
            paper_id: known[digest]
            for paper_id, text in texts.items()
            if (digest := _digest(text)) in known
        },
        {text: known[digest] for text in asked if (digest := _digest(text)) in known},
    )


def _wanted(now: datetime) -> Iterator[str]:
    yield from sorted(_topic_texts(topic_definitions()))
    yield from sorted(_phrase_texts())
    listed = Listing.objects.filter(day__gte=(now - LISTED_WITHIN).date()).values("paper")
    papers = Paper.objects.filter(pk__in=listed, merged_into=None, withdrawn_at=None).order_by(
        "-pk"
    )
    for title, abstract in papers.values_list("title", "abstract").iterator(
        chunk_size=LOOKED_UP_AT_ONCE
    ):
        yield paper_text(title, abstract)


def _topic_texts(topics: Iterable[TopicDefinition]) -> set[str]:
    return {asked_text(phrase) for topic in topics for phrase in topic_phrases(topic)} - {""}


def _phrase_texts() -> set[str]:
    profiles = (
        Profile.objects.filter(subscribers__state=SubscriberState.ACTIVE)
        .exclude(phrases=[])
        .order_by("pk")
        .distinct()
    )
    # A profile whose phrases are no texts fails its reader's digest, and must not stop a freeze.
    texts = (
        asked_text(phrase)
        for phrases in profiles.values_list("phrases", flat=True).iterator()
        if isinstance(phrases, list)
        for phrase in phrases
        if isinstance(phrase, str)
    )
    return set(islice((text for text in texts if text), MOST_PHRASES))


def _without_vector(model: str, texts: Iterable[str]) -> Iterator[str]:
    remaining = iter(dict.fromkeys(texts))
    while some := list(islice(remaining, LOOKED_UP_AT_ONCE)):
        known = _stored(model, some)
        yield from (text for text in some if _digest(text) not in known)


def _stored(model: str, texts: Sequence[str]) -> dict[str, NDArray[np.float16]]:
    digests = [_digest(text) for text in texts]
    found: dict[str, NDArray[np.float16]] = {}
    for start in range(0, len(digests), LOOKED_UP_AT_ONCE):
        rows = TextVector.objects.filter(
            model=model, text_digest__in=digests[start : start + LOOKED_UP_AT_ONCE]
        )
        found |= {
            digest: np.frombuffer(bytes(vector), "<f2")
            for digest, vector in rows.values_list("text_digest", "vector")
        }
    return found


def _store(embedder: Embedder, texts: Sequence[str], now: datetime) -> int:
    """Embed the texts and store their vectors; return how many there are."""
    vectors = bisect(lambda some: list(embedder.embed(some).astype("<f2")), texts)
    faults = [found for found in vectors if isinstance(found, Exception)]
    if len(faults) == len(texts) > 1:
        raise faults[0]
    rows: list[TextVector] = []
    for text, vector in zip(texts, vectors, strict=True):
        if isinstance(vector, Exception):
            _refused.add(text)
            log.error("text_not_embedded", digest=_digest(text), exc_info=vector)
        else:
            rows.append(
                TextVector(
                    model=embedder.name,
                    text_digest=_digest(text),
                    vector=vector.tobytes(),
                    made_at=now,
                )
            )
    TextVector.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
