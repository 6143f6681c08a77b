"""An edition whose mail would be faulty is found out before it is approved."""

import pytest

from newsletter.composing import gate
from newsletter.composing.gate import faults
from tests.newsletter.composing.digests import edition


def test_an_ordinary_edition_has_no_faults():
    assert faults(edition(count=60)) == ()


def test_an_edition_without_papers_has_no_faults():
    assert faults(edition(count=0, papers=())) == ()


def test_each_paper_is_looked_at_as_a_full_and_as_a_brief_card(monkeypatch):
    seen = []
    monkeypatch.setattr(gate, "PAPERS_AT_ONCE", 3)
    original = gate.render
    monkeypatch.setattr(
        gate, "render", lambda compiled, digest: seen.append(digest) or original(compiled, digest)
    )
    faults(edition(count=7))
    shown = [(pick.paper_id, pick.section) for one in seen for pick in one.picks]
    assert {paper_id for paper_id, _section in shown} == set(range(1, 8))
    assert len(seen) == 6


@pytest.mark.parametrize("address", ["http://127.0.0.1:8000", "http://paperboy.example.org"])
def test_links_without_encryption_are_faults_unless_in_development_on_this_machine(
    settings, address
):
    settings.SITE_URL = address
    assert "http-link" in {finding.rule for finding in faults(edition())}
    allowed = {finding.rule for finding in faults(edition(), development=True)}
    assert ("http-link" in allowed) == ("example" in address)
