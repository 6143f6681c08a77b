"""arXiv's feed and OAI-PMH interface say which papers are new, which are news of known ones, and
which are gone.
"""

from datetime import UTC, date, datetime

import pytest

from ingest.sighting import Unreadable
from ingest.sources.arxiv import categories, says_withdrawn, set_of
from ingest.sources.arxiv_feed import CategoryFeed
from ingest.sources.arxiv_oai import Harvest, OnePaper
from ingest.sources.protocol import BadOptions, Window
from tests.ingest.samples import arxiv_entry, arxiv_feed, arxiv_rss, oai, oai_record

SEEN_AT = datetime(2025, 1, 10, 6, tzinfo=UTC)
WINDOW = Window(date(2025, 1, 6), date(2025, 1, 10))
FEED, OAI = CategoryFeed(), Harvest()
HARVEST = {"categories": ["cs.AI", "hep-th"]}


def read_feed(content, **options):
    return FEED.parse(content, FEED.first(WINDOW, options), options, SEEN_AT)


def read_oai(content, **changes):
    return OAI.parse(content, {**OAI.first(WINDOW, HARVEST), **changes}, HARVEST, SEEN_AT)


@pytest.mark.parametrize("content", [arxiv_feed(arxiv_entry()), arxiv_rss()])
def test_a_new_paper_is_listed_on_the_day_it_was_announced(content):
    (sighting,) = read_feed(content).parsed.sightings
    assert (sighting.arxiv_id, sighting.arxiv_version) == ("2501.00001", 1)
    assert (sighting.day, sighting.published, sighting.only_known) == (
        date(2025, 1, 9),
        None,
        False,
    )
    assert (sighting.title, sighting.abstract) == (
        "A Paper Called 2501.00001 of Some Length",
        "It says what it found.",
    )
    assert (sighting.authors, sighting.categories) == (
        ("Ada Example", "Bo Sample"),
        ("cs.AI", "cs.LG"),
    )


@pytest.mark.parametrize(
    ("kind", "options", "listed"),
    [("cross", {}, True), ("cross", {"cross_lists": False}, False), ("replace", {}, False)],
)
def test_cross_lists_are_listed_unless_told_not_to_and_replacements_never(kind, options, listed):
    (sighting,) = read_feed(
        arxiv_feed(arxiv_entry(kind=kind, version=2)), **options
    ).parsed.sightings
    assert (sighting.day is not None, sighting.only_known) == (listed, not listed)


def test_a_replacement_that_says_so_withdraws_the_paper_and_keeps_its_abstract():
    entry = arxiv_entry(
        kind="replace", abstract="This paper has been withdrawn by the author due to an error."
    )
    (sighting,) = read_feed(arxiv_feed(entry)).parsed.sightings
    assert (sighting.withdrawn_at, sighting.abstract, sighting.only_known) == (SEEN_AT, "", True)


def test_names_with_tex_suffix_and_affiliation_are_read():
    entry = arxiv_entry(authors="Andr\\'e Weil, John Doe, Jr., Ada Example (1), Bo Sample (MIT)")
    (sighting,) = read_feed(arxiv_feed(entry)).parsed.sightings
    assert sighting.authors == ("André Weil", "John Doe, Jr.", "Ada Example", "Bo Sample")


def test_terms_of_other_classifications_are_no_categories():
    (sighting,) = read_feed(
        arxiv_feed(arxiv_entry(categories=("cs.AI", "68T50", "I.2.7", "cs.AI")))
    ).parsed.sightings
    assert sighting.categories == ("cs.AI",)


def test_an_empty_weekend_is_no_error():
    assert read_feed(arxiv_feed()).parsed.sightings == ()


@pytest.mark.parametrize("day", ["1970-01-01", "2099-01-01"])
def test_a_day_that_cannot_be_is_replaced_with_a_warning(day):
    page = read_feed(arxiv_feed(arxiv_entry(day=day)))
    assert page.parsed.sightings[0].day == SEEN_AT.date()
    assert "no day of announcement" in page.parsed.warnings[0]


