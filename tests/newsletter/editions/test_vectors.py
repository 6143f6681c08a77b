"""Each text is embedded once, by a task, before the edition that needs it; the freeze only
reads.
"""

from datetime import timedelta

import numpy as np
import pytest

from ingest.models import Paper
from newsletter import tasks
from newsletter.editions import candidates_of, open_edition, vectors
from newsletter.editions.topics import topic_definitions
from newsletter.editions.vectors import embed_waiting, meanings_of
from newsletter.models import TextVector
from tests.newsletter import world
from tests.newsletter.poison import with_profile

pytestmark = pytest.mark.django_db
NOW = world.NOON


class Letters:
    """Places a text by its letters: small, and the same every time."""

    name = "letters@1"
    dimensions = 26

    def __init__(self):
        self.embedded = []

    def embed(self, texts):
        self.embedded += texts
        counts = np.array(
            [[1 + text.lower().count(chr(97 + at)) for at in range(26)] for text in texts],
            np.float32,
        )
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)


@pytest.fixture
def letters(settings, monkeypatch):
    settings.SEMANTIC_MODEL = "letters"
    embedder = Letters()
    monkeypatch.setattr(vectors, "embedder_named", lambda _model: embedder)
    return embedder


def meanings(edition):
    return meanings_of(candidates_of(edition), topic_definitions())


@pytest.fixture
def edition():
    world.a_topic()
    world.papers(3)
    return open_edition("daily", world.DAY, NOW)


def test_without_a_model_nothing_is_embedded_and_nothing_is_meant(edition):
    assert embed_waiting(NOW) == 0
    assert meanings(edition) is None
    assert not TextVector.objects.exists()


def test_papers_topics_and_phrases_of_readers_are_embedded_once(letters, edition):
    world.a_reader(profile=world.a_profile(phrases=("Protein  Folding", "tides")))
    assert embed_waiting(NOW) == len(letters.embedded) == 3 + 2 + 2
    assert embed_waiting(NOW) == 0
    found = meanings(edition)
    assert len(found.papers) == 3
    assert found.model == "letters@1"
    for phrase in ("protein folding", "PROTEIN FOLDING", "Graphs", "graph networks"):
        assert np.linalg.norm(found.phrase(phrase)) == pytest.approx(1, abs=0.001)
    assert found.phrase("never asked") is None


def test_a_changed_abstract_is_embedded_again(letters, edition):
    embed_waiting(NOW)
    Paper.objects.filter(title__endswith=" 1").update(abstract="Quite another abstract.")
    assert len(meanings(edition).papers) == 2
    assert embed_waiting(NOW) == 1
    assert len(meanings(edition).papers) == 3


def test_a_run_is_bounded_and_the_next_goes_on(letters, edition, monkeypatch):
    monkeypatch.setattr(vectors, "TEXTS_A_RUN", 2)
    assert [embed_waiting(NOW) for _run in range(4)] == [2, 2, 1, 0]


def test_papers_listed_long_ago_are_left_alone(letters, edition):
    assert embed_waiting(NOW + timedelta(days=30)) == 2


def test_what_nobody_asked_for_in_months_goes(letters, edition):
    embed_waiting(NOW)
    embed_waiting(NOW + timedelta(days=121))
    assert TextVector.objects.count() == 2


def test_vectors_of_another_model_are_not_used(letters, edition):
    embed_waiting(NOW)
    letters.name = "letters@2"
    assert meanings(edition).papers == {}


def test_the_task_embeds(letters, edition):
    tasks.embed(at=NOW.isoformat())
    assert TextVector.objects.count() == 5


class Choosy(Letters):
    """Refuses a call with one text among the others, or every call."""

    def __init__(self, refuses):
        super().__init__()
        self.refuses = refuses

    def embed(self, texts):
        if any(self.refuses(text) for text in texts):
            raise ValueError("no tokens")
        return super().embed(texts)


@pytest.fixture
def choosy(letters, monkeypatch):
    def embedder(refuses):
        made = Choosy(refuses)
        monkeypatch.setattr(vectors, "embedder_named", lambda _model: made)
        monkeypatch.setattr(vectors, "_refused", set())
        return made

    return embedder


def test_a_text_that_cannot_be_embedded_stops_no_other_and_is_tried_once(choosy, edition):
    title = Paper.objects.order_by("pk")[1].title
    embedder = choosy(lambda text: text.startswith(title))
    assert embed_waiting(NOW) == TextVector.objects.count() == 4
    tried = len(embedder.embedded)
    assert embed_waiting(NOW) == 0
    assert len(embedder.embedded) == tried
    assert len(meanings(edition).papers) == 2


def test_a_model_that_embeds_nothing_is_an_error(choosy, edition):
    choosy(lambda _text: True)
    with pytest.raises(ValueError, match="no tokens"):
        embed_waiting(NOW)
    assert vectors._refused == set()


@pytest.mark.parametrize("phrases", [7, [7], {"tides": 1}])
def test_phrases_that_are_no_texts_stop_neither_embedding_nor_a_freeze(letters, edition, phrases):
    world.a_reader(1, profile=world.a_profile(phrases=("tides",)))
    with_profile(world.a_reader(2), phrases=phrases)
    assert embed_waiting(NOW) == 3 + 2 + 1
    assert meanings(edition).phrase("tides") is not None
