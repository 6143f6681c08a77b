"""Addresses are kept as given, recognised in any spelling, and refused with words that help."""

from email import message_from_bytes, policy

import pytest
from django.core.mail import EmailMessage
from hypothesis import given
from hypothesis import strategies as st

from subscriptions import addresses
from subscriptions.addresses import BadAddress, fold, validate


def test_an_address_is_kept_as_it_was_given():
    assert validate("  Ada.Lovelace+Papers@Example.ORG ") == "Ada.Lovelace+Papers@Example.ORG"


@pytest.mark.parametrize(
    ("given_address", "kept"),
    [
        ("ada@ｅxample．org", "ada@example.org"),
        ("ada@ايران.ir", "ada@xn--mgba3a4fra.ir"),
        ("Ada@Faß.example", "Ada@xn--fa-hia.example"),
        ("ada@Bücher.example", "ada@xn--bcher-kva.example"),
    ],
)
def test_a_domain_with_other_letters_is_kept_in_the_form_that_mail_goes_by(given_address, kept):
    assert validate(given_address) == kept
    assert fold(kept) == fold(given_address)


@pytest.mark.parametrize(
    "address",
    [
        "test@io",
        "TEST@IO",
        "a@b.c",
        "!#$%&'*+/=?^_`{|}~-@example.org",
        "a@" + ".".join(["a" * 49] * 5) + ".a",
        "a@" + ".".join(["a" * 62] * 3) + ".example." + "a" * 54,
        "a@" + "a.b." * 61 + "example",
        "a" * 64 + "@example.org",
    ],
)
def test_a_valid_address_is_accepted_and_mailed_as_it_was_given(address):
    assert validate(address) == address
    message = EmailMessage("subject", "body", "from@example.org", [address]).message()
    sent_to = message_from_bytes(message.as_bytes(), policy=policy.default)["To"]
    assert [to.addr_spec for to in sent_to.addresses] == [address]
    assert not sent_to.defects


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
        ("ada@exam\x0bple.org", "typing mistakes"),
        ("ada\x00@example.org", "typing mistakes"),
        ('"ada\x07"@example.org', "quotation marks"),
        ("ada@[127.0.0.1]", "brackets"),
        ("ädä@example.org", "before the @"),
        ("a" * 65 + "@example.org", "too long"),
        ("ada@" + ".".join(["a" * 60] * 5) + ".org", "too long"),
        ("ada@" + "é" * 60 + ".example", "typing mistakes"),
        ("a" * 64 + "@" + ".".join(["a" * 60] * 3) + ".example.org", "too long"),
        ("ada@-example-.org", "typing mistakes"),
        ("test@iana.org.", "typing mistakes"),
        ("test@io.", "typing mistakes"),
        ("ada@gmail", "typing mistakes"),
        ("ada@com", "typing mistakes"),
        ("ada@192.0.2.1", "typing mistakes"),
        ("Ada <ada@example.org>", "typing mistakes"),
        ("ada@bob@example.org", "typing mistakes"),
        ("ada@exam_ple.org", "typing mistakes"),
        ("ada@xn--zz.example", "typing mistakes"),
        ("ada\ud800@example.org", "before the @"),
    ],
)
def test_what_we_cannot_write_to_is_refused_with_a_reason(text, says):
    with pytest.raises(BadAddress) as caught:
        validate(text)
    assert says in caught.value.message


@pytest.mark.parametrize("letter", ["a", "١", "xn--a.", "@", "<", " "])
def test_a_very_long_text_is_refused_before_anything_looks_at_its_parts(letter, monkeypatch):
    monkeypatch.setattr(addresses, "validate_email", None)
    with pytest.raises(BadAddress):
        validate("ada@" + letter * 1_000_000 + ".org")


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
