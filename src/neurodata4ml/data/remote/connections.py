"""Connections that lead only where they may, take no longer than they may, and say when they had been hung up on.

A name is looked up once. All addresses it has are checked, and one of those is connected to: a second answer of the
name server (DNS rebinding) is never asked for. Where a proxy is set for an address, the proxy looks the name up and the
check is left to it; which hosts a redirect may lead to is held in any case.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

from neurodata4ml.data.remote import alarms
from neurodata4ml.data.remote.addresses import Reach, RefusedError, origin, trouble

Done = TypeVar("Done")


class HungUpError(Exception):
    """The server had closed a connection that it had kept open after an earlier answer; nothing was asked yet."""


class GuardedAdapter(HTTPAdapter):
    """Connects to what ``reach`` allows; one for each scheme, or both, of a ``requests`` session."""

    def __init__(self, reach: Reach) -> None:  # noqa: D107
        self.reach = reach
        super().__init__(pool_maxsize=32)

    def init_poolmanager(self, *sizes: Any, **options: Any) -> None:
        """Let the connections that are not to a proxy be guarded ones."""
        super().init_poolmanager(*sizes, **options)
        self.poolmanager.pool_classes_by_scheme = {
            "http": partial(_pool, HTTPConnectionPool, _Http, self.reach),
            "https": partial(_pool, HTTPSConnectionPool, _Https, self.reach),
        }


def _pool(pool: Any, connection: Any, reach: Reach, *where: Any, **options: Any) -> HTTPConnectionPool:
    made: HTTPConnectionPool = pool(*where, **options)
    made.ConnectionCls = partial(connection, reach)  # type: ignore[assignment]
    return made


class _Http(HTTPConnection):
    spoken = "http"

    def __init__(self, reach: Reach, *where: Any, **options: Any) -> None:
        super().__init__(*where, **options)
        self.reach, self.has_answered = reach, False

    def _new_conn(self) -> socket.socket:
        return _connect(self, self.spoken, self.reach)

    def __str__(self) -> str:  # stands in messages of urllib3
        return self.host

    def request(self, *what: Any, **options: Any) -> None:
        _unless_hung_up(self, lambda: super(_Http, self).request(*what, **options))

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        return _answered(self, super().getresponse)


class _Https(_Http, HTTPSConnection):
    spoken = "https"


def _connect(connection: _Http, scheme: str, reach: Reach) -> socket.socket:
    """Connect to the first address that answers; the name stays what TLS and the Host header are about."""
    url = f"{scheme}://{f'[{connection.host}]' if ':' in connection.host else connection.host}:{connection.port}"
    failure: Exception | None = None
    connection.has_answered = False
    for address in _resolved(connection, url, is_named=origin(url) in reach.named):
        try:
            return create_connection(
                (address, connection.port),
                connection.timeout,
                source_address=connection.source_address,
                socket_options=connection.socket_options,
            )
        except TimeoutError:
            failure = ConnectTimeoutError(connection, f"{address} did not answer within {connection.timeout} s")
        except OSError as error:
            failure = NewConnectionError(connection, f"{error.strerror or error} at {address}")
    raise failure or NewConnectionError(connection, "its name has no address")


def _answered(connection: _Http, get: Callable[[], HTTPResponse]) -> HTTPResponse:
    answer = _unless_hung_up(connection, lambda: _in_time(connection, get))
    connection.has_answered = True
    return answer


def _unless_hung_up(connection: _Http, do: Callable[[], Done]) -> Done:
    """Return what ``do`` returns; a connection that is dead from the start is told from one that breaks on the way."""
    try:
        return do()
    except ConnectionError as error:  # also http.client.RemoteDisconnected
        if not connection.has_answered:
            raise
        raise HungUpError(str(error)) from error


def _in_time(connection: _Http, get: Callable[[], HTTPResponse]) -> HTTPResponse:
    """Get an answer's header whole within the time that may pass between two pieces, though it come byte by byte."""
    late = threading.Event()

    def hang_up() -> None:
        late.set()
        with contextlib.suppress(OSError, TypeError):  # it may be closed by now
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)  # below TLS as well

    clock = alarms.after(connection.timeout, hang_up)  # type: ignore[arg-type]
    answer = None
    try:
        answer = get()
    except Exception:
        if not late.is_set():
            raise
    finally:
        clock.cancel()
    if answer is None or late.is_set():  # half a header would pass for a whole one
        message = "timed out"
        raise TimeoutError(message)
    return answer


def _resolved(connection: _Http, url: str, *, is_named: bool) -> list[str]:
    try:
        found = socket.getaddrinfo(connection.host, connection.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        problem = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
        raise NameResolutionError(connection.host, connection, problem) from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        kind = "" if is_named else trouble(address)
        if kind:
            reason = f"it leads to {address}, a {kind} address, where only what you named yourself may lead"
            cure = (
                f"If you mean a server of your own, name {url} itself: in NEURODATA4ML_DANDI_API or in your own entry."
            )
            raise RefusedError(url, reason, cure)
    return addresses