def test_an_entry_without_an_id_is_rejected_and_the_others_go_in():
    broken = (
        arxiv_entry()
        .replace("oai:arXiv.org:2501.00001v1", "x")
        .replace("https://arxiv.org/abs/2501.00001", "https://example.org/")
    )
    page = read_feed(arxiv_feed(broken, arxiv_entry("2501.00002")))
    assert [entry.arxiv_id for entry in page.parsed.sightings] == ["2501.00002"]
    assert page.parsed.rejected[0].line == 1


@pytest.mark.parametrize(
    "content",
    [
        arxiv_feed(title="Feed error for query: cs.NOPE"),
        arxiv_feed(
            "<entry><id>http://arxiv.org/api/errors#bad</id><title>Error</title><summary>bad "
            "category</summary></entry>"
        ),
    ],
)
def test_an_error_in_the_form_of_a_feed_is_refused(content):
    with pytest.raises(Unreadable, match="error in the form of a feed"):
        read_feed(content)


def test_a_latin_1_feed_that_says_so_is_read():
    content = (
        arxiv_feed(arxiv_entry(authors="Jos\u00e9 Garc\u00eda"))
        .decode()
        .replace("UTF-8", "ISO-8859-1")
        .encode("latin-1")
    )
    assert read_feed(content).parsed.sightings[0].authors == ("Jos\u00e9 Garc\u00eda",)


def test_the_feed_is_asked_for_all_categories_at_once():
    options = {"categories": ["cs.AI", "cs.LG", "cs.AI"]}
    request = FEED.request(FEED.first(WINDOW, options), options, "")
    assert request.url == "https://rss.arxiv.org/atom/cs.AI+cs.LG"
    assert request.conditional


@pytest.mark.parametrize("wrong", [["cs.AI/../x"], ["CS"], "cs.AI", [5], ["cs.AI&x=1"]])
def test_categories_that_are_none_are_told(wrong):
    with pytest.raises(BadOptions, match="categor"):
        categories({"categories": wrong})


@pytest.mark.parametrize(
    ("category", "name"),
    [
        ("cs.AI", "cs:cs:AI"),
        ("cs", "cs"),
        ("hep-lat", "physics:hep-lat"),
        ("astro-ph.CO", "physics:astro-ph:CO"),
        ("physics.optics", "physics:physics:optics"),
        ("stat.ML", "stat:stat:ML"),
        ("q-bio.NC", "q-bio:q-bio:NC"),
    ],
)
def test_a_category_has_its_set(category, name):
    assert set_of(category) == name


@pytest.mark.parametrize(
    "text",
    [
        "This paper has been withdrawn by the authors",
        "  Withdrawn: see v3",
        "the article was withdrawn",
    ],
)
def test_a_withdrawal_is_recognised(text):
    assert says_withdrawn("", text)


@pytest.mark.parametrize(
    "text", ["", "We study papers that have been withdrawn", "Accepted at ICML"]
)
def test_other_words_are_no_withdrawal(text):
    assert not says_withdrawn(text)


def test_a_first_version_is_listed_on_its_datestamp():
    (sighting,) = read_oai(oai(oai_record(doi="10.1000/ABC 10.1000/def"))).parsed.sightings
    assert (sighting.day, sighting.published, sighting.only_known) == (
        date(2025, 1, 9),
        date(2025, 1, 8),
        False,
    )
    assert (sighting.authors, sighting.doi, sighting.abstract) == (
        ("Ada Example", "Bo Sample"),
        "10.1000/abc",
        "It says what it found.",
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"updated": "2025-01-08"},
        {"created": "2024-01-08"},
        {"comments": "This paper has been withdrawn"},
    ],
)
def test_what_is_no_first_version_is_news_of_a_known_paper_and_lists_nothing(fields):
    (sighting,) = read_oai(oai(oai_record(**fields))).parsed.sightings
    assert (sighting.day, sighting.only_known) == (None, True)


