"""Tokens grant one power to whoever holds them, and nothing else does."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscriptions.tokens import MAX_AGE_DAYS, BadToken, ExpiredToken, Power, read, sign

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
powers = st.sampled_from(list(Power))
numbers = st.lists(st.integers(0, 2**40), min_size=1, max_size=3)


@given(powers, numbers)
def test_a_token_gives_back_what_was_signed(power, values):
    assert read(power, sign(power, *values, now=NOW), NOW) == tuple(values)


@given(powers, numbers, st.data())
def test_a_flipped_bit_of_any_character_is_refused(power, values, data):
    token = sign(power, *values, now=NOW)
    place = data.draw(st.integers(0, len(token) - 1))
    flipped = chr(ord(token[place]) ^ (1 << data.draw(st.integers(0, 6))))
    with pytest.raises(BadToken):
        read(power, token[:place] + flipped + token[place + 1 :], NOW)


def test_every_other_letter_in_every_place_is_refused():
    token = sign(Power.LEAVE, 812, 40)
    for place, right in enumerate(token):
        for wrong in ALPHABET.replace(right, ""):
            with pytest.raises(BadToken):
                read(Power.LEAVE, token[:place] + wrong + token[place + 1 :])


@given(powers, powers, numbers)
def test_another_power_is_refused(power, other, values):
    token = sign(power, *values, now=NOW)
    if power != other:
        with pytest.raises(BadToken):
            read(other, token, NOW)


@given(powers, numbers, st.data())
def test_a_cut_or_grown_token_is_refused(power, values, data):
    token = sign(power, *values, now=NOW)
    with pytest.raises(BadToken):
        read(power, token[: data.draw(st.integers(0, len(token) - 1))], NOW)
    with pytest.raises(BadToken):
        read(power, token + data.draw(st.text(ALPHABET + "=", min_size=1)), NOW)


@given(powers, st.text())
def test_any_other_text_is_refused_without_an_error(power, text):
    with pytest.raises(BadToken):
        read(power, text, NOW)


@pytest.mark.parametrize("power", list(MAX_AGE_DAYS))
def test_a_power_that_expires_lasts_its_days_and_no_longer(power):
    token = sign(power, 5, now=NOW)
    assert read(power, token, NOW + timedelta(days=MAX_AGE_DAYS[power])) == (5,)
    with pytest.raises(ExpiredToken) as caught:
        read(power, token, NOW + timedelta(days=MAX_AGE_DAYS[power] + 1))
    assert caught.value.numbers == (5,)


@pytest.mark.parametrize("power", [Power.LEAVE, Power.VIEW])
def test_leaving_and_viewing_never_expire(power):
    assert read(power, sign(power, 5, 1), NOW + timedelta(days=36500)) == (5, 1)


@pytest.mark.parametrize("power", list(MAX_AGE_DAYS))
def test_a_power_that_expires_is_not_signed_or_read_without_a_time(power):
    with pytest.raises(ValueError, match="given time"):
        sign(power, 5)
    with pytest.raises(ValueError, match="given time"):
        read(power, sign(power, 5, now=NOW))


def test_a_negative_number_is_not_signed():
    with pytest.raises(ValueError, match="negative"):
        sign(Power.LEAVE, -1)


def test_links_in_old_mail_survive_a_rotation_of_the_secret(settings):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "old" * 20, []
    token = sign(Power.LEAVE, 5, 1)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new" * 20, ["old" * 20]
    assert read(Power.LEAVE, token) == (5, 1)
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(BadToken):
        read(Power.LEAVE, token)
