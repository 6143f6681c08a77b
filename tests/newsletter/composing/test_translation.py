"""Every word of a mail can be translated: each is marked in its template, and in a made-up language
nothing is left in English.

The made-up language is put in the place of Hebrew, which has no Latin letters in its dates and runs
from right to left: a Latin letter outside the brackets that mark a translation is a word that was
forgotten.
"""

import re
import shutil
from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from django.conf import settings as django_settings
from django.core.management import call_command
from django.template.base import Lexer, TokenType
from django.utils.translation import override
from django.utils.translation.template import templatize
from lxml import html as lxml_html

from newsletter.composing.content import DigestPick
from newsletter.composing.digest import render, render_web_view
from newsletter.composing.speaking import spoken, spoken_reasons
from newsletter.desk.notices import OVER_HEADING, OVER_SUBJECT, OVER_TEXT, WORDS
from newsletter.ranking.rank import NOTHING_MATCHES
from newsletter.ranking.values import Reason
from newsletter.ranking.wording import Wording, ngettext_lazy
from subscriptions.letter_mail import about_the_sender, build, from_templates
from subscriptions.models import LetterKind, SignUp
from tests.newsletter.composing.digests import digest, edition, paper, picks, proved_edition
from tests.subscriptions.readers import NOW, a_letter, a_reader

pytestmark = pytest.mark.slow

TEMPLATES = django_settings.BASE_DIR / "templates" / "emails"
PYTHON = [
    *(django_settings.BASE_DIR / "newsletter" / "composing").glob("*.py"),
    *(django_settings.BASE_DIR / "newsletter" / "ranking").glob("*.py"),
    django_settings.BASE_DIR / "newsletter" / "desk" / "notices.py",
    django_settings.BASE_DIR / "subscriptions" / "letter_mail.py",
]
LETTERS = re.compile(r"[A-Za-z]+")
KEYWORDS = dict.fromkeys(("_", "gettext", "gettext_noop")) | {
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
}


def email_templates() -> list[Path]:
    return sorted(path for path in TEMPLATES.rglob("*") if path.suffix in {".html", ".txt"})


def words_of(markup: str) -> list[str]:
    """Return the words that a reader would see of a piece of a template."""
    bare = re.sub(
        r"(?s)<style.*?</style>|<!--.*?-->|<!doctype[^>]*>|&[a-z]+;|\x00[a-z]+/\x00/", " ", markup
    )
    return LETTERS.findall(re.sub(r"<[^>]*>|<[^>]*\Z|\A[^<>]*>", " ", bare))


@pytest.mark.parametrize(
    "path", email_templates(), ids=lambda path: str(path.relative_to(TEMPLATES))
)
def test_no_word_of_a_mail_stands_outside_a_translation_tag(path):
    translated = False
    outside = ""
    for token in Lexer(path.read_text(encoding="utf-8")).tokenize():
        if token.token_type == TokenType.BLOCK:
            translated = (
                not translated
                if token.contents.split()[0] in {"blocktranslate", "endblocktranslate"}
                else translated
            )
            outside += "\x00"
        elif token.token_type == TokenType.TEXT and not translated:
            outside += token.contents
        else:
            outside += "\x00"
    assert words_of(outside) == []


def pseudo(text: str) -> str:
    """Return the text in the made-up language: bracketed, its letters replaced, its placeholders
    kept.
    """
    kept = re.split(r"(%\(\w+\)[sd]|%%)", text)
    return (
        "⟦"
        + "".join(
            part if number % 2 else LETTERS.sub(lambda word: "ж" * len(word[0]), part)
            for number, part in enumerate(kept)
        )
        + "⟧"
    )


def marked_messages():
    """Yield what `makemessages` would find in the mails, without its tools."""
    for path in email_templates():
        source = BytesIO(templatize(path.read_text(encoding="utf-8"), origin=str(path)).encode())
        yield from extract("python", source, KEYWORDS)
    for path in PYTHON:
        yield from extract("python", BytesIO(path.read_bytes()), KEYWORDS)


