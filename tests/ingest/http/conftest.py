"""Names, addresses and connections that the test decides."""

import ipaddress
import socket

import pytest

PUBLIC_ADDRESS = "93.184.216.34"


@pytest.fixture
def connected(monkeypatch):
    """Every address that anything tries to connect to; none answers."""
    tried = []

    def connect(self, address):
        tried.append(address)
        raise ConnectionRefusedError("no connection in this test")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect)
    return tried


@pytest.fixture
def names(monkeypatch):
    """A name server of the test: each look-up of a name takes the next list of addresses, and
    the last one stays.
    """
    table: dict[str, list[list[str]]] = {}
    real = socket.getaddrinfo

    def look_up(host, port, *arguments, **options):
        if host in table:
            answers = table[host]
            found = answers.pop(0) if len(answers) > 1 else answers[0]
            return [
                entry for address in found for entry in real(address, port, type=socket.SOCK_STREAM)
            ]
        ipaddress.ip_address(host)  # anything but a number would ask a real name server
        return real(host, port, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return table


@pytest.fixture
def publish(names, monkeypatch):
    """Give a server of the test the public name papers.example and a public address. `strayed`
    is what reached for any other address.
    """

    def published(server):
        names["papers.example"] = [[PUBLIC_ADDRESS]]
        real = socket.socket.connect
        server.strayed = []

        def connect(self, address):
            if address[0] != PUBLIC_ADDRESS:
                server.strayed.append(address)
            return real(self, ("127.0.0.1", server.port))

        monkeypatch.setattr(socket.socket, "connect", connect)
        return server

    return published


@pytest.fixture
def public_upstream(upstream, publish):
    """The scripted server under a public name and address."""
    return publish(upstream)
