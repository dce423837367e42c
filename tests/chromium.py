"""A real Chromium, driven by playwright; what needs one is skipped, with the reason, where there is none."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
AXE = ROOT / "build" / "axe" / "axe.min.js"
sys.path.append(str(ROOT / "tests" / "report"))  # the factory of results stands there

QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)


@dataclass
class Tab:
    """One page that was opened, and all that it did besides."""

    page: Any
    asked: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


Open = Callable[..., Tab]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """An installed Chromium, headless, with a profile of its own that goes with it."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("no Chromium is installed; type: sudo apt install chromium")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; type: make setup")
    with api.sync_playwright() as play:
        started = play.chromium.launch(executable_path=chromium, args=list(QUIET))
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Open]:
    """Return a function that opens a file in a profile of its own, and notes what it asks for and complains of."""
    contexts = []

    def opened(path: Path, *, width: int = 1280, **options: Any) -> Tab:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        tab = Tab(context.new_page())
        tab.page.on("request", lambda request: tab.asked.append(request.url))
        tab.page.on("console", lambda message: tab.told.append(f"{message.type}: {message.text}"))
        tab.page.on("pageerror", lambda error: tab.told.append(f"error: {error}"))
        tab.page.on("dialog", lambda dialog: (tab.told.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        tab.page.goto(path.as_uri())
        return tab

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The text of axe-core, which looks for barriers."""
    if not AXE.exists():
        pytest.skip("axe-core is not here; type: sh tools/axe.sh")
    return AXE.read_text(encoding="utf-8")
