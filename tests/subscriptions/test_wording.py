"""What readers type is one clean line, whatever they paste."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from subscriptions.wording import clean_line, clean_phrases


def test_invisible_and_control_characters_go_and_blanks_become_one():
    assert clean_line(" multi\u202e-agent\x00 \t\n sys\ufefftems\ud800 ") == "multi-agent systems"


def test_joiners_inside_emoji_stay():
    assert clean_line("👩\u200d🔬") == "👩\u200d🔬"


def test_phrases_are_lower_case_and_each_comes_once():
    assert clean_phrases(["Tree Search", "tree  search", " ", "RLHF"]) == ("tree search", "rlhf")


@given(st.text())
def test_cleaning_again_changes_nothing_and_leaves_no_control(text):
    line = clean_line(text)
    assert clean_line(line) == line
    assert not any(unicodedata.category(character) in {"Cc", "Cs"} for character in line)
