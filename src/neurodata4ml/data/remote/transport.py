"""Patience with the network: what fails is tried again while that helps, else it ends in a sentence."""

from __future__ import annotations

import logging
import math
import random
import time
from collections import Counter
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import requests
import urllib3.exceptions

from neurodata4ml.data.remote.addresses import PUBLIC, Reach, RefusedError, host_of
from neurodata4ml.data.remote.client import Client, LateError
from neurodata4ml.errors import ArchiveError

PATIENT, BRIEF = 8, 3
"""Tries in a row without a new byte: for a server in trouble (about a minute), and where nobody answers (seconds)."""

LONGEST_WAIT = 300.0
"""Seconds that a server may ask us to wait; where it asks for more, we stop and say so."""

NAP = 0.2
"""Seconds between two looks at whether the waiting shall end."""

BREAKS = (
    requests.exceptions.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)
"""Ends of an answer that may be better the next time."""

CURE = "Check the connection and run the same line again."

log = logging.getLogger("neurodata4ml")
Answer = TypeVar("Answer")


def session(reach: Reach = PUBLIC, *, deadline: float | None = None, patient: str = "") -> requests.Session:
    """Return an HTTP session with our time-outs and name, which opens no socket in offline mode.

    It follows redirects only where ``reach`` lets it, connects only to addresses that ``reach`` allows, and sends no
    credentials and no cookies: neither those of ``.netrc`` nor any that an address or an answer holds.

    Parameters
    ----------
    reach : Reach
        Where answers may lead; by default only public addresses of the host that is asked.
    deadline : float, optional
        Reading of ``time.monotonic()`` after which whatever is asked ends in an ``ArchiveError``.
    patient : str
        What the answers are for, in messages. Where it is given, the session itself repeats what fails (see
        :func:`persist`), so that whoever uses it sees an answer that is worth reading, or an ``ArchiveError``.
    """
    until = math.inf if deadline is None else deadline
    return _Patient(reach, until, patient) if patient else Client(reach, until)


def ask(
    url: str, *, what: str, reach: Reach = PUBLIC, deadline: float | None = None, accept_missing: bool = False
) -> requests.Response:
    """Return one whole small answer, e.g. a list in JSON; asked for again where that may help.

    Raises
    ------
    ArchiveError
        When the server does not give it; with ``accept_missing``, an answer 404 is returned as any other.
    """
    with session(reach, deadline=deadline, patient=what) as client:
        answer = client.get(url, headers={"Accept": "application/json"})
    if answer.status_code != 200 and not (accept_missing and answer.status_code == 404):
        fault = FaultError(f"it answered {answer.status_code} {answer.reason}", 1, status=answer.status_code)
        raise _undelivered(url, what, fault, 1, 0)
    return answer


class _Patient(Client):
    """Repeats whatever fails, and lets nobody see it."""

    def __init__(self, reach: Reach, deadline: float, what: str) -> None:
        super().__init__(reach, deadline)
        self.what = what

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        def attempt(_: int) -> requests.Response:
            answer: requests.Response = connected(lambda: send(request, **options))
            if is_passing(answer.status_code):
                refuse_trouble(answer)
            if answer.ok:
                refuse_page(answer)
            return answer

        send = super().send
        return persist(attempt, lambda: 0, url=str(request.url), what=self.what, until=self.deadline)


class FaultError(Exception):
    """A try that failed: why, how many of its kind in a row to bear, how long the server asks us to wait.

    ``status`` is that of the answer where it is the reason, else 0.
    """

    def __init__(  # noqa: D107
        self, reason: str, tries: int, wait: float = 0.0, cure: str = CURE, status: int = 0
    ) -> None:
        super().__init__(reason)
        self.tries, self.wait, self.cure, self.status = tries, wait, cure, status


