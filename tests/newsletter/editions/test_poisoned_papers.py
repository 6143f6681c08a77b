"""One poisoned paper of fifty, at a random place: the other 49 go out, whatever its poison is.

Each kind is one edition, frozen by the clock. The poisoned paper is mailed with clean words, mailed
without its faulty link, or struck. The desk lists what was left out, with the reason.
"""

import random
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from django.test import Client
from lxml import html as lxml_html

from ingest.models import Paper, Run, Source
from newsletter.composing.cards import cards_of
from newsletter.composing.compiled import CompiledParts
from newsletter.composing.content import Digest, DigestPick
from newsletter.composing.digest import render, render_web_view
from newsletter.composing.lint.linter import lint
from newsletter.composing.lint.rules import OWN_WORDS_RULES
from newsletter.composing.message import to_email_message
from newsletter.composing.wire import WireEdition
from newsletter.editions import candidates_of, freezing, open_edition
from newsletter.editions.content import content_of
from newsletter.editions.curation import curate
from newsletter.editions.day import look_after_editions
from newsletter.models import CurationKind, Edition, EditionState
from newsletter.ranking.statistics import EditionStatistics
from newsletter.sending import frozen, press
from tests.newsletter import world
from tests.newsletter.composing.digests import LINKS, digest
from tests.newsletter.world import DAY, FREEZE

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

PAPERS = 50


@dataclass(frozen=True)
class Poison:
    """What is wrong with one paper, or with the words around the papers.

    `stored` are fields of the row, set past the cleaning at ingest. `unstorable` are fields of the
    card with what no database takes. `note` is the editor's note on the edition and on the paper,
    `source` the title of a source that is missing. `unlinked` is the reason why a link is left out,
    `struck` why the paper is.
    """

    stored: dict[str, object] = field(default_factory=dict)
    unstorable: dict[str, object] = field(default_factory=dict)
    note: str = ""
    source: str = ""
    unlinked: str = ""
    struck: str = ""


def everywhere(text: str) -> Poison:
    """Put a text into every field of the paper and around the papers that can hold it."""
    return Poison(
        {"title": text, "abstract": text, "authors": [text], "author_count": 1},
        note=text,
        source=text,
    )


def code(link: str, unlinked: str = "") -> Poison:
    return Poison({"code_link": link}, unlinked=unlinked)


def own_link(link: str, unlinked: str = "") -> Poison:
    return Poison({"link": link, "arxiv_id": None}, unlinked=unlinked)


