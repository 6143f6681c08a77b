"""How a card is set: what stands together stays together, and nothing is said twice."""

import re

import pytest
from lxml import html as lxml_html

from newsletter.composing.compiled import compile_edition
from newsletter.composing.content import DigestPick
from newsletter.composing.digest import render
from tests.newsletter.composing.digests import digest, edition, paper

NBSP = "\u00a0"


def mail_of(*papers, picks=None, **changes):
    ids = [one.id for one in papers]
    chosen = picks or tuple(DigestPick(number, ("why", "also")) for number in ids)
    return render(compile_edition(edition(*papers)), digest(*ids, picks=chosen, **changes))


def visible(html: str) -> str:
    return lxml_html.fromstring(html.rpartition("</h1>")[2]).text_content()


def test_no_line_of_a_mail_can_begin_with_a_separator():
    mail = mail_of(paper(1), paper(2, code_url="https://example.org/code"))
    assert f"{NBSP}· " in mail.html
    assert not re.search(r"[^\u00a0]· ", visible(mail.html).partition("You get this")[0])


def test_a_date_and_a_count_with_its_noun_stay_on_one_line():
    mail = mail_of(paper(1, votes=1234, votes_before=1200))
    assert f"Jan{NBSP}7,{NBSP}2026" in mail.html
    assert f"1,234{NBSP}votes (+34{NBSP}in{NBSP}a{NBSP}day)" in mail.html


def test_two_counts_and_the_arrow_between_them_stay_on_one_line():
    assert (
        f"rising: 27{NBSP}→{NBSP}51 votes"
        in mail_of(paper(1), picks=(DigestPick(1, ("rising: 27 → 51 votes",)),)).html
    )


def test_apostrophes_in_words_are_real_ones_and_other_marks_are_left_alone():
    shown = visible(
        mail_of(paper(1, title="Don't 'quote' f'(x) or rock 'n' roll", abstract="o1's level")).html
    )
    assert "Don’t 'quote' f'(x) or rock 'n' roll" in shown
    assert "o1’s level" in shown


def test_authors_have_a_line_of_their_own_and_facts_another():
    mail = mail_of(paper(1))
    assert "    Ada Byron, Grace Hopper\n    Jan" in mail.text


def test_authors_who_are_only_counted_stand_with_the_facts():
    assert f"\n    9{NBSP}authors{NBSP}· Jan" in mail_of(paper(1, authors=(), author_count=9)).text


def test_a_paper_under_its_topic_does_not_name_the_topic_again():
    picks = (
        DigestPick(1, ("Sorting: “letters” in the title",), "lead", "Sorting"),
        DigestPick(2, ("Sorting: “letters” in the title",), "topics", "Sorting"),
    )
    shown = visible(mail_of(paper(1), paper(2), picks=picks).html)
    assert shown.count("Why it’s here: Sorting: “letters” in the title") == 1
    assert shown.count("Why it’s here: “letters” in the title") == 1


def test_a_shortened_title_ends_with_a_word_that_means_something():
    title = "A Study of the Ways and Means by Which Letters Are Sorted"
    assert "Read abstract of A Study of the Ways…" in visible(
        mail_of(paper(1, title=title, abstract="Long. " * 200)).html
    )


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_the_preview_text_is_long_enough_to_fill_its_line_and_short_enough_to_be_read(count):
    mail = mail_of(
        *(
            paper(
                number,
                title=f"M{number}: Sorting",
                abstract="We sort letters by hand, which is quick. " * 9,
            )
            for number in range(1, count + 1)
        )
    )
    hidden = lxml_html.fromstring(mail.html).find("body").find("div").text_content()
    assert 40 <= len(hidden) <= 125