@pytest.fixture
def made_up_language(settings, tmp_path):
    catalog = Catalog(locale="he")
    for _line, message, _comments, context in marked_messages():
        forms = tuple(message) if isinstance(message, tuple) else (message,)
        translated = (
            [pseudo(forms[-1])] * catalog.num_plurals if len(forms) > 1 else pseudo(forms[0])
        )
        catalog.add(forms if len(forms) > 1 else forms[0], translated, context=context)
    folder = tmp_path / "he" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "django.mo").open("wb") as file:
        write_mo(file, catalog)
    settings.LANGUAGES = [("en", "English"), ("he", "Hebrew")]
    settings.LOCALE_PATHS = [tmp_path]
    settings.POSTAL_ADDRESS = "1, 23456"


def left_in_english(text: str) -> list[str]:
    """Return the words outside the brackets that are no address and no name of ours."""
    text = re.sub(r"https?://[^\s⟦⟧]+|[^\s⟦⟧]+@[^\s⟦⟧]+", " ", text)
    while "⟦" in text:
        shorter = re.sub(r"⟦[^⟦⟧]*⟧", " ", text)
        assert shorter != text, "a translation lost its bracket"
        text = shorter
    return [word for word in LETTERS.findall(text) if word != "Paperboy"]


def shown_by(html: str) -> str:
    """Return all text of a document, with what its attributes say."""
    page = lxml_html.fromstring(html)
    for style in page.xpath("//style"):
        style.drop_tree()
    said = [
        element.get(name)
        for element in page.iter()
        for name in ("aria-label", "alt", "title")
        if element.get(name)
    ]
    return "\n".join([page.text_content(), *said])


def wordless(count: int, **changes):
    """Return an edition whose papers have no Latin letter."""
    papers = [
        paper(
            number,
            title=f"{number}: 1 2 3",
            abstract="1 2 3. " * 90,
            authors=("1", "2", "3", "4"),
            author_count=7,
            editor_note="1 2",
            pinned=number % 2 == 0,
            code_url="https://example.org/1",
        )
        for number in range(1, count + 1)
    ]
    papers[2:3] = [
        replace(
            papers[2], code_url="", has_code=True, authors=(), author_count=3, title="", abstract=""
        )
    ]
    return replace(edition(*papers, editor_note="1 2", health_line="3 4", language="he"), **changes)


@pytest.mark.parametrize("cadence", ["daily", "weekly"])
@pytest.mark.parametrize("first", [True, False])
def test_nothing_of_a_digest_is_left_in_english(made_up_language, cadence, first):
    compiled = proved_edition(wordless(90, cadence=cadence))
    for count in (0, 1, 3, 8, 90):
        chosen = tuple(
            pick._replace(reasons=("1",) if pick.section == "lead" else (), topic="")
            for pick in picks(*range(1, count + 1))
        )
        mail = render(compiled, digest(language="he", picks=chosen, first=first, note="5"))
        for said in (mail.subject, mail.text, shown_by(mail.html)):
            assert left_in_english(said) == []
            assert "⟦" in said
        assert 'dir="rtl"' in mail.html


QUOTED = tuple(Wording("“%(words)s”", words=one) for one in ("1", "2"))
REASONS = (
    Wording("picked by the editors"),
    Wording(
        "rising: %(before)s → %(votes)s in a day",
        before=12,
        votes=ngettext_lazy("%(count)s vote", "%(count)s votes", 1087),
    ),
    Wording("%(words)s %(times)s times in the abstract", words=QUOTED, times=3),
    Wording("new: published on %(day)s", day=date(2025, 1, 8)),
)


