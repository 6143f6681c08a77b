"""Texts in another language than the digest say so, and texts in its own do not."""

from dataclasses import replace

import pytest
from lxml import html as lxml_html

from newsletter.composing.compiled import compile_edition
from newsletter.composing.digest import render
from newsletter.composing.tongues import foreign_language
from tests.newsletter.composing.digests import digest, edition, paper, proved_edition


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Attention Is All You Need", ""),
        ("Über α-Divergenzen und Δ", ""),
        ("ℝ→ℂ 2 + 2", ""),
        ("", ""),
        ("基盤モデルの推論", "ja"),
        ("大语言模型的推理能力", "zh"),
        ("面向 Transformer 的高效推理方法研究", "zh"),
        ("GPT-4 for 中文", ""),
        ("대규모 언어 모델", "ko"),
        ("Обучение языковых моделей", "ru"),
        ("Навчання мовних моделей її", "uk"),
        ("تعلم الآلة", "ar"),
        ("یادگیری ماشین گراف", "fa"),
        ("למידה עמוקה", "he"),
        ("Βαθιά μάθηση", "el"),
    ],
)
def test_letters_tell_the_language_of_a_title_among_english_words(text, language):
    assert foreign_language(text, "en", "en") == language


def test_the_same_language_of_another_country_is_not_foreign():
    assert foreign_language("Colour", "en", "en-gb") == ""
    assert foreign_language("Colour", "en", "de") == "en"


def marked(mail) -> dict[str, str]:
    """Return the texts that carry a language of their own, with it."""
    body = lxml_html.fromstring(mail.html).find("body")
    layout = body.find("table")
    return {
        element.text_content(): element.get("lang")
        for element in layout.iterdescendants()
        if element.get("lang")
    }


def test_an_english_digest_of_english_papers_carries_no_language_but_its_own():
    assert (
        marked(render(compile_edition(edition(editor_note="Read slowly.")), digest(note="Thin.")))
        == {}
    )


def test_titles_summaries_and_notes_in_other_letters_say_their_language():
    content = edition(
        paper(1, title="大语言模型的推理", abstract="我们研究推理。", editor_note="值得一读"),
        paper(2),
        editor_note="Обзор недели",
    )
    found = marked(render(proved_edition(content), digest(1, 2)))
    assert found == {
        "大语言模型的推理": "zh",
        "我们研究推理。": "zh",
        "值得一读": "zh",
        "Обзор недели": "ru",
    }


def test_english_papers_and_editors_notes_say_so_in_a_digest_of_another_language():
    content = replace(
        edition(paper(1, editor_note="Read it."), paper(2), editor_note="A good day."),
        language="de",
    )
    mail = render(proved_edition(content), digest(1, 2, note="A thin day."))
    assert set(marked(mail).values()) == {"en"}
    assert {"Read it.", "A good day."} <= set(marked(mail))
    # The line about a thin day is translated, like the reasons.
    assert "A thin day." not in marked(mail)
    assert 'lang="de"' in mail.html
