"""Addresses are kept as given, recognised in any spelling, and refused with words that help."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscriptions.addresses import BadAddress, address_hash, address_hashes, fold, validate


def test_an_address_is_kept_as_it_was_given():
    assert validate("  Ada.Lovelace+Papers@Example.ORG ") == "Ada.Lovelace+Papers@Example.ORG"


@pytest.mark.parametrize(
    ("given_address", "kept"),
    [
        ("Ada@Faß.example", "Ada@xn--fa-hia.example"),
        ("ada@Bücher.example", "ada@xn--bcher-kva.example"),
    ],
)
def test_a_domain_with_other_letters_is_kept_in_the_form_that_mail_goes_by(given_address, kept):
    assert validate(given_address) == kept
    assert fold(kept) == fold(given_address)


@pytest.mark.parametrize(
    ("given_address", "key"),
    [
        ("Ada@Example.ORG", "ada@example.org"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ADA@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ada@example.org.", "ada@example.org"),
    ],
)
def test_all_spellings_of_an_address_have_one_key(given_address, key):
    assert fold(given_address) == key


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "enter your email"),
        ("ada", "such as"),
        ("ada@", "such as"),
        ("@example.org", "such as"),
        ("ada@localhost", "typing mistakes"),
        ("ada lovelace@example.org", "typing mistakes"),
        ("ada\r\nBcc: eve@example.org", "typing mistakes"),
        ("ada\n@example.org", "typing mistakes"),
        ("ada@exam\x0bple.org", "valid domain"),
        ("ada\x00@example.org", "typing mistakes"),
        ('"ada\x07"@example.org', "quotation marks"),
        ("ada@[127.0.0.1]", "brackets"),
        ("ädä@example.org", "before the @"),
        ("a" * 65 + "@example.org", "too long"),
        ("ada@" + ".".join(["a" * 60] * 5) + ".org", "valid domain"),
        ("a" * 64 + "@" + ".".join(["a" * 60] * 3) + ".example.org", "too long"),
        ("ada@-example-.org", "valid domain"),
        ("ada\ud800@example.org", "before the @"),
    ],
)
def test_what_we_cannot_write_to_is_refused_with_a_reason(text, says):
    with pytest.raises(BadAddress) as caught:
        validate(text)
    assert says in caught.value.message


@given(st.text(max_size=80))
def test_any_text_is_accepted_or_refused_and_never_breaks(text):
    try:
        address = validate(text)
    except BadAddress:
        return
    assert fold(fold(address)) == fold(address)
    assert fold(address).isascii()


@given(st.emails())
def test_an_accepted_address_has_no_control_characters(text):
    try:
        address = validate(text)
    except BadAddress:
        return
    assert address.isprintable()


def test_the_hash_of_an_address_depends_on_the_secret_and_is_found_after_a_rotation(settings):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "old" * 20, []
    stored = address_hash("Ada@example.org")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new" * 20, ["old" * 20]
    assert address_hash("ada@example.org") != stored
    assert stored in address_hashes("ada@EXAMPLE.org")