def test_reasons_and_notes_are_said_again_in_the_reader_s_language(made_up_language):
    compiled = proved_edition(wordless(8))
    reasons = spoken_reasons([Reason("topic", text) for text in REASONS], "he")
    assert reasons[1] == "⟦жжжжжж: 12 → ⟦1,087 жжжжж⟧ жж ж жжж⟧"
    assert "8 בינואר" in reasons[3]
    note = spoken(NOTHING_MATCHES, "he")
    mail = render(
        compiled,
        digest(
            language="he",
            picks=tuple(DigestPick(number, reasons) for number in (1, 2, 3)),
            note=note,
        ),
    )
    for said in (mail.text, shown_by(mail.html)):
        assert left_in_english(said) == []


def test_readers_of_a_language_that_is_not_offered_get_english(made_up_language):
    assert spoken(REASONS[1], "fr") == "rising: 12 → 1,087 votes in a day" == REASONS[1]
    assert spoken("no wording", "he") == "no wording"


def test_nothing_of_the_web_view_is_left_in_english(made_up_language):
    compiled = proved_edition(wordless(8))
    html = render_web_view(
        compiled,
        digest(1, 2, 3, picks=tuple(DigestPick(number, ("1",)) for number in (1, 2, 3))),
        home="/",
        editions="/",
        withdrawn={2},
    )
    assert left_in_english(shown_by(html)) == []


@pytest.mark.django_db
@pytest.mark.parametrize("kind", LetterKind.values)
def test_nothing_of_a_letter_is_left_in_english(made_up_language, kind):
    reader = a_reader(language="he")
    sign_up = SignUp.objects.create(
        subscriber=reader, profile=reader.profile, requested_at=NOW, language="he"
    )
    message = build(a_letter(reader, kind=kind, sign_up=sign_up), reader, NOW)
    for said in (message.subject, message.body, shown_by(message.alternatives[0].content)):
        assert left_in_english(said) == []
        assert "⟦" in said


NOTICES = [(each.subject, each.heading, each.text) for each in WORDS.values()]


@pytest.mark.parametrize("words", [*NOTICES, (OVER_SUBJECT, OVER_HEADING, OVER_TEXT)])
@pytest.mark.parametrize("details", [{"reason": "2"}, {"books": "3"}])
def test_nothing_of_a_notice_to_staff_is_left_in_english(made_up_language, words, details):
    named = {"site": "4", "edition": "1", "what": "5", "state": "6"}
    with override("he"):
        subject, heading, text = (str(each) % named for each in words)
        context = about_the_sender() | {
            "subject": subject,
            "heading": heading,
            "text": text,
            "desk_url": "https://example.org/",
            **details,
        }
        message = from_templates(
            "emails/staff_notice", context, to="ada@example.org", name="1", now=NOW
        )
    for said in (message.subject, message.body, shown_by(message.alternatives[0].content)):
        assert left_in_english(said) == []
        assert "⟦" in said


@pytest.mark.skipif(
    shutil.which("xgettext") is None,
    reason="makemessages needs GNU gettext, which this machine does not have",
)
def test_makemessages_finds_every_message_of_the_mails(tmp_path, monkeypatch):
    shutil.copytree(TEMPLATES, tmp_path / "templates" / "emails")
    shutil.copytree(
        django_settings.BASE_DIR / "newsletter" / "composing", tmp_path / "newsletter" / "composing"
    )
    shutil.copytree(
        django_settings.BASE_DIR / "newsletter" / "ranking", tmp_path / "newsletter" / "ranking"
    )
    (tmp_path / "locale").mkdir()
    monkeypatch.chdir(tmp_path)
    call_command("makemessages", locale=["de"], verbosity=0)
    written = (tmp_path / "locale" / "de" / "LC_MESSAGES" / "django.po").read_text(encoding="utf-8")
    for words in (
        "Why it’s here:",
        "Of %(total)s papers in today’s edition, this one is for you.",
        "Please confirm",
        "Goodbye, and thank you",
        "Shall we write to you here?",
        "Your address was changed",
        "%(words)s in the title",
        "A quiet time for your topics: only one paper to show.",
    ):
        assert f'"{words}"' in written
