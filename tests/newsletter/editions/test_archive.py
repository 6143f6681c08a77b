"""What the stored papers teach: fitted by version, from seeds at the start, and never from what
came later.
"""

from datetime import timedelta

import pytest
from django.core.management import call_command

from newsletter import tasks
from newsletter.editions import archive, pickup, seeds
from newsletter.editions.archive import archive_statistics, refit, refit_when_due
from newsletter.models import ArchiveFit
from newsletter.ranking.pickup import FEWEST_PAPERS, TRUSTED_PAPERS
from newsletter.sending import frozen
from tests.newsletter import world

pytestmark = pytest.mark.django_db
LATER = world.NOON + timedelta(days=1)


@pytest.fixture(autouse=True)
def forgotten_editions():
    frozen.forget()


def test_a_new_site_knows_words_from_its_seeds():
    known = archive_statistics()
    assert known.documents == len(seeds.seed_texts()) > 80
    assert known.weight("languag") < known.weight("glacier")


def test_without_seeds_and_papers_nothing_is_known(monkeypatch, tmp_path):
    monkeypatch.setattr(seeds, "SEEDS", tmp_path)
    seeds.seed_texts.cache_clear()
    seeds.seed_archive.cache_clear()
    try:
        assert archive_statistics() is None
    finally:
        seeds.seed_texts.cache_clear()
        seeds.seed_archive.cache_clear()


def test_a_fit_learns_from_papers_and_while_they_are_few_from_seeds_too():
    world.papers(5)
    fit = refit(world.NOON)
    assert fit.papers == 5 + len(seeds.seed_texts())
    assert archive_statistics().frequencies["graph"] >= 5


def test_enough_papers_need_no_seeds(monkeypatch):
    monkeypatch.setattr(archive, "FEW_PAPERS", 5)
    world.papers(5)
    assert refit(world.NOON).papers == 5


def test_a_fit_reads_a_bounded_number_of_each_kind_spread_over_the_year(monkeypatch):
    monkeypatch.setattr(archive, "FEW_PAPERS", 0)
    monkeypatch.setattr(archive, "MOST_OF_A_KIND", 3)
    for number in range(6):
        world.a_paper(number, day=world.DAY - timedelta(days=50 * number), votes=5)
    for number in range(10, 30):
        world.a_paper(number, title=f"Zebra crossings {number}", abstract="", votes=None)
    assert refit(world.NOON).papers == 6
    known = archive_statistics().frequencies
    assert (known["graph"], known["zebra"]) == (3, 3)


def test_a_fit_reads_older_papers_while_a_year_has_few(monkeypatch):
    monkeypatch.setattr(archive, "FEW_PAPERS", 0)
    monkeypatch.setattr(archive, "MOST_OF_A_KIND", 3)
    for number in range(9):
        world.a_paper(number, day=world.DAY - timedelta(days=400 + number))
    world.a_paper(20)
    assert refit(world.NOON).papers == 6


def test_a_fit_is_not_repeated_before_its_time():
    assert refit_when_due(world.NOON) is not None
    assert refit_when_due(world.NOON + timedelta(minutes=15)) is None
    assert refit_when_due(LATER) is not None


def test_a_flood_of_new_papers_makes_a_fit_due(monkeypatch):
    monkeypatch.setattr(archive, "FEW_PAPERS", 0)
    world.papers(2, day=world.DAY - timedelta(days=1))
    refit(world.FREEZE - timedelta(hours=6))
    world.papers(2, first=5)
    assert refit_when_due(world.FREEZE) is not None


def test_only_the_last_versions_are_kept_and_the_newest_is_in_use():
    fits = [refit(world.NOON + timedelta(days=day)) for day in range(5)]
    assert list(ArchiveFit.objects.order_by("pk")) == fits[-3:]
    world.papers(30)
    refit(LATER)
    assert archive_statistics().frequencies["graph"] >= 30


def test_a_fit_of_another_version_of_paperboy_is_passed_over():
    fit = refit(world.NOON)
    ArchiveFit.objects.filter(pk=fit.pk).update(content=b"old", digest="old")
    assert archive_statistics() is seeds.seed_archive()


def test_the_task_and_the_command_fit(capsys):
    tasks.refit_archive(at="2026-01-14T12:00:00Z")
    assert ArchiveFit.objects.get().fitted_at.replace(microsecond=0) == world.NOON
    call_command("refit_archive")
    assert "learned from" in capsys.readouterr().out


def test_an_edition_is_frozen_with_what_the_archive_knows():
    world.a_topic()
    world.papers(3)
    refit(world.FREEZE)
    edition = world.a_frozen_edition()
    assert (
        frozen.statistics_of(edition.pk).library.archive.documents == archive_statistics().documents
    )


def test_too_few_past_listings_teach_no_expectations():
    world.papers(3)
    assert pickup.pickup_model(LATER.date()) is None


def test_expectations_come_only_from_listings_before_the_day():
    day = world.DAY - timedelta(days=20)
    for number in range(1, FEWEST_PAPERS + 1):
        world.a_paper(number, day=day, votes=number)
    for number in range(500, 510):
        world.a_paper(number, day=world.DAY, votes=9_999)
    model = pickup.pickup_model(world.DAY)
    assert len(model.listed) == FEWEST_PAPERS
    assert max(one.votes for one in model.listed) == FEWEST_PAPERS


def test_announced_papers_do_not_crowd_out_those_with_votes(monkeypatch):
    monkeypatch.setattr(pickup, "MOST_ANNOUNCED", 4)
    monkeypatch.setattr(pickup, "MOST_VOTED", FEWEST_PAPERS)
    for number in range(1, FEWEST_PAPERS + 11):
        world.a_paper(number, day=world.DAY - timedelta(days=60 + number), votes=number)
    announced = [
        world.a_paper(500 + number, day=world.DAY - timedelta(days=1 + number), votes=None)
        for number in range(10)
    ]
    world.listed(announced[0], world.DAY - timedelta(days=1), 7, source=world.a_source("another"))
    model = pickup.pickup_model(world.DAY)
    assert len(model.listed) == FEWEST_PAPERS
    assert max(one.day for one in model.listed) == world.DAY - timedelta(days=1)
    assert [one.title for one in model.background] == [paper.title for paper in announced[4:0:-1]]


def test_an_edition_expects_votes_only_from_listings_older_than_its_window():
    old = world.DAY - timedelta(days=20)
    for number in range(1, TRUSTED_PAPERS + 1):
        world.a_paper(number, day=old, votes=50 + number)
    world.papers(3, first=900, day=world.DAY)
    statistics = frozen.statistics_of(world.a_frozen_edition().pk)
    assert statistics.expected.min() > 0
    assert statistics.known_for[0][0] == "Ada Example"
