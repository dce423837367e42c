"""A connection leads to public addresses, and to what the user named: at the first address and at every hop."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from archive import Archive
from neurodata4ml.data.remote import transport
from neurodata4ml.data.remote.addresses import Reach, RefusedError, origin, trouble
from neurodata4ml.errors import ArchiveError


@pytest.fixture
def archive() -> Iterator[Archive]:
    with Archive() as archive:
        archive.put("a", b"the file")
        yield archive


class Names:
    """A name server of our own: what it answers, and how often it was asked."""

    def __init__(self, **answers: list[str]) -> None:
        self.answers = {name.replace("_", "."): list(addresses) for name, addresses in answers.items()}
        self.asked: list[str] = []

    def __call__(self, host: Any, port: int, *_: Any, **__: Any) -> list[Any]:
        if host not in self.answers:
            return REAL(host, port, type=socket.SOCK_STREAM)
        self.asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in self.answers[host]]


REAL = socket.getaddrinfo


def get(url: str, reach: Reach = transport.PUBLIC) -> bytes:
    with transport.session(reach) as client:
        return client.get(url).content


@pytest.mark.parametrize(
    ("address", "kind"),
    {
        "127.0.0.1": "loopback",
        "127.255.255.254": "loopback",
        "::1": "loopback",
        "0.0.0.0": "unspecified",
        "::": "unspecified",
        "10.0.0.1": "private",
        "172.16.0.1": "private",
        "172.31.255.255": "private",
        "192.168.178.1": "private",
        "fd00::1": "private",
        "169.254.169.254": "link-local",
        "fe80::1": "link-local",
        "fe80::1%eth0": "link-local",
        "fec0::1": "reserved",
        "100.64.0.1": "carrier-internal",
        "100.127.255.255": "carrier-internal",
        "224.0.0.1": "multicast",
        "ff02::1": "multicast",
        "ff0e::1": "multicast",
        "240.0.0.1": "private",
        "255.255.255.255": "private",
        "::ffff:127.0.0.1": "loopback",
        "::ffff:10.1.2.3": "private",
        "::ffff:8.8.8.8": "",
        "64:ff9b::7f00:1": "loopback",
        "64:ff9b::a9fe:a9fe": "link-local",
        "64:ff9b:1::a00:1": "reserved",
        "2002:7f00:1::": "loopback",
        "2002:c0a8:101::1": "private",
        "2001::1": "reserved",
        "::7f00:1": "reserved",
        "4000::1": "reserved",
        "8.8.8.8": "",
        "52.219.100.1": "",
        "100.63.255.255": "",
        "100.128.0.1": "",
        "172.32.0.1": "",
        "2600:1f16::1": "",
    }.items(),
)
def test_what_an_address_is(address: str, kind: str) -> None:
    assert trouble(address) == kind


@pytest.mark.parametrize(
    ("url", "its"),
    [
        ("https://osf.io/abc?x=1", "https://osf.io:443"),
        ("http://127.0.0.1:8765/api", "http://127.0.0.1:8765"),
        ("HTTP://User:secret@Example.ORG./", "http://example.org:80"),
        ("http://[::1]:80/", "http://[::1]:80"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, its: str) -> None:
    assert origin(url) == its


@pytest.mark.parametrize(
    "url", ["file:///etc/hosts", "ftp://host/a", "s3://bucket/key", "//host/a", "data", "http:///a"]
)
def test_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(ArchiveError, match="is no address for this; it must begin with https:// or http:// and name"):
        origin(url)


@pytest.mark.parametrize("url", ["http://host:port/", "http://host:99999/"])
def test_a_port_is_a_number(url: str) -> None:
    with pytest.raises(ArchiveError, match="names no port"):
        origin(url)


def test_loopback_is_for_whom_the_user_named_with_host_and_port(archive: Archive) -> None:
    url = f"{archive.root}/files/a"
    assert get(url, Reach(named=(origin(url),))) == b"the file"
    for reach in (Reach(), Reach(hosts=("127.0.0.1",)), Reach(named=("http://127.0.0.1:1", "https://127.0.0.1:443"))):
        with pytest.raises(ArchiveError, match=r"it leads to 127.0.0.1, a loopback address, where only what you named"):
            get(url, reach)
    assert len(archive.log) == 1


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f.0.0.1", "0"])
def test_the_other_names_of_loopback_are_known_too(archive: Archive, host: str) -> None:
    with pytest.raises(RefusedError, match=r"it leads to (127\.0\.0\.1|::1|0\.0\.0\.0), an? \S+ address"):
        get(f"http://{host}:{archive.root.rpartition(':')[2]}/files/a")
    assert not archive.log


def test_a_name_with_one_private_address_is_refused(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(two_example=["93.184.216.34", "10.0.0.7"])
    monkeypatch.setattr(socket, "getaddrinfo", names)
    with pytest.raises(ArchiveError, match=r"two.example:80: it leads to 10.0.0.7, a private address.*name http://two"):
        get("http://two.example/a")


def test_a_name_is_looked_up_once_and_what_was_checked_is_connected_to(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: a second answer of the name server would be a private address."""
    names = Names(rebound_example=["93.184.216.34"])
    monkeypatch.setattr(socket, "getaddrinfo", names)
    connected = []

    def create_connection(address: tuple[str, int], *_: Any, **__: Any) -> socket.socket:
        names.answers["rebound.example"] = ["127.0.0.1"]
        connected.append(address[0])
        return socket.create_connection(("127.0.0.1", int(archive.root.rpartition(":")[2])))

    monkeypatch.setattr("neurodata4ml.data.remote.connections.create_connection", create_connection)
    assert get("http://rebound.example/files/a") == b"the file"
    assert names.asked == ["rebound.example"]
    assert connected == ["93.184.216.34"]
    assert archive.log[0].headers["Host"] == "rebound.example", "the server is still asked by its name"


