"""Plain values for ranking tests: name only what a test is about."""

from datetime import UTC, date, datetime

from newsletter.ranking.statistics import EditionStatistics
from newsletter.ranking.values import CandidatePaper, ReaderProfile, TopicDefinition

NOW = datetime(2026, 3, 2, 7, tzinfo=UTC)


def paper(number=1, title="A paper about nothing much", abstract="", **known):
    plain = {
        "authors": ("A. Author",),
        "author_count": None,
        "categories": (),
        "published": date(2026, 2, 27),
        "listed": date(2026, 3, 1),
        "votes": None,
        "votes_before": None,
        "comments": None,
        "has_code": False,
    }
    return CandidatePaper(number, title, abstract, **(plain | known))


def topic(number=1, name="Diffusion models", phrases=(), categories=(), parent_id=None):
    return TopicDefinition(number, name, tuple(phrases), tuple(categories), parent_id)


def reader(**chosen):
    plain = {
        "topics": (),
        "phrases": (),
        "muted": (),
        "minimum_votes": 0,
        "papers_per_digest": 10,
        "balance": 50,
    }
    return ReaderProfile(**(plain | chosen))


def frozen(papers, topics=(), now=NOW, archive=None):
    return EditionStatistics.freeze(papers, topics, now, archive)
