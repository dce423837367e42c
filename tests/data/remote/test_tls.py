"""Over https the guard holds too: the address is checked, the name is what the certificate must be of."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from neurodata4ml.data.remote import transport
from neurodata4ml.data.remote.addresses import Reach, RefusedError
from neurodata4ml.errors import ArchiveError

x509 = pytest.importorskip("cryptography.x509", reason="certificates are made with cryptography")


class Handler(BaseHTTPRequestHandler):
    """Answers with its Host header; ``/away`` redirects to http."""

    def log_message(self, *arguments: Any) -> None: ...

    def do_GET(self) -> None:
        host = self.headers["Host"]
        self.send_response(302 if self.path == "/away" else 200)
        self.send_header("Location", f"http://{host}/a")
        self.send_header("Content-Length", str(len(host)))
        self.end_headers()
        self.wfile.write(host.encode())


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server on loopback that can prove to be ``archive.example``; every ``.example`` leads to it."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate(tmp_path / "its.pem")))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "its.pem")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that hangs up is what is tested
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    real = socket.getaddrinfo

    def look_up(name: Any, *rest: Any, **options: Any) -> Any:
        return real("127.0.0.1" if str(name).endswith(".example") else name, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def certificate(path: Path) -> Path:
    """Write a key and a certificate of ``archive.example``, signed by itself."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "archive.example")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("archive.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(secret + made.public_bytes(pem))
    return path


def get(host: str, port: int, path: str = "/a") -> str:
    """Ask a host that the user named."""
    url = f"https://{host}:{port}"
    return transport.ask(url + path, what="a b", reach=Reach(named=(url,))).text


def test_the_name_is_kept_where_the_address_is_connected_to(port: int) -> None:
    assert get("archive.example", port) == f"archive.example:{port}"


def test_a_certificate_of_another_name_is_refused(port: int) -> None:
    with pytest.raises(
        ArchiveError, match=r"other.example:\d+ did not deliver a b: its certificate is refused .*1 try"
    ):
        get("other.example", port)


def test_a_private_address_is_refused_before_a_word_is_said(port: int) -> None:
    with transport.session() as client, pytest.raises(RefusedError, match=r"it leads to 127\.0\.0\.1, a loopback"):
        client.get(f"https://archive.example:{port}/a")


def test_a_redirect_to_http_is_refused(port: int) -> None:
    with pytest.raises(ArchiveError, match=r"it redirects from https to http://archive.example:\d+/a, where anybody"):
        get("archive.example", port, "/away")
