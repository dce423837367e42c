"""One HTTP client for everything: time-outs, patience that counts progress, and the offline guard."""

from __future__ import annotations

import logging
import math
import os
import random
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
import urllib3.exceptions

from neurodata4ml.errors import ArchiveError, NeuroDataError, NotCachedError
from neurodata4ml.places import offline

CONNECT, READ = 10.0, 30.0
"""Seconds: to reach a server, and between two pieces of an answer. A large file may take as long as it wants."""

PATIENT, BRIEF = 8, 3
"""Tries in a row without a new byte: for a server in trouble (about a minute), and where nobody answers (seconds)."""

LONGEST_WAIT = 300.0
"""Seconds that a server may ask us to wait; where it asks for more, we stop and say so."""

log = logging.getLogger("neurodata4ml")
Answer = TypeVar("Answer")


def session() -> requests.Session:
    """Return an HTTP session with our time-outs and name, which opens no socket in offline mode."""
    return _Session()


def probe(url: str, *, what: str) -> None:
    """Learn quickly whether the server of ``url`` can be reached on behalf of ``what``; an ``ArchiveError`` if not."""
    with session() as client:

        def ask(_: int) -> None:
            with connected(lambda: client.get(url, stream=True)) as answer:
                refuse_trouble(answer)

        persist(ask, lambda: 0, url=url, what=what)


class _Session(requests.Session):
    def __init__(self) -> None:
        super().__init__()
        self.headers.update({"User-Agent": "neurodata4ml", "Accept-Encoding": "identity"})

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        if offline():
            message = f"NEURODATA4ML_OFFLINE is set, so {_host(request.url)} is not asked. Unset it to use the network."
            raise NotCachedError(message)
        kwargs["timeout"] = kwargs.get("timeout") or _timeouts()
        return super().send(request, **kwargs)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target and resp.url.startswith("https:") and urlsplit(urljoin(resp.url, target)).scheme != "https":
            message = (
                f"it redirects from https to {target.partition('?')[0]}, where anybody on the way could change the data"
            )
            raise requests.exceptions.InvalidURL(message)
        return target


class FaultError(Exception):
    """A try that failed: why, how many of its kind in a row to bear, how long the server asks us to wait."""

    def __init__(self, reason: str, tries: int, wait: float = 0.0) -> None:  # noqa: D107
        super().__init__(reason)
        self.tries = tries
        self.wait = wait


def persist(
    attempt: Callable[[int], Answer], position: Callable[[], int], *, url: str, what: str, n_urls: int = 1
) -> Answer:
    """Repeat ``attempt`` (given its number) until it succeeds, or fails too often without moving ``position``."""
    number = fruitless = 0
    furthest = position()
    while True:
        try:
            return attempt(number)
        except FaultError as fault:
            here = position()
            fruitless = 1 if here > furthest else fruitless + 1
            furthest = max(here, furthest)
            if fruitless >= max(fault.tries, n_urls) or fault.wait > LONGEST_WAIT:
                tries = "1 try" if fruitless == 1 else f"{fruitless} tries in a row"
                kept = f" {here:,} bytes are kept, and it continues there." if here else ""
                message = (
                    f"{_host(url)} did not deliver {what}: {fault} ({tries}). "
                    f"Check the connection and run the same line again.{kept}"
                )
                raise ArchiveError(message) from fault
            wait = fault.wait or min(30.0, 0.5 * 2 ** (fruitless - 1)) * random.uniform(0.5, 1.0)
            log.info("%s: %s; next try in %.1f s", what, fault, wait)
            time.sleep(wait)
            number += 1


def connected(ask: Callable[[], Answer]) -> Answer:
    """Return what ``ask`` returns; a broken or missing connection becomes a ``FaultError``."""
    try:
        return ask()
    except requests.exceptions.SSLError as error:
        reason = f"its certificate is refused ({_cause(error)})"
        raise FaultError(reason, 1) from error
    except requests.exceptions.ConnectionError as error:
        unreachable = isinstance(error.args[0] if error.args else None, urllib3.exceptions.MaxRetryError)
        raise FaultError(_cause(error), BRIEF if unreachable else PATIENT) from error
    except (requests.exceptions.Timeout, urllib3.exceptions.HTTPError) as error:
        raise FaultError(_cause(error), PATIENT) from error
    except requests.exceptions.RequestException as error:  # a malformed address, a loop of redirects, file:// ...
        raise FaultError(_cause(error), 1) from error


def refuse_trouble(answer: requests.Response) -> None:
    """Raise a ``FaultError`` unless the answer's status is 200 or 206."""
    status = answer.status_code
    if status in (200, 206):
        return
    reason = f"it answered {status} {answer.reason}".rstrip()
    if status in (408, 425, 429) or status >= 500:
        raise FaultError(reason, PATIENT, _retry_after(answer))
    raise FaultError(reason, BRIEF if status in (403, 416) else 1)  # 403: an address that expires is asked for again


def _retry_after(answer: requests.Response) -> float:
    stated = answer.headers.get("Retry-After", "")
    try:
        return max(0.0, float(stated))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(stated).timestamp() - time.time())
    except ValueError:
        return 0.0


def _timeouts() -> tuple[float, float]:
    stated = os.environ.get("NEURODATA4ML_TIMEOUT", "")
    try:
        read = float(stated or READ)
    except ValueError:
        read = math.nan
    if not 0 < read < math.inf:
        message = f"NEURODATA4ML_TIMEOUT is {stated!r}; it must be a number of seconds, like 30."
        raise NeuroDataError(message)
    return min(CONNECT, read), read


def _cause(error: BaseException) -> str:
    """Return the plainest words that a chain of exceptions offers."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(error) or type(error).__name__


def _host(url: str | bytes | None) -> str:
    return urlsplit(str(url)).netloc or str(url)
