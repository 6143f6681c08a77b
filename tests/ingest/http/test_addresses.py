"""We go to public https addresses and nowhere else; what is refused is refused before anything
is connected.
"""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.http.addresses import AddressRules
from ingest.http.client import PoliteClient
from ingest.http.faults import Fault, UpstreamError
from tests.ingest.conftest import USER_AGENT
from tests.ingest.http.test_client import NOW
from tests.ingest.upstream import Reply, redirect

PRIVATE_ADDRESSES = [
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.0.0.192",
    "192.88.99.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2001:20::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
PUBLIC_ADDRESSES = [
    "93.184.216.34",
    "8.8.8.8",
    "2606:4700:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]
REFUSED_URLS = [
    "file:///etc/passwd",
    "gopher://papers.example/1",
    "ftp://papers.example/feed",
    "data:text/plain,x",
    "javascript:alert(1)",
    "//papers.example/feed",
    "papers.example/feed",
    "http://papers.example/feed",
    "https://",
    "https:///feed",
    "https://ada:secret@papers.example/feed",
    "https://papers.example:port/",
    "https://papers exam.ple/",
    "https://papers%2eexample/",
    "https://-papers.example/",
    "https://papers.example/\n",
    "https://[::1",
    "https://xn--/",
    "https://xn--a.example/",
    "https://papers.example:99999/",
    "https://papers.example:0/",
    "https://" + "x" * 70_000,
    "https://2130706433/",
    "https://017700000001/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://0x7f.0.0.1/",
    "https://127.1/",
    "https://127.0.0.1./",
    "https://1.2.3.4.5/",
    "https://256.256.256.256/",
    "https://134744072/",
    "https://①②⑦.⓪.⓪.①/",
    "https://[fe80::1%25eth0]/",
    *(
        f"https://[{address}]/" if ":" in address else f"https://{address}/"
        for address in PRIVATE_ADDRESSES
    ),
]


@pytest.fixture
def strict():
    """The client as it runs in production."""
    return PoliteClient(USER_AGENT)


def refusal(client, url, **options) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        client.get(url, now=NOW, **options)
    assert (caught.value.kind, caught.value.permanent) == (Fault.FORBIDDEN, True)
    return caught.value


@pytest.mark.parametrize("url", REFUSED_URLS, ids=lambda url: url[:40])
def test_no_connection_is_tried_to_what_is_not_public_https(strict, connected, names, url):
    refusal(strict, url)
    assert connected == []


@pytest.mark.parametrize("address", PRIVATE_ADDRESSES)
def test_no_connection_is_tried_to_a_name_of_a_private_address(strict, connected, names, address):
    names["papers.example"] = [[address]]
    refusal(strict, "https://papers.example/feed")
    assert connected == []


def test_a_name_with_one_private_address_among_public_ones_is_not_connected_to(
    strict, connected, names
):
    names["papers.example"] = [["93.184.216.34", "10.0.0.1"]]
    refusal(strict, "https://papers.example/feed")
    assert connected == []


@pytest.mark.parametrize("address", PUBLIC_ADDRESSES)
def test_public_addresses_are_connected_to(strict, connected, names, address):
    names["papers.example"] = [[address]]
    with pytest.raises(UpstreamError) as caught:
        strict.get("https://papers.example/feed", now=NOW)
    assert caught.value.kind is Fault.UNREACHABLE
    assert [to[:2] for to in connected] == [(address, 443)]


def test_a_name_server_that_changes_its_answer_gains_nothing(strict, connected, names):
    """DNS rebinding: public when it is judged, private when somebody looks again."""
    names["papers.example"] = [["93.184.216.34"], ["127.0.0.1"]]
    with pytest.raises(UpstreamError):
        strict.get("https://papers.example/feed", now=NOW)
    assert [to[0] for to in connected] == ["93.184.216.34"]
    refusal(strict, "https://papers.example/feed")
    assert len(connected) == 1


def test_the_next_address_is_tried_when_one_does_not_answer_but_not_dozens(
    strict, connected, names
):
    names["papers.example"] = [[f"93.184.216.{number}" for number in range(1, 31)]]
    with pytest.raises(UpstreamError):
        strict.get("https://papers.example/feed", now=NOW)
    assert [to[0] for to in connected] == [
        "93.184.216.1",
        "93.184.216.2",
        "93.184.216.3",
        "93.184.216.4",
    ]


PUBLIC_CLIENT = PoliteClient(
    USER_AGENT, plain_http_hosts=frozenset({"papers.example", "127.0.0.1", "inside.example"})
)


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1/",
        "http://inside.example/",
        "//inside.example/",
        *(
            url
            for url in REFUSED_URLS
            if len(url) < 1000
            and url.isascii()
            and not url.startswith(("//", "papers", "http://"))
            and "\n" not in url
        ),
    ],
)
def test_no_connection_is_tried_to_where_a_redirect_must_not_lead(public_upstream, names, location):
    """Also when the redirect stays within the hosts that were named: its address is judged like
    the first.
    """
    names["inside.example"] = [["192.168.1.1"]]
    public_upstream.script("/feed", redirect(location))
    hosts = frozenset({"127.0.0.1", "inside.example"})
    refusal(PUBLIC_CLIENT, "http://papers.example/feed", redirect_hosts=hosts)
    assert public_upstream.strayed == []
    assert len(public_upstream.requests) == 1


def test_a_redirect_is_looked_up_and_judged_anew(public_upstream, names):
    names["papers.example"] = [["93.184.216.34"], ["127.0.0.1"]]
    public_upstream.script("/feed", redirect("/other"))
    refusal(PUBLIC_CLIENT, "http://papers.example/feed")
    assert public_upstream.strayed == []
    assert len(public_upstream.requests) == 1


def test_the_host_header_keeps_the_name(public_upstream):
    public_upstream.script("/feed", Reply(body=b"[]"))
    PUBLIC_CLIENT.get("http://papers.example/feed", now=NOW)
    assert public_upstream.requests[0].headers["host"] == "papers.example"


@given(st.ip_addresses())
def test_no_address_that_python_calls_private_is_public_to_us(address):
    try:
        AddressRules().check_address("papers.example", str(address))
    except UpstreamError:
        return
    number = getattr(address, "ipv4_mapped", None) or address
    if number.version == 6 and number in ipaddress.ip_network("64:ff9b::/96"):
        number = ipaddress.ip_address(int(number) & 0xFFFFFFFF)
    assert number.is_global
    assert not any(
        (
            number.is_private,
            number.is_loopback,
            number.is_link_local,
            number.is_multicast,
            number.is_unspecified,
        )
    )


@given(st.integers(0, 2**32 - 1), st.sampled_from(["{}", "0x{:x}", "0{:o}"]))
def test_an_ipv4_address_as_one_number_is_refused_in_every_base(number, form):
    with pytest.raises(UpstreamError):
        AddressRules(allow_loopback=True).check(f"https://{form.format(number)}/")


def test_loopback_is_allowed_to_tests_that_say_so_and_nothing_else_is():
    rules = AddressRules(allow_loopback=True)
    rules.check_address("localhost", "127.0.0.1")
    rules.check_address("localhost", "::1")
    for address in (
        "0.0.0.0",
        "10.0.0.1",
        "169.254.169.254",
        "::",
        "fd00:ec2::254",
        "fe80::1",
        "::ffff:169.254.169.254",
    ):
        with pytest.raises(UpstreamError):
            rules.check_address("inside.example", address)
