"""The HTTP client: time limits, checked hops, no credentials, and not a socket in offline mode."""

from __future__ import annotations

import io
import math
import os
import re
import time
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urljoin

import requests

from neurodata4ml.data.remote.addresses import REPORT, Reach, RefusedError, host_of, refuse_scheme
from neurodata4ml.data.remote.connections import GuardedAdapter, HungUpError
from neurodata4ml.errors import ArchiveError, NeuroDataError, NotCachedError
from neurodata4ml.places import offline

CONNECT, READ = 10.0, 30.0
"""Seconds: to reach a server, and between two pieces of an answer. A large file may take as long as it wants."""

LONGEST_CHAIN = 10
"""Redirects that are followed to one answer."""

LARGEST = 64 << 20
"""Bytes of an answer that is read at once (a list, a record): whoever sends more sends something else."""

SHORT = 64 << 10
"""Bytes of a redirect's body that are read rather than a new connection made."""

BELIEVED = 1.0
"""Seconds for which the environment is believed to name the same proxies."""


class LateError(ArchiveError):
    """The time for a question is over."""


class Client(requests.Session):
    """An HTTP session that goes no further than ``reach``, takes no longer than ``deadline``, and is nobody."""

    def __init__(self, reach: Reach, deadline: float) -> None:  # noqa: D107
        super().__init__()
        self.reach, self.deadline = reach, deadline
        self._settings: dict[Any, tuple[float, dict[str, Any]]] = {}
        self.headers.update({"User-Agent": "neurodata4ml", "Accept-Encoding": "identity"})
        self.auth = _anonymous
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.mount("http://", GuardedAdapter(reach))
        self.mount("https://", GuardedAdapter(reach))

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Ask, unless offline; redirects are followed as far as they may lead."""
        if offline():
            message = (
                f"NEURODATA4ML_OFFLINE is set, so {host_of(request.url)} is not asked. Unset it to use the network."
            )
            raise NotCachedError(message)
        return self._follow(request, **options)

    def _follow(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send, and go where the answers lead, one checked hop after the other."""
        asked, history = str(request.url), list[requests.Response]()
        whole, follow = not options.pop("stream", False), options.pop("allow_redirects", True)
        timeout = options.pop("timeout", None)
        while True:
            refuse_scheme(str(request.url))
            limits = timeout or _timeouts(self._time_left(str(request.url)))
            answer = self._send(request, stream=True, allow_redirects=False, timeout=limits, **options)
            answer.history = list(history)
            target = self._target(answer) if follow and request.method in ("GET", "HEAD") else None
            if target is None:
                return self._read(answer) if whole else answer
            _leave(answer)
            history.append(answer)
            if len(history) > LONGEST_CHAIN:
                reason = f"it redirected {len(history)} times, and then to {target.partition('?')[0]}"
                raise RefusedError(asked, reason, "It leads round and round; please report it.")
            request = request.copy()
            request.prepare_url(target, None)
            self.reach.refuse_hop(asked, answer.url, str(request.url))
            request.headers.pop("Authorization", None)
            options["proxies"] = self.merge_environment_settings(str(request.url), {}, None, None, None)["proxies"]

    def _send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send; where a connection that was kept turns out to be closed, take the next (RFC 9112, section 9.3.1)."""
        while True:
            try:
                return super().send(request, **options)
            except HungUpError:  # as often as there are kept ones: a new one does not raise it
                self._time_left(str(request.url))

    def merge_environment_settings(self, url: Any, proxies: Any, *how: Any) -> Any:
        """Look for proxies in the environment, though not anew for each of a hundred requests in a second."""
        asked, now = (str(url).partition("//")[0], host_of(url), how), time.monotonic()
        before, found = self._settings.get(asked, (-math.inf, dict[str, Any]()))
        if proxies or now > before + BELIEVED:
            found = dict(super().merge_environment_settings(url, proxies, *how))
            self._settings[asked] = (-math.inf if proxies else now), found
        return {**found, "proxies": dict(found["proxies"])}

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Let ``requests`` follow none: it reads their bodies, however long, and asks nobody where they may lead."""
        return None

    def _target(self, answer: requests.Response) -> str | None:
        """Return the whole address that an answer redirects to; None where it does not redirect."""
        try:
            location = super().get_redirect_target(answer)
            return None if location is None else urljoin(answer.url, location)
        except ValueError as error:
            reason = f"it redirects to what is no address ({error})"
            raise RefusedError(answer.url, reason, REPORT) from error

    def _time_left(self, url: str) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            message = f"{host_of(url)} took too long, and is not asked any more. Try again later."
            raise LateError(message)
        return left

    def _read(self, answer: requests.Response) -> requests.Response:
        """Read an answer whole, in bounded time and room."""
        body = io.BytesIO()
        with answer:
            # read1 returns what has arrived: of a trickle, more would be waited for without a look at the time
            while piece := answer.raw.read1(1 << 16, decode_content=True):
                self._time_left(answer.url)
                if body.tell() + len(piece) > LARGEST:
                    reason = f"it sends more than {LARGEST:,} bytes where a short answer is due"
                    raise RefusedError(answer.url, reason, "Please report it.")
                body.write(piece)
        body.seek(0)
        answer.raw = body
        answer.content  # noqa: B018  # read now, while it is there
        return answer


def length_of(answer: requests.Response) -> int | None:
    """Return how many bytes an answer says it has; None where it says nothing that could be."""
    stated = answer.headers.get("Content-Length", "")
    return int(stated) if re.fullmatch("[0-9]{1,18}", stated) else None


def _leave(answer: requests.Response) -> None:
    """Be done with the answer that redirected us; a body that came along with it is read, to keep the connection."""
    length = length_of(answer)
    if length is not None and length <= SHORT:
        answer.raw.read1(SHORT)
    answer.close()


def _anonymous(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Send no credentials; without it ``requests`` looks for some in ``.netrc`` and in the address."""
    return request


def _timeouts(left: float) -> tuple[float, float]:
    stated = os.environ.get("NEURODATA4ML_TIMEOUT", "")
    try:
        read = float(stated or READ)
    except ValueError:
        read = math.nan
    if not 0 < read < math.inf:
        message = f"NEURODATA4ML_TIMEOUT is {stated!r}; it must be a number of seconds, like 30."
        raise NeuroDataError(message)
    return min(CONNECT, read, left), min(read, left)
