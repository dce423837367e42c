"""An entry shows itself: what a reader wants to know before a download, and what to type next."""

from __future__ import annotations

from pathlib import Path

import pytest
from examples import WHOLE, write

from conftest import ROOT
from neurodata4ml import describe
from neurodata4ml.data.entries.card import lines

SHIPPED = sorted(path.stem for path in (ROOT / "catalog").glob("*.toml"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalog folder of one's own."""
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path))
    return tmp_path


def said(name: str) -> dict[str, str]:
    """Return what stands under each label of the card."""
    return {label: " / ".join(texts) for label, texts in lines(describe(name))}


@pytest.mark.parametrize("name", SHIPPED)
def test_a_card_is_at_most_100_columns_wide_and_ends_with_what_to_type(name: str) -> None:
    text = str(describe(name))
    assert all(len(line) <= 100 or len(line.split()) == 1 for line in text.splitlines()), "a path is never broken"
    assert all(path in text for path in describe(name).layout.series.values())
    assert text.splitlines()[-1].endswith(f"neurodata4ml cite {name}")
    assert f'neurodata4ml.open_session("{name}")' in text


def test_what_is_needed_to_choose_is_there() -> None:
    card = said("allen-vc")
    assert "721123822: 1.74 GB, about 3 min at 10 MB/s, the default" in card["sessions"]
    assert card["whole dataset"] == "478 GB, about 13.3 h at 10 MB/s"
    assert "CC-BY-4.0" in card["licence"]
    assert "http://www.alleninstitute.org/legal/terms-use/" in card["licence"]
    assert "Siegle et al. 2021" in card["cite"]
    assert "natural_scenes (default): intervals/natural_scenes_presentations, stimulus frame" in card["trial tables"]
    assert "amplitude_cutoff <= 0.1" in card["unit filter"]
    assert "neurodata4ml fetch allen-vc --what units" in card["next"]
    assert "fetch" not in said("demo")["next"], "it is made here"
    assert "--what" not in said("guo-alm")["next"], "half a megabyte needs no parts"


def test_the_card_of_allen_vc_2p_names_its_three_data_bugs() -> None:
    """Held here, because a student who does not know them publishes them."""
    text = str(describe("allen-vc-2p")).lower()
    words = " ".join(text.split())
    assert "static_gratings" in words
    assert "3 rows" in words
    assert "blank" in words
    assert "lost" in words
    assert "34 of the 1518 sessions" in words
    assert "epochs" in words


def test_papers_pictures_repairs_and_more_sessions_are_told(folder: Path) -> None:
    write(
        folder,
        WHOLE.replace('author = "Me"', 'author = "Me"\ntitle = "On it"\njournal = "J"\nvolume = "5"\npages = "1-2"'),
    )
    card = said("mine")
    assert card["papers"] == "On it. J 5:1-2 (2020), doi:10.1038/nature22324"
    more = "30 in the archive, with their ids: neurodata4ml fetch mine --all --dry-run; one of them: --session ID"
    assert card["sessions"].endswith(more)
    assert card["pictures"] == "118 pictures of scenes, fetched one by one from example.org when asked for"
    assert card["repaired"] == (
        "scenes: damaged in the archive's files; when they are opened, the right table is taken from the original "
        "recording at bucket, and the session's attrs say so"
    )
    write(folder, WHOLE.replace("count = 30", ""))
    assert "more in the archive, with their ids: neuro" in said("mine")["sessions"]


def test_only_ten_sessions_are_listed_and_the_default_one_first() -> None:
    texts = dict(lines(describe("allen-vc")))["sessions"]
    assert texts[0].startswith("721123822")
    assert texts[10].startswith("... and 22 more (all of them: neurodata4ml describe allen-vc --json)")


def test_a_notebook_shows_the_same_and_escapes_what_it_shows(folder: Path) -> None:
    write(folder, WHOLE.replace("Two mice.", "<script>alert(1)</script>"))
    page = describe("mine")._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert all(f">{label}</th>" in page for label in said("mine"))
