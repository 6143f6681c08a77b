"""The socket side: TLS proves the name we asked for, and no look-up, connection or handshake
outlasts the deadline.
"""

import shutil
import socket
import ssl
import subprocess
import threading

import pytest

from ingest.http.client import Limits, PoliteClient
from ingest.http.faults import Fault, UpstreamError
from tests.ingest.conftest import USER_AGENT
from tests.ingest.http.test_client import NOW
from tests.ingest.upstream import Reply, Upstream, dripping

needs_openssl = pytest.mark.skipif(
    not shutil.which("openssl"), reason="the openssl command makes the certificate of this test"
)


def fault(client, url) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        client.get(url, now=NOW)
    return caught.value


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for papers.example that signs itself, with its key, in one file."""
    path = tmp_path_factory.mktemp("tls") / "papers.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "
        "/CN=papers.example"
    )
    command += f" -addext subjectAltName=DNS:papers.example -keyout {path} -out {path}.crt"
    subprocess.run(command.split(), check=True, capture_output=True)
    path.write_text(path.read_text() + path.with_name("papers.pem.crt").read_text())
    return path


@pytest.fixture
def tls_upstream(certificate, publish):
    """The scripted server under its public name, with TLS; `asked_for` are the names that
    clients asked for in their handshakes.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    asked_for = []
    context.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    with Upstream(tls=context) as server:
        server.asked_for = asked_for
        server.script("/page", Reply(body=b"[]"))
        yield publish(server)


@pytest.fixture
def trusting(certificate):
    return PoliteClient(USER_AGENT, tls=ssl.create_default_context(cafile=certificate))


@needs_openssl
def test_tls_and_the_host_header_name_the_host_and_not_its_address(tls_upstream, trusting):
    assert trusting.get("https://papers.example/page", now=NOW).body == b"[]"
    assert tls_upstream.asked_for == ["papers.example"]
    assert tls_upstream.requests[0].headers["host"] == "papers.example"
    assert tls_upstream.strayed == []


@needs_openssl
def test_a_certificate_for_another_name_is_refused(tls_upstream, trusting, names):
    names["other.example"] = names["papers.example"]
    assert fault(trusting, "https://other.example/page").kind is Fault.UNREACHABLE
    assert tls_upstream.requests == []


@needs_openssl
def test_a_certificate_that_nobody_vouches_for_is_refused(tls_upstream):
    error = fault(PoliteClient(USER_AGENT), "https://papers.example/page")
    assert error.kind is Fault.UNREACHABLE
    assert "certificate" in str(error).lower()
    assert tls_upstream.requests == []


@needs_openssl
def test_a_drip_inside_tls_ends_with_the_deadline(tls_upstream, certificate):
    tls_upstream.script("/page", dripping(b"x"))
    client = PoliteClient(
        USER_AGENT,
        tls=ssl.create_default_context(cafile=certificate),
        limits=Limits(total_seconds=0.5),
    )
    assert fault(client, "https://papers.example/page").kind is Fault.TIMED_OUT


def test_a_handshake_that_never_comes_is_left():
    client = PoliteClient(USER_AGENT, allow_loopback=True, limits=Limits(connect_seconds=0.2))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert (
            fault(client, f"https://127.0.0.1:{silent.getsockname()[1]}/").kind is Fault.TIMED_OUT
        )


def test_a_name_server_that_says_nothing_is_left(monkeypatch, connected):
    closing = threading.Event()
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_arguments, **_options: closing.wait(60) and []
    )
    error = fault(
        PoliteClient(USER_AGENT, limits=Limits(total_seconds=0.2)), "https://papers.example/"
    )
    closing.set()
    assert (error.kind, error.permanent) == (Fault.TIMED_OUT, False)
    assert connected == []


def test_a_name_without_an_address_is_a_fault_that_may_pass(monkeypatch, connected):
    def look_up(*_arguments, **_options):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    error = fault(PoliteClient(USER_AGENT), "https://papers.example/")
    assert (error.kind, error.permanent) == (Fault.UNREACHABLE, False)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_options: [])
    assert fault(PoliteClient(USER_AGENT), "https://papers.example/").kind is Fault.UNREACHABLE
    assert connected == []


def test_proxies_of_the_environment_are_not_used(monkeypatch, upstream, client):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    upstream.script("/page", Reply(body=b"[]"))
    assert client.get(upstream.url("/page"), now=NOW).body == b"[]"
