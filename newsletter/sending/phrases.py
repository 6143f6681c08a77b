"""Phrases: which papers the readers' own phrases match is computed by a task before digests are
chosen, and stored for as long as the edition is sent.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import timedelta

import structlog
from django.db.models import Exists, OuterRef

from newsletter.clock import Clock
from newsletter.faults import isolated
from newsletter.models import BEING_SENT, Edition, PhraseMatch
from newsletter.ranking.matches import Match
from newsletter.ranking.packing import UnreadableBytes
from newsletter.ranking.readers import phrases_of
from newsletter.ranking.text import normal_phrase
from newsletter.ranking.values import ReaderProfile
from newsletter.sending.frozen import statistics_of
from subscriptions.models import Profile, Subscriber, SubscriberState

log = structlog.get_logger(__name__)

PROFILES_AT_ONCE = 500
PHRASES_AT_ONCE = 1_000
"""Phrases that are matched, or looked up, in one step."""
MOST_TIME = timedelta(minutes=5)
"""How long one call goes on: the next one goes on where it stopped."""


def match_phrases(clock: Clock) -> int:
    """Match the phrases of active readers with each edition that is sent, and store the matches;
    return how many. Matches of editions that are over are deleted.

    Each call reads only profiles that are newer than those of the calls before. Safe to repeat and
    to run twice at once. An edition that raises an exception stops no other.
    """
    _delete_old()
    until = clock() + MOST_TIME
    stored = 0
    editions = Edition.objects.filter(state__in=BEING_SENT).order_by("nominal_at", "pk")
    for edition_id in editions.values_list("pk", flat=True):
        with isolated("phrases_not_matched", edition=edition_id):
            while clock() < until and (profiles := _next_profiles(edition_id)):
                for phrases in _missing(edition_id, profiles):
                    stored += _store(edition_id, phrases)
                    log.info("phrases_matched", edition=edition_id, count=len(phrases))
    return stored


def stored_matches(edition_id: int, profiles: Iterable[ReaderProfile]) -> dict[str, Match]:
    """Return what is stored of the profiles' phrases, by normal phrase. A row that cannot be read
    is passed over: the ranking matches its phrase again.
    """
    found: dict[str, Match] = {}
    unreadable = 0
    for some in _chunks(sorted(phrases_of(profiles))):
        phrases = {_digest(phrase): phrase for phrase in some}
        rows = PhraseMatch.objects.filter(edition=edition_id, phrase_digest__in=phrases)
        for digest, match in rows.values_list("phrase_digest", "match"):
            try:
                found[phrases[digest]] = Match.from_bytes(bytes(match))
            except UnreadableBytes:
                unreadable += 1
    if unreadable:
        log.warning("stored_matches_unreadable", edition=edition_id, count=unreadable)
    return found


def _next_profiles(edition_id: int) -> list[object]:
    """Return the phrases of the next profiles of active readers, and leave them to this process;
    empty when there are none.
    """
    while True:
        before = Edition.objects.values_list("matched_profile", flat=True).get(pk=edition_id)
        active = Subscriber.objects.filter(profile=OuterRef("pk"), state=SubscriberState.ACTIVE)
        rows = list(
            Profile.objects.filter(Exists(active), pk__gt=before)
            .order_by("pk")
            .values_list("pk", "phrases")[:PROFILES_AT_ONCE]
        )
        if not rows:
            return []
        # Before the first is left to this process: where it fails, all are asked for again.
        statistics_of(edition_id)
        taken = Edition.objects.filter(pk=edition_id, matched_profile=before)
        if taken.update(matched_profile=rows[-1][0]):
            return [phrases for _, phrases in rows]


def _missing(edition_id: int, profiles: Iterable[object]) -> Iterator[Sequence[str]]:
    """Yield the normal phrases of profiles that are not stored yet, some at a time."""
    # A profile whose phrases are no texts fails its reader's digest, and must not stop the others.
    texts = (
        text
        for phrases in profiles
        if isinstance(phrases, list)
        for text in phrases
        if isinstance(text, str)
    )
    wanted = {one for text in texts if (one := normal_phrase(text))}
    for some in _chunks(sorted(wanted)):
        phrases = {_digest(phrase): phrase for phrase in some}
        rows = PhraseMatch.objects.filter(edition=edition_id, phrase_digest__in=phrases)
        for digest in rows.values_list("phrase_digest", flat=True):
            del phrases[digest]
        if phrases:
            yield list(phrases.values())


def _store(edition_id: int, phrases: Sequence[str]) -> int:
    """Match the phrases, then store what was found in one short transaction."""
    found = statistics_of(edition_id).match_phrases(phrases)
    PhraseMatch.objects.bulk_create(
        (
            PhraseMatch(
                edition_id=edition_id, phrase_digest=_digest(phrase), match=match.to_bytes()
            )
            for phrase, match in found.items()
        ),
        ignore_conflicts=True,
    )
    return len(found)


def _delete_old() -> None:
    """Delete the matches of editions that are not sent any more."""
    stored = PhraseMatch.objects.filter(edition=OuterRef("pk"))
    over = Edition.objects.exclude(state__in=BEING_SENT).filter(Exists(stored))
    for edition_id in list(over.values_list("pk", flat=True)):
        PhraseMatch.objects.filter(edition=edition_id).delete()


def _digest(phrase: str) -> str:
    return hashlib.sha256(phrase.encode()).hexdigest()


def _chunks(phrases: Collection[str]) -> Iterator[Sequence[str]]:
    listed = list(phrases)
    for start in range(0, len(listed), PHRASES_AT_ONCE):
        yield listed[start : start + PHRASES_AT_ONCE]
