"""One question to an archive: asked through our session, with our patience, and answered within one time bound."""

from __future__ import annotations

import time
from typing import Any

import requests

from neurodata4ml.data.remote import transport
from neurodata4ml.data.remote.addresses import Reach
from neurodata4ml.errors import ArchiveError

ONE_FILE, ALL_FILES = 120.0, 600.0
"""Seconds for all answers about one file, and for a whole list; the bytes of a file may take as long as they want."""


class Question:
    """Asks until there is an answer.

    What an answer says is the business of whoever asked, unless it says to ask again (429, 5xx ...).
    """

    def __init__(self, what: str, reach: Reach, seconds: float = ONE_FILE) -> None:  # noqa: D107
        self.what = what
        self.session = transport.session(reach, deadline=time.monotonic() + seconds, patient=what)
        self.close = self.session.close

    def __enter__(self) -> Question:  # noqa: D105
        return self

    def __exit__(self, *error: object) -> None:  # noqa: D105
        self.close()

    def request(self, method: str, url: str, **asked: Any) -> requests.Response:
        """Return the answer, complete.

        Raises
        ------
        ArchiveError
            When there is none in time, or it is no JSON.
        NotCachedError
            In offline mode.
        """
        answer = self.session.request(method, url, **asked)
        if answer.status_code == 200:
            self._refuse_pages(answer)
        return answer

    def json(self, url: str) -> Any:
        """Return what the answer holds; an ``ArchiveError`` where there is none, or it is a refusal."""
        answer = self.request("GET", url)
        self.refuse(answer)
        return answer.json()

    def refuse(self, answer: requests.Response) -> None:
        """Raise an ``ArchiveError`` where the answer is a refusal; it says what can be done."""
        status, url = answer.status_code, answer.url.partition("?")[0]
        if status >= 400:
            message = f"{url} refuses {self.what}: it answered {status}. {_cure(status)}"
            raise ArchiveError(message)

    def _refuse_pages(self, answer: requests.Response) -> None:
        try:
            answer.json()
        except (ValueError, RecursionError) as error:
            message = (
                f"{answer.url.partition('?')[0]} answered for {self.what} with something that is no JSON; a login or "
                f"error page? It begins with {answer.content[:40].decode(errors='replace')!r}."
            )
            raise ArchiveError(message) from error


def _cure(status: int) -> str:
    """Return what can be done about a status of HTTP."""
    if status in (401, 403):
        return "It is embargoed, or open to its owners only; neurodata4ml fetches what is open to everybody."
    if status in (404, 410):
        return "There is no such record, or there is no longer; correct the entry."
    return "Try again later."
