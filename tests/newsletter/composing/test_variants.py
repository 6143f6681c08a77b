"""Six variants of forty digests each, from empty to 200 papers and with texts made to do harm:
the lint finds no error in any.
"""

from dataclasses import replace
from datetime import date
from functools import lru_cache

import pytest

from newsletter.composing.compiled import compile_edition
from newsletter.composing.content import DigestPick
from newsletter.composing.digest import render
from newsletter.composing.lint.linter import lint
from newsletter.composing.message import to_email_message
from newsletter.composing.weight import HTML_BUDGET
from tests.newsletter.composing.digests import digest, edition, paper

pytestmark = pytest.mark.slow
POISON = {
    "tex": r"On $\mathcal{O}(n^2)$, {\em fast} \textbf{and} $\alpha_{i}$ at 50\% \cite{x} "
           r"\unknown{y} \begin{a}",
    "right to left": "שלום עולם: مرحبا بالعالم and back",
    "overrides": "safe \u202egnp.exe\u202c \u2067isolate",
    "zero width": "zero\u200bwidth\u200cjoin\u200der\u2060s\ufeff",
    "emoji": "👩‍🔬🧪 " * 30 + "🏳️‍🌈",
    "controls": "nul\x00 vt\x0b ff\x0c fs\x1c bell\x07 esc\x1b[31m",
    "surrogate": "lone \ud800 surrogate \udfff",
    "one megabyte": "A sentence of a very long abstract. " * 29_000,
    "nested": "<div>" * 300 + "deep" + "</div>" * 300,
    "script": "<script>alert(1)</script><img src=x onerror=alert(1)><style>*{display:none}</style>",
    "header": "Title\r\nBcc: victim@example.org\r\n\r\nbody",
    "templates": "{{ leave }} {% include 'x' %} {{{{ %}} None nan",
    "entities": "&lt;b&gt; &amp;amp; &#0; &nbsp; \" ' ` < >",
    "comment": "--> <!--[if mso]> ]]> <![endif]",
    "one long word": "pneumono" * 200,
    "long address": "see https://example.org/" + "a/very-long_path" * 40,
    "wide": "基盤モデルの長い題名" * 40,
    "marks": "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!" * 9,
    "blank": " \n\t ",
    "maths": "ℝ→ℂ ∑∞ ≤ 𝔸 ½ ﬁ",
}  # fmt: skip
ORDINARY = (0, 1, 2, 3, 5, 8, 10, 15, 20, 30, 50, 51, 75, 100, 120, 140, 160, 180, 199, 200)


def poisoned(text: str):
    bad = paper(
        1,
        title=text,
        abstract=text,
        authors=(text,) * 40,
        author_count=5_000,
        editor_note=text,
        pinned=True,
        code_url="https://example.org/code",
        votes=1_000_000,
    )
    return edition(
        bad,
        replace(bad, id=2, url="", published=None, votes=None),
        *(paper(number) for number in range(3, 9)),
        editor_note=text,
    )


CASES = {
    f"{count} papers": (edition(papers=tuple(map(paper, range(1, count + 1)))), "a reason")
    for count in ORDINARY
}
CASES |= {name: (poisoned(text), text) for name, text in POISON.items()}

VARIANTS = {
    "daily": {},
    "weekly": {"cadence": "weekly", "day": date(2024, 2, 29)},
    "first": {"first": True},
    "thin": {"most": 2, "note": "Only a little fits what you asked for today."},
    "one": {"most": 1},
    "fifty": {"most": 50},
}


@lru_cache(maxsize=2)
def compiled(case: str, cadence: str, day: date):
    return compile_edition(replace(CASES[case][0], cadence=cadence, day=day))


def made(case: str, variant: str) -> tuple[bytes, int]:
    content, reason = CASES[case]
    options = dict(VARIANTS[variant])
    content = replace(
        content, cadence=options.pop("cadence", "daily"), day=options.pop("day", content.day)
    )
    ids = [card.id for card in content.papers][: options.pop("most", len(content.papers))]
    sections = ["lead", "topics", "topics", *["also"] * len(ids)]
    picks = tuple(
        DigestPick(paper_id, (reason, reason), section, reason if section == "topics" else "")
        for paper_id, section in zip(ids, sections, strict=False)
    )
    reader_digest = digest(picks=picks, **options)
    mail = render(compiled(case, content.cadence, content.day), reader_digest)
    return to_email_message(mail, reader_digest.address).message().as_bytes(linesep="\r\n"), len(
        mail.html.encode()
    )


def test_there_are_forty_digests_of_each_variant():
    assert len(CASES) == 40
    assert len(VARIANTS) == 6


@pytest.mark.parametrize("case", CASES)
def test_no_variant_of_a_digest_has_an_error(case):
    for variant in VARIANTS:
        content, size = made(case, variant)
        assert (
            lint(content, postal_address="Paperboy, 1 Test Street, 12345 Testville").errors == ()
        ), variant
        assert size <= HTML_BUDGET, variant


@pytest.mark.parametrize("variant", VARIANTS)
def test_ten_papers_weigh_less_than_40_kilobytes(variant):
    assert made("10 papers", variant)[1] < 40_000
