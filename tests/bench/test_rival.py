"""django-newsletter in the bench: it sends our digests' papers, as many mails as asked for,
where it is installed.
"""

import re

import pytest

from bench.rival.articles import articles
from bench.rival.installed import is_installed
from tests.bench.running import said_by

DIGEST = """<html><body><table class="sheet">
<tr><td><h1>Paperboy</h1></td></tr>
<tr><td><h2><a href="https://arxiv.example/1">On <i>graphs</i></a></h2><p>First.</p></td></tr>
<tr><td><a href="/more/1/">More like this</a></td></tr>
<tr><td><h2>Also</h2></td></tr>
<tr><td><h3><a href="https://arxiv.example/2">On rivers</a></h3><p>Second.</p></td></tr>
<tr><td>Paperboy, 1 Bench Street</td></tr>
</table></body></html>"""


def test_each_paper_of_a_digest_becomes_an_article_with_the_rows_that_follow_it():
    first, second = articles(DIGEST)
    assert (first["title"], first["url"]) == ("On graphs", "https://arxiv.example/1")
    assert (second["title"], second["url"]) == ("On rivers", "https://arxiv.example/2")
    assert first["text"].startswith("<table><tr>")
    assert first["text"].count("<tr>") == 3
    assert "First." in first["text"]
    assert "More like this" in first["text"]
    assert second["text"].count("<tr>") == 2
    assert "1 Bench Street" in second["text"]


@pytest.mark.slow
@pytest.mark.own_servers
@pytest.mark.skipif(
    not is_installed(), reason="django-newsletter is not installed; `make bench-rival` does it"
)
def test_django_newsletter_sends_mails_of_our_size_from_two_processes():
    """The bench itself fails when the sink counts another number than its processes tell."""
    sizes = ["--readers", "8", "--papers", "40", "--older", "30", "--naive", "7", "--rounds", "1"]
    said = said_by("bench", "--only", "ways", "--workers", "2", *sizes)
    rows = re.findall(r"^│ (naive loop|django-newsletter).* 7 │.* ([\d.]+) │$", said, re.MULTILINE)
    size = {name: float(kilobytes) for name, kilobytes in rows}
    assert set(size) == {"naive loop", "django-newsletter"}, said
    assert size["django-newsletter"] == pytest.approx(size["naive loop"], rel=0.2)