KINDS = {
    # Named in the issue.
    "replacement character": everywhere("A na\ufffdve \ufffd study"),
    "None": everywhere("None"),
    "NaN": everywhere("NaN"),
    "nan": everywhere("nan"),
    "Here": everywhere("Here"),
    "sole author None": Poison({"authors": ["None"], "author_count": 1, "published": None}),
    "code at a shortener": code("https://bit.ly/abc", "shortened-link"),
    "code with a mail address": code("https://example.org/?for=ada@example.org", "address-in-link"),
    "code under None": code("https://example.org/None/code"),
    "braces in a link": code("https://example.org/{{x}}/{%y%}"),
    "open style": everywhere('When prompts carry style="bold: a study'),
    "class": everywhere('How class="x" and class="card" change a cell'),
    "style with blanks": everywhere('What style="a; b, c" and style="d; e" do'),
    # Words that mean something to a template, a browser or a mail program.
    "null": everywhere("null"),
    "undefined": everywhere("undefined"),
    "click here": everywhere("Click here"),
    "an address as title": everywhere("https://example.org/login?a=1&b=2"),
    "unsubscribe": everywhere("Unsubscribe"),
    "template tags": everywhere("{{ leave }}{% if %}{# #}{{{x}}} ${x} *|FNAME|* <%= x %> %(title)s"),
    "format signs": everywhere("100% %s %(x)d {0} {} \\1 \\g<0> $1"),
    "end of a cell": everywhere("</td></tr></table><h1>Done</h1>"),
    "script": everywhere('<script>alert("x")</script><img src=x onerror=y>'),
    "comment": everywhere("<!-- open <!--[if mso]> --> ]]> <![CDATA["),
    "style block": everywhere("</style><style>p{display:none}</style></head>"),
    "entities": everywhere("&amp;lt; &#xfffd; &#0; &nbsp; &#x202e; &bogus; &"),
    "quotes": everywhere("\"'`“”’ it's \"quoted\""),
    "an encoded word": everywhere("=?utf-8?b?a?= =?utf-8?q?=0ABcc:_x@example.org?="),
    "a header": everywhere("Sorting\r\nBcc: x@example.org\r\n\r\n<p>"),
    "an SMTP end": everywhere("\r\n.\r\n.\nQUIT"),
    "a MIME boundary": everywhere("--=_digest_=_-- =_digest_=_"),
    # Text pieces that composing uses itself.
    "a sentinel": everywhere("pb" + "0" * 24 + "v0q pb" + "f" * 24 + "v13q"),
    "a border": everywhere("<!--pb" + "0" * 24 + "mtop--> <!--pb" + "0" * 24 + "mcard:1-->"),
    "a mark of the wire": everywhere("\x01\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x11\x1b"),
    "words of the layout": everywhere("Why it’s here: For you · Also trending · Unsubscribe"),
    "an apostrophe key": everywhere("' OR 1=1; -- \\'"),
    # Characters.
    "controls": everywhere("a\x07b\x1bc\x7fd\x80e\x9ff\x1fg\x85h\u2028i"),
    "bidi overrides": everywhere("\u202eevil\u202c \u2066open \u2068isolates \u200f"),
    "right to left": everywhere("שלום עולם and مرحبا (https://example.org/שלום)"),
    "nothing to see": everywhere("\u200b\u200d\u2060\ufeff\u3164\u180b\U000e0100"),
    "noncharacters": everywhere("a\ufdd0b\ufffec\uffffd\U0001fffee"),
    "tag characters": everywhere("a\U000e0061\U000e0062 b\ufff9c\ufffb"),
    "a stack of marks": everywhere("Z" + "\u0300" * 480),
    "private use and unassigned": everywhere("\ue000\U000f0000 \u0378 \ufffc"),
    "emoji": everywhere("👩\u200d🔬" * 40 + " 🏴\U000e0067\U000e0062\U000e007f"),
    "variation selectors": everywhere("a\ufe0f\ufe0e\U000e01ef" * 30),
    "wide letters": everywhere("長い題名" * 120),
    "surrogates": Poison(
        unstorable={"title": "a\ud800b\udfff", "abstract": "\udc00", "authors": ("\ud83d",)}
    ),
    "null characters": Poison(
        unstorable={"title": "a\0b", "abstract": "\0", "editor_note": "\0", "code_url": "\0"},
        unlinked="no usable web address",
    ),
    # Values that are not what they should be.
    "a day of words": Poison(unstorable={"published": "yesterday"}, struck="AttributeError"),
    "votes of words": Poison(unstorable={"votes": "many"}, struck="InvalidOperation"),
    "no title at all": Poison(unstorable={"title": None}, struck="TypeError"),
    "an abstract of numbers": Poison(unstorable={"abstract": 3.5}, struck="TypeError"),
    "an author who is nothing": Poison(unstorable={"authors": (None,)}, struck="TypeError"),
    "a link that is a list": Poison(unstorable={"code_url": ["x"]}, struck="AttributeError"),
    # Sizes.
    "one long word": everywhere("x" * 500),
    "long address": everywhere("https://example.org/" + "a/" * 200),
    "a huge abstract": Poison({"abstract": "We sort letters; they are sorted. " * 30_000}),
    "a huge abstract without blanks": Poison({"abstract": "{<&" * 200_000}),
    "many authors": Poison({"authors": ["Ada & Co <x>"] * 5_000, "author_count": 9}),
    "huge numbers": Poison({"author_count": 2**31 - 1}),
    "nothing at all": Poison({"title": "\u200b", "abstract": "", "authors": []}),
    # TeX.
    "TeX": everywhere(r"$\frac{a}{b}$ \emph{x} 50\% & {\em y} $\input\hypersetup$ \textbf{"),
    "deep TeX": everywhere("$" + r"\frac{" * 60 + "$ " + r"\cite[" * 20),
    "TeX that raises": everywhere(r"$\textsl\input$ \footnote \begin{array} \verb|"),
    "TeX of bad characters": everywhere(r'\char"FFFD \symbol{0} \unichar{65533} $^\x00$'),
    # Links.
    "code with another script": code("https://bücher.example/ü”/中?q=é#ñ"),
    "code that runs": code("javascript:alert(1)", "no usable web address"),
    "code without a host": code("https://", "no usable web address"),
    "code at a broken host": code("https://[::1", "no usable web address"),
    "code at an address": code("http://127.0.0.1./x", "ip-link"),
    "code at a short address": code("https://0x7f.1/x", "ip-link"),
    "code with a user": code("https://ada:secret@example.org/", "no usable web address"),
    "code with a blank": code("https://example.org/a b", "no usable web address"),
    "code with a bad letter": code("https://example.org/na\ufffdve", "no usable web address"),
    "code of words": code("None", "no usable web address"),
    "code with quotes": code("https://example.org/\"><script>x", "no usable web address"),
    "code at the end of a sentence": code("https://example.org/a).,;"),
    "own link at a shortener": own_link("https://t.co/x", "shortened-link"),
    "own link with another script": own_link("https://example.org/ü{{x}}"),
    "own link of words": own_link("undefined", "no usable web address"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def empty_memory():
    frozen.forget()
    press.forget()


@pytest.fixture
def chief(django_user_model) -> Client:
    client = Client()
    client.force_login(django_user_model.objects.create_superuser("chief"))
    return client


def missing_source(title: str) -> None:
    """Let a source be missing, so that the digest names it."""
    begun = FREEZE - timedelta(hours=1)
    source = Source.objects.create(slug="missing", kind="huggingface", title=title)
    Run.objects.create(
        source=source,
        due_at=begun,
        window_start=DAY,
        window_end=DAY,
        state="failed",
        error="500",
        started_at=begun,
        finished_at=begun,
        next_try_at=FREEZE,
    )


def poisoned(kind: str, monkeypatch) -> tuple[Edition, Paper]:
    """Open an edition of fifty papers and poison one of them."""
    poison = KINDS[kind]
    papers = world.papers(PAPERS)
    bad = random.Random(kind).choice(papers)
    Paper.objects.filter(pk=bad.pk).update(**{"code_link": "https://x.org/y", **poison.stored})
    if poison.source:
        missing_source(poison.source[:100])
    edition = open_edition("daily", DAY, FREEZE - timedelta(hours=1))
    if poison.note and "\0" not in poison.note:
        Edition.objects.filter(pk=edition.pk).update(note=poison.note)
        curate(edition, bad, CurationKind.NOTE, None, FREEZE, poison.note[:500])
    if poison.unstorable:
        monkeypatch.setattr(
            freezing,
            "content_of",
            lambda *given: _with_card(content_of(*given), bad.pk, poison.unstorable),
        )
    return edition, bad


def _with_card(content, paper_id, changes):
    cards = (replace(one, **changes) if one.id == paper_id else one for one in content.papers)
    return replace(content, papers=tuple(cards))


@pytest.mark.parametrize("kind", KINDS)
def test_fortynine_papers_go_out_beside_a_poisoned_one(kind, monkeypatch, chief):
    edition, bad = poisoned(kind, monkeypatch)
    others = {row.paper_id for row in edition.candidates.all()} - {bad.pk}
    look_after_editions(FREEZE)

    edition.refresh_from_db()
    assert edition.state == EditionState.FROZEN, edition.held_reason
    assert len(others) == PAPERS - 1
    poison, parts = KINDS[kind], press.compiled_parts(edition.pk, "en")
    statistics = EditionStatistics.from_bytes(bytes(edition.statistics))
    struck = {bad.pk} if poison.struck else set()
    assert {paper.id for paper in statistics.papers} == {*others, bad.pk} - struck
    assert set(edition.strikes.values_list("paper_id", flat=True)) == struck
    assert_each_is_mailed(parts, sorted(others), bad.pk)
    if not poison.struck:
        assert_is_mailed_correctly(edition, bad, poison)
    assert_staff_and_visitors_see_it(chief, edition, bad, poison)


def assert_each_is_mailed(parts: CompiledParts, others: list[int], bad: int) -> None:
    """Every paper is in a mail and on the wire; a mail that the poisoned one leads is without errors
    and whole, and so is its web view.
    """
    wire = WireEdition.of(parts)
    for section in ("lead", "topics", "also"):
        for papers in ((bad, *others[:2]), others):
            picks = tuple(DigestPick(paper_id, ("a reason",), section) for paper_id in papers)
            reader_digest = digest(picks=picks, edition_id=parts.facts.edition_id)
            mail = render(parts, reader_digest)
            mailed = tuple(paper_id for paper_id in papers if paper_id in parts.facts.titles)
            assert set(papers) - set(mailed) <= {bad}
            assert mail.papers == wire.mail(reader_digest, 0.0).papers == mailed
            if bad in papers:
                assert_is_whole(parts, reader_digest)


def assert_is_whole(parts: CompiledParts, reader_digest: Digest) -> None:
    mail = render(parts, reader_digest)
    content = to_email_message(mail, reader_digest.address).message().as_bytes()
    errors = {finding.rule for finding in lint(content, development=True).errors}
    assert errors <= OWN_WORDS_RULES
    page = lxml_html.fromstring(mail.html)
    assert len(page.findall(".//h1")) == 1
    assert not page.xpath("//script|//img|//*[@onerror]")
    assert LINKS.leave in mail.text
    assert LINKS.leave in [link.get("href") for link in page.iter("a")]
    web_view = lxml_html.fromstring(
        render_web_view(parts, reader_digest, home="/", editions="/editions/")
    )
    headings = [
        [heading.text_content() for heading in one.iter("h2", "h3")] for one in (page, web_view)
    ]
    assert headings[0] == headings[1]


def assert_is_mailed_correctly(edition: Edition, bad: Paper, poison: Poison) -> None:
    """The poisoned paper has its cleaned title as heading, and only a faulty link is missing."""
    parts = press.compiled_parts(edition.pk, "en")
    mail = render(parts, digest(picks=(DigestPick(bad.pk, section="also"),)))
    [heading] = lxml_html.fromstring(mail.html).iter("h3")
    card = shown_card(edition, bad, poison)
    assert without_breaks(heading.text_content()) == without_breaks(card.title)
    assert card.title
    assert "\ufffd" not in mail.html + mail.text + mail.subject
    links = [link.get("href") for link in lxml_html.fromstring(mail.html).iter("a")]
    if "code_link" in poison.stored:
        assert any(
            "Code of" in link.text for link in heading.getparent().iter("a") if link.text
        ) == (not poison.unlinked)
    if "link" not in poison.stored:
        assert f"https://arxiv.org/abs/{bad.arxiv_id}" in links


def shown_card(edition: Edition, bad: Paper, poison: Poison):
    content = _with_card(content_of(edition, candidates_of(edition)), bad.pk, poison.unstorable)
    cards, dropped = cards_of(content)
    assert dropped == ()
    return next(card for card in cards if card.id == bad.pk)


def without_breaks(text: str) -> str:
    return "".join(text.replace("\u200b", "").split())


def assert_staff_and_visitors_see_it(
    chief: Client, edition: Edition, bad: Paper, poison: Poison
) -> None:
    """The desk lists what was left out with the reason; no page fails."""
    for address in ("/", "/editions/", f"/editions/daily/{DAY}/"):
        assert Client().get(address).status_code == 200
    own = f"/desk/newsletter/edition/{edition.pk}"
    topic = world.a_topic().pk
    assert chief.get(f"{own}/preview-mail/?topics={topic}").status_code == 200
    answer = chief.get(f"{own}/change/")
    assert answer.status_code == 200
    left_out = [(one.paper.pk, one.reason, one.struck) for one in answer.context["left_out"]]
    if poison.unlinked or poison.struck:
        [(paper_id, reason, struck)] = left_out
        assert (paper_id, struck) == (bad.pk, bool(poison.struck))
        assert (poison.unlinked or poison.struck) in reason
        assert answer.content.decode().count("Left out by the machine") == 1
    else:
        assert left_out == []


def test_there_are_kinds_enough():
    assert len(KINDS) >= 60