def test_the_next_address_of_a_name_is_tried_when_one_does_not_answer(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.2", int(archive.root.rpartition(":")[2])))  # bound, and nobody listens: refused
        monkeypatch.setattr(socket, "getaddrinfo", Names(two_example=["127.0.0.2", "127.0.0.1"]))
        url = f"http://two.example:{archive.root.rpartition(':')[2]}/files/a"
        assert get(url, Reach(named=(origin(url),))) == b"the file"


def test_where_a_proxy_is_set_the_check_is_left_to_it(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.serve("http://10.0.0.1/a", b"by proxy", content_type="text/plain")
    monkeypatch.setenv("http_proxy", archive.root)
    assert get("http://10.0.0.1/a") == b"by proxy"
    monkeypatch.setenv("no_proxy", "10.0.0.1")
    with pytest.raises(RefusedError, match=r"it leads to 10.0.0.1, a private address"):
        get("http://10.0.0.1/a")


def test_a_proxy_does_not_widen_where_redirects_lead(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.serve("http://a.example/a", b"", status=302, headers={"Location": "http://b.example/b"})
    archive.serve("http://b.example/b", b"by proxy", content_type="text/plain")
    monkeypatch.setenv("http_proxy", archive.root)
    with pytest.raises(RefusedError, match=r"it redirects to b.example, and may redirect to a.example only"):
        get("http://a.example/a")
    assert get("http://a.example/a", Reach(hosts=("*.example",))) == b"by proxy"


def test_each_hop_has_the_proxy_of_its_own_host(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.serve("/a", b"", status=302, headers={"Location": "http://b.example/b"})
    archive.serve("http://b.example/b", b"by proxy", content_type="text/plain")
    monkeypatch.setenv("http_proxy", archive.root)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    reach = Reach(hosts=("b.example",), named=(origin(archive.root),))
    assert get(f"{archive.root}/a", reach) == b"by proxy"
    assert [request.path for request in archive.log] == ["/a", "http://b.example/b"]


def test_a_hop_leads_to_the_same_host_or_to_those_of_the_source() -> None:
    reach = Reach(hosts=("dandiarchive.s3.amazonaws.com", "*.osf.io"))
    for target in (
        "https://api.dandiarchive.org/other",
        "https://dandiarchive.s3.amazonaws.com/blobs/a",
        "https://files.de-1.osf.io/a",
        "https://FILES.osf.io./a",
    ):
        reach.refuse_hop("https://api.dandiarchive.org/a", "https://api.dandiarchive.org/a", target)
    for target in (
        "https://osf.io/a",
        "https://notosf.io/a",
        "https://s3.amazonaws.com/a",
        "https://dandiarchive.s3.amazonaws.com.evil.example/a",
        "https://dandiarchive.s3.amazonaws.com@evil.example/a",
        "https://127.0.0.1/a",
    ):
        with pytest.raises(RefusedError, match=r'may redirect to api.dandiarchive.org, .*add redirects = \["') as error:
            reach.refuse_hop("https://api.dandiarchive.org/a", "https://api.dandiarchive.org/a", target)
        assert "dandiarchive.s3.amazonaws.com, *.osf.io only" in str(error.value)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://api.example/a", "gopher://api.example/a"])
def test_a_hop_stays_on_the_web(target: str) -> None:
    with pytest.raises(RefusedError, match=r"only http:// and https:// are followed"):
        Reach().refuse_hop("https://api.example/a", "https://api.example/a", target)


def test_a_hop_never_goes_from_https_to_http() -> None:
    with pytest.raises(RefusedError, match=r"from https to http://api.example/a, where anybody on the way"):
        Reach().refuse_hop("http://api.example/a", "https://api.example/a", "http://api.example/a?secret=1")
    Reach().refuse_hop("http://api.example/a", "http://api.example/a", "https://api.example/a")