def test_a_deleted_record_withdraws_a_known_paper():
    (sighting,) = read_oai(oai(oai_record(deleted=True))).parsed.sightings
    assert (sighting.withdrawn_at, sighting.only_known, sighting.title) == (
        datetime(2025, 1, 9, tzinfo=UTC),
        True,
        "",
    )


def test_a_resumption_token_leads_to_the_next_page_and_then_to_the_next_set():
    page = read_oai(oai(oai_record(), token="next|1"))
    request = OAI.request(page.following, HARVEST, "")
    assert request.url == "https://oaipmh.arxiv.org/oai?verb=ListRecords&resumptionToken=next%7C1"
    last = OAI.parse(oai(oai_record("2501.00002"), token=""), page.following, HARVEST, SEEN_AT)
    assert "set=physics%3Ahep-th" in OAI.request(last.following, HARVEST, "").url
    assert (
        OAI.parse(oai(oai_record("2501.00003")), last.following, HARVEST, SEEN_AT).following is None
    )


def test_a_token_that_leads_to_itself_ends_the_set():
    assert read_oai(oai(oai_record(), token="same"), token="same").following["sets"] == [
        "physics:hep-th"
    ]


def test_no_records_is_an_answer_like_others():
    page = read_oai(oai(error=("noRecordsMatch", "nothing")))
    assert page.parsed.sightings == ()
    assert page.following["sets"] == ["physics:hep-th"]


def test_with_an_expired_token_the_set_is_begun_again_but_not_for_ever():
    expired = oai(error=("badResumptionToken", "expired"))
    position = {**OAI.first(WINDOW, HARVEST), "token": "old", "page": 7}
    for restarts in (1, 2):
        page = OAI.parse(expired, position, HARVEST, SEEN_AT)
        assert (page.following["token"], page.following["page"], page.following["restarts"]) == (
            "",
            0,
            restarts,
        )
        assert "expired" in page.parsed.warnings[0]
        position = {**page.following, "token": "old"}
    with pytest.raises(Unreadable, match="badResumptionToken"):
        OAI.parse(expired, position, HARVEST, SEEN_AT)


@pytest.mark.parametrize("code", ["badArgument", "badVerb", "cannotDisseminateFormat"])
def test_other_errors_of_the_protocol_are_refused(code):
    with pytest.raises(Unreadable, match=code):
        read_oai(oai(error=(code, "words")))


def test_broken_records_are_rejected_and_the_others_go_in():
    page = read_oai(oai(oai_record(title=" "), oai_record("nonsense"), oai_record("2501.00003")))
    assert [entry.arxiv_id for entry in page.parsed.sightings] == ["2501.00003"]
    assert [entry.line for entry in page.parsed.rejected] == [1, 2]


@pytest.mark.parametrize("day", ["1970-01-01", "2099-01-01", "soon"])
def test_a_submission_day_that_cannot_be_is_left_out(day):
    page = read_oai(oai(oai_record(created=day)))
    assert page.parsed.sightings[0].published is None
    assert len(page.parsed.warnings) == 1


def test_one_paper_is_asked_for_by_any_form_of_its_id():
    kind, options = OnePaper(), {"id": "https://arxiv.org/pdf/2501.00001v3.pdf"}
    position = kind.first(WINDOW, options)
    assert "identifier=oai%3AarXiv.org%3A2501.00001" in kind.request(position, options, "").url
    page = kind.parse(
        oai(oai_record(updated="2025-01-09"), verb="GetRecord"), position, options, SEEN_AT
    )
    (sighting,) = page.parsed.sightings
    assert (sighting.arxiv_id, sighting.only_known, sighting.day) == (
        "2501.00001",
        False,
        WINDOW.last,
    )


@pytest.mark.parametrize(
    "content",
    [oai(error=("idDoesNotExist", "no")), oai(oai_record("2501.00009"), verb="GetRecord")],
)
def test_a_paper_that_is_not_there_is_rejected_with_the_reason(content):
    page = OnePaper().parse(content, {"id": "2501.00001"}, {}, SEEN_AT)
    assert "2501.00001" in page.parsed.rejected[0].reason
