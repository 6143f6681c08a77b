"""The choice for whole blocks of readers, beside the same rules written down for one reader at a
time.
"""

from math import ceil
from random import Random

import pytest
from hypothesis import given, settings

from newsletter.ranking.choosing import MOST_OF_ONE, MOST_OUTSIDE, REPEATED
from newsletter.ranking.rank import rank
from newsletter.ranking.scoring import TO_TASTE
from tests.newsletter.ranking.plain import frozen, paper, reader, topic
from tests.newsletter.ranking.test_rank_properties import CROWDS, WORDS, editions, ranked

OUTSIDE = "outside"
FAR = 1 << 20


class Plain:
    """One reader's choice, paper by paper."""

    def __init__(self, statistics, profile, mailed):
        self.statistics = statistics
        self.profile = profile
        self.everything = profile.balance == 100 or not (
            profile.phrases or set(profile.topics) & statistics.rows.keys()
        )
        self.duplicates = {tuple(pair) for pair in statistics.duplicates.tolist()}
        papers = len(statistics.papers)
        interests = [statistics.topic_scores[row] for row in self.rows()]
        for phrase in profile.phrases:
            (match,) = statistics.match_phrases([phrase]).values()
            interests.append(match.counted(papers))
        (taste,) = statistics.library.affinity.scores([profile.taste])
        self.left = {}
        pins = {}
        for place, one in enumerate(statistics.papers):
            matches = [int(scores[place]) for scores in interests]
            best = max(matches, default=0)
            weight = 100 - profile.balance
            trend = profile.balance * int(statistics.trend[place]) // 50
            score = best * weight // 50 + int(taste[place]) * weight // 50 + trend
            score += int(statistics.freshness[place]) + int(statistics.editor[place])
            interest = (
                matches.index(best) if best else "taste" if taste[place] >= TO_TASTE else OUTSIDE
            )
            unseen = mailed.isdisjoint({one.id, *one.duplicates_of})
            voted = one.votes is None or one.votes >= profile.minimum_votes
            muted = statistics.muted(profile.muted)[:, place].any()
            stands_out = (
                interest != OUTSIDE or self.everything or trend > 0 or statistics.editor[place] > 0
            )
            allowed = unseen and voted and not muted
            if one.pinned and allowed:
                pins[place] = score
            elif not one.pinned and allowed and stands_out and score > 0:
                self.left[place] = (score, OUTSIDE if self.everything else interest)
        order = sorted(pins, key=lambda place: (statistics.papers[place].pin_place, place))
        self.pins = [(place, pins[place]) for place in order[: profile.papers_per_digest]]
        self.left = {
            place: found
            for place, found in self.left.items()
            if not any((place, pin) in self.duplicates for pin, _score in self.pins)
        }

    def rows(self):
        return [
            self.statistics.rows[one] for one in self.profile.topics if one in self.statistics.rows
        ]

    def chosen(self):
        named = {interest for _, interest in self.left.values()} - {OUTSIDE}
        limit = self.profile.papers_per_digest
        most = max(ceil(limit * MOST_OF_ONE), 2) if len(named) > 1 else limit
        taken = list(self.pins)
        given_by = dict.fromkeys([*named, OUTSIDE], 0)
        while self.left and len(taken) < limit:
            place = min(self.left, key=lambda one: (-self.worth(one, given_by), one))
            score, interest = self.left.pop(place)
            taken.append((place, score))
            given_by[interest] += 1
            over = given_by[interest] >= (
                most if interest != OUTSIDE else FAR if self.everything else MOST_OUTSIDE
            )
            self.left = {
                one: found
                for one, found in self.left.items()
                if (place, one) not in self.duplicates and not (over and found[1] == interest)
            }
        return {self.statistics.papers[place].id: score for place, score in taken}

    def worth(self, place, given_by):
        score, interest = self.left[place]
        if interest == OUTSIDE:
            return score - FAR // 16
        return score - (FAR // 16 + REPEATED * given_by[interest] if given_by[interest] else 0)


@pytest.mark.slow
@settings(deadline=None, max_examples=150)
@given(editions(), CROWDS)
def test_blocks_choose_what_the_rules_choose_for_each_reader(edition, crowd):
    statistics = frozen(*edition)
    for (profile, mailed), selection in zip(crowd, ranked(statistics, crowd), strict=True):
        plain = Plain(statistics, profile, mailed)
        first = [statistics.papers[place].id for place, _score in plain.pins]
        assert [pick.paper_id for pick in selection.picks[: len(first)]] == first
        assert {pick.paper_id: pick.parts.total for pick in selection.picks} == plain.chosen()


@pytest.mark.parametrize("seed", range(4))
def test_in_a_full_edition_too(seed):
    chance = Random(seed)
    topics = [topic(number, word) for number, word in enumerate(WORDS, 1)]
    texts = [" ".join(chance.choices([*WORDS, *map(str, range(90))], k=14)) for _ in range(60)]
    papers = [
        paper(
            number, text, votes=chance.choice([None, 2, 40, 300]), boost=chance.choice([0, 0, 60])
        )
        for number, text in enumerate(texts)
    ]
    readers = [
        reader(
            topics=tuple(chance.sample(range(1, 11), chance.randint(1, 4))),
            papers_per_digest=chance.randint(3, 12),
            balance=chance.randrange(0, 101, 20),
        )
        for _ in range(80)
    ]
    statistics = frozen(papers, topics)
    selections = rank(statistics, readers, [frozenset()] * len(readers))
    for profile, selection in zip(readers, selections, strict=True):
        assert {pick.paper_id: pick.parts.total for pick in selection.picks} == Plain(
            statistics, profile, frozenset()
        ).chosen()


def test_equal_papers_of_equal_readers_are_one_pick():
    statistics = frozen(
        [paper(1, "Diffusion models", votes=9)], [topic(1, "Diffusion models"), topic(2, "Robot")]
    )
    first, second = rank(
        statistics, [reader(topics=(1,)), reader(topics=(2, 1), muted=("car",))], [frozenset()] * 2
    )
    again = rank(statistics, [reader(topics=(1,))], [frozenset()])
    assert first.picks[0] is second.picks[0] is again[0].picks[0]


@pytest.mark.parametrize("interests", [0, 1, 31, 32, 200])
def test_any_number_of_interests_is_told_apart(interests):
    words = [f"word{number}" for number in range(interests)]
    statistics = frozen([paper(number, f"On {word}") for number, word in enumerate(words)])
    (selection,) = rank(
        statistics, [reader(phrases=tuple(words), papers_per_digest=300)], [frozenset()]
    )
    assert sorted(pick.paper_id for pick in selection.picks) == list(range(interests))
    for pick in selection.picks:
        assert pick.reasons[0].text == f"“word{pick.paper_id}” in the title"