def persist(
    attempt: Callable[[int], Answer],
    position: Callable[[], int],
    *,
    url: str,
    what: str,
    n_urls: int = 1,
    until: float = math.inf,
    tick: Callable[[], None] = lambda: None,
    keeps: Callable[[], bool] = lambda: True,
) -> Answer:
    """Repeat ``attempt`` until it succeeds, or has failed too often without moving ``position``.

    It is given a number that goes round the ``n_urls`` addresses of the same bytes, each of which has a patience of its
    own; ``tick`` is called several times a second while waiting, and ends the waiting by raising. ``keeps`` is asked at
    the end whether what arrived can be continued; where it cannot, the error does not promise it.
    """
    failures: Counter[tuple[int, int]] = Counter()
    waiting = list(range(n_urls))
    furthest = position()
    while True:
        index = waiting.pop(0)
        try:
            return attempt(index)
        except FaultError as fault:
            here = position()
            if here > furthest:
                furthest = here
                failures.clear()
            failures[index, fault.tries] += 1
            number = failures[index, fault.tries]
            again = number < fault.tries and fault.wait <= LONGEST_WAIT
            waiting += [index] if again else []
            wait = _wait(fault, number) if again else 0.0
            if not waiting or time.monotonic() + wait > until:
                late = ", and the time for it is over" if waiting else ""
                raise _undelivered(url, what, fault, number, here if keeps() else 0, late) from fault
            log.info("%s: %s; next try in %.1f s", what, fault, wait)
            _sleep(wait, tick)


def connected(ask: Callable[[], Answer]) -> Answer:
    """Return what ``ask`` returns; a broken or missing connection becomes a ``FaultError``."""
    try:
        return ask()
    except LateError as error:
        reason = "no time is left to ask"
        raise FaultError(reason, PATIENT, cure="Try again later.") from error
    except RefusedError as error:
        raise FaultError(error.reason, 1, cure=error.cure) from error
    except requests.exceptions.SSLError as error:
        reason = f"its certificate is refused ({_cause(error)})"
        raise FaultError(reason, 1) from error
    except requests.exceptions.ConnectionError as error:
        unreachable = isinstance(error.args[0] if error.args else None, urllib3.exceptions.MaxRetryError)
        raise FaultError(_cause(error), BRIEF if unreachable else PATIENT) from error
    except (*BREAKS, urllib3.exceptions.HTTPError) as error:
        raise FaultError(_cause(error), PATIENT) from error
    except requests.exceptions.RequestException as error:  # a malformed address
        raise FaultError(_cause(error), 1) from error


def refuse_trouble(answer: requests.Response) -> None:
    """Raise a ``FaultError`` unless the answer's status is 200 or 206."""
    status = answer.status_code
    if status in (200, 206):
        return
    reason = f"it answered {status} {answer.reason}".rstrip()
    if is_passing(status):
        raise FaultError(reason, PATIENT, _retry_after(answer), status=status)
    tries = BRIEF if status in (403, 416) else 1  # 403: an address that expires is asked for again
    raise FaultError(reason, tries, status=status)


def is_passing(status: int) -> bool:
    """Return whether a status says that the server may answer better later."""
    return status in (408, 425, 429) or status >= 500


def refuse_page(answer: requests.Response) -> None:
    """Raise a ``FaultError`` for a web page: a login or error page is neither data nor a list of files."""
    kind = answer.headers.get("Content-Type", "")
    if "html" in kind.lower():
        reason = f"it sent {kind} in place of what was asked for; a login or error page?"
        raise FaultError(reason, BRIEF)


def _undelivered(url: str, what: str, fault: FaultError, number: int, here: int, late: str = "") -> ArchiveError:
    tries = "1 try" if number == 1 else f"{number} tries in a row"
    kept = f" {here:,} bytes are kept, and it continues there." if here else ""
    error = ArchiveError(f"{host_of(url)} did not deliver {what}: {fault} ({tries}{late}). {fault.cure}{kept}")
    error.status = fault.status
    return error


def _wait(fault: FaultError, number: int) -> float:
    """Seconds until the next try: what the server asks for, else longer each time; never two clients at once."""
    backoff = min(30.0, 0.5 * 2.0 ** (number - 1))
    return fault.wait + random.uniform(0.0, 0.5) if fault.wait else backoff * random.uniform(0.5, 1.0)


def _sleep(wait: float, tick: Callable[[], None]) -> None:
    naps = math.ceil(wait / NAP)
    for _ in range(naps):
        tick()
        time.sleep(wait / naps)


def _retry_after(answer: requests.Response) -> float:
    stated = answer.headers.get("Retry-After", "")
    try:
        return max(0.0, float(stated))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(stated).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0


def _cause(error: BaseException) -> str:
    """Return the plainest words that a chain of exceptions offers."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(error) or type(error).__name__
