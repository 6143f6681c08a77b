"""Text that others wrote is made safe for narrow screens, terminals, both directions, and
template engines on the way.
"""

import pytest
import wcwidth
from hypothesis import given
from hypothesis import strategies as st

from ingest.tex import without_tex
from newsletter.composing.summary import summarise
from newsletter.composing.typesetting import breakable, clean_line, direction, isolated, paragraph


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"$\alpha$-divergence", "α-divergence"),
        (r"$O(n\log n)$ time", "O(nlog n) time"),
        (r"\textsc{AIEV-Instruct} and {\em mirror descent}", "AIEV-Instruct and mirror descent"),
        (r"90.9% vs. 90.2% with $k$-NN", "90.9% vs. 90.2% with k-NN"),
        (r"50\% of R\&D", "50% of R&D"),
        (r"$\mathbb{R}^d$", "ℝ^d"),
        ("O(n^2) and 10^{-3}", "O(n²) and 10⁻³"),
        ("costs $5 and $6 a month", "costs $5 and $6 a month"),
        ("C# & snake_case stay", "C# & snake_case stay"),
        (r"open {{{{{ brace $x$", "open {{{{{ brace x"),
    ],
)
def test_tex_becomes_unicode_text_and_the_rest_stays(tex, text):
    assert without_tex(tex) == text


@given(st.text(alphabet=st.sampled_from("a \\{}$^_%&#~[]αbegin"), max_size=200))
def test_no_text_breaks_the_conversion(text):
    assert isinstance(without_tex(text), str)


def test_braces_too_deep_to_read_stay_and_stop_nothing():
    text = r"\emph" + "{" * 3_000 + "x" + "}" * 3_000 + r" and $\alpha$"
    assert without_tex(text).endswith("} and α")


@given(st.text(max_size=300))
def test_breaking_words_changes_nothing_but_the_break_points(text):
    clean = clean_line(text)
    broken = breakable(clean)
    assert broken.replace("\u200b", "") == clean.replace("\u200b", "")


def test_a_long_word_is_broken_at_its_joints():
    assert (
        breakable("https://example.org/a/very/long/path/to/a/page").split("\u200b")[0] == "https://"
    )
    assert max(map(len, breakable("x" * 200).split("\u200b"))) <= 30


def test_marks_and_joiners_stay_with_their_letter():
    for cluster in ("e\u0301", "👩\u200d🔬"):
        pieces = breakable(cluster * 60).split("\u200b")
        assert all(not piece.startswith(("\u0301", "\u200d", "🔬")) for piece in pieces)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("שלום", "rtl"), ("42 مرحبا", "rtl"), ("Graphs שלום", ""), ("1234 +", ""), ("", "")],
)
def test_direction_is_that_of_the_first_strong_letter(text, expected):
    assert direction(text) == expected


def test_only_right_to_left_text_is_isolated():
    assert isolated("Ada") == "Ada"
    assert isolated("Ünïcödé") == "Ünïcödé"
    assert isolated("יעל") == "\u2068יעל\u2069"


def test_template_tags_of_others_are_made_inert():
    assert "{{" not in clean_line("{{{{ leave }} {% if %}")
    assert "{%" not in clean_line("{{{{ leave }} {% if %}")


@given(st.text(max_size=400), st.integers(0, 6))
def test_a_paragraph_keeps_to_78_columns_and_loses_no_word(text, indent):
    clean = clean_line(text)
    laid = paragraph(clean, indent=indent)
    assert "".join(laid.split()) == "".join(clean.split())
    assert all(wcwidth.width(line) <= 78 for line in laid.splitlines()) or "http" in clean


def test_an_address_is_never_broken():
    address = "https://example.org/" + "a" * 100
    assert address in paragraph(f"see {address} for more", indent=4)


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("Short.", 100, "Short."),
        (
            "One sentence here. And another one. And a third one that is too long.",
            40,
            "One sentence here. And another one.",
        ),
        (
            "We follow Smith et al. (2020) closely here. Then more follows, and more.",
            60,
            "We follow Smith et al. (2020) closely here.",
        ),
        ("No end in sight " * 9, 40, "No end in sight No end in sight No end…"),
        ("一つ目の文。二つ目の文。三つ目の長い長い文です。", 14, "一つ目の文。二つ目の文。"),
    ],
)
def test_a_summary_ends_with_a_whole_sentence_where_it_can(text, limit, expected):
    assert summarise(text, limit).text == expected
    assert summarise(text, limit).cut == (expected != text)


@given(st.text(max_size=500), st.integers(10, 400))
def test_a_summary_never_passes_its_limit(text, limit):
    assert len(summarise(text, limit).text) <= limit
