"""TeX becomes readable text, and whatever cannot be read as TeX stays as it was written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.prose import abstract, title
from ingest.tex import without_tex


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"Erd\H{o}s and Andr\'e", "Erdős and André"),
        (r"what is \emph{not} there", "what is not there"),
        (r"{\em not} so", "not so"),
        (r"of $\alpha \leq 3$", "of α≤ 3"),
        (r"$O(n^2)$ time", "O(n²) time"),
        (r"by 5\% \& more", "by 5% & more"),
        ("costs $5 and $6", "costs $5 and $6"),
        (
            r"\ours is faster than \theirs{}, and \new{so} on",
            "ours is faster than theirs, and so on",
        ),
        (r"$\R^n$", "R^n"),
    ],
)
def test_markup_becomes_unicode_and_the_rest_stays(tex, text):
    assert without_tex(tex) == text


@pytest.mark.parametrize(
    "tex",
    [
        r"\footnote",
        r"\colorbox",
        r"\exercise",
        r"\author",
        r"$\begin{array}$",
        "$" + "{" * 200 + "x" + "}" * 200 + "$",
        r"\footnote$",
        r"$\textsl\input$",
    ],
)
def test_what_the_converter_fails_on_stays_as_it_is(tex):
    assert without_tex(f"Before {tex} after").startswith("Before ")
    assert without_tex(f"Before {tex} after").endswith(" after")


@pytest.mark.parametrize("opening", [r"\frac{", r"\cite[", r"\textcolor[{"])
def test_deeply_nested_brackets_stay_as_they_are(opening):
    """pylatexenc takes hours for them: without the limit this test is stopped for its time."""
    tex = f"${opening * 30}$"
    assert without_tex(f"Before {tex} after") == f"Before {tex} after"


@given(st.text(alphabet="\\{}$^_%&#~ abαfrontem[]0123456789'\"", max_size=200))
def test_any_text_is_read(text):
    assert isinstance(title(text) + abstract(text), str)
