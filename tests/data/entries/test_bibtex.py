"""Citations are BibTeX that parses, say what the catalog knows, and invent nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from examples import WHOLE, write

from conftest import ROOT
from neurodata4ml import cite, describe
from neurodata4ml.data.entries import bibtex
from neurodata4ml.errors import CatalogError

SHIPPED = sorted(path.stem for path in (ROOT / "catalog").glob("*.toml"))


def parsed(text: str) -> dict[str, dict[str, str]]:
    """Return the references of a BibTeX text by key: a strict reader, which refuses whatever it does not expect."""
    found: dict[str, dict[str, str]] = {}
    while text:
        head = re.match(r"@(misc|article)\{([a-z0-9-]+),\n", text)
        assert head, text[:80]
        text, fields = text[head.end() :], {"type": head[1]}
        while its := re.match(r"  ([a-z]+) = \{", text):
            end = closing(text, its.end() - 1)
            assert its[1] not in fields
            fields[its[1]] = text[its.end() : end]
            text = text[end + 1 :].removeprefix(",").removeprefix("\n")
        assert text.startswith("}"), text[:80]
        assert head[2] not in found
        found[head[2]] = fields
        text = text[1:].lstrip("\n")
    return found


def closing(text: str, opening: int) -> int:
    """Return where the brace that opens at ``opening`` is closed; an escaped brace is no brace to LaTeX's reader."""
    depth = 0
    for place in range(opening, len(text)):
        depth += (text[place] == "{") - (text[place] == "}")
        if not depth:
            return place
    raise AssertionError(text)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_dataset_can_be_cited(name: str) -> None:
    entry, found = describe(name), parsed(cite(name))
    if entry.archive == "simulated":
        assert list(found) == ["neurodata4ml"]
        return
    data, *papers = found.values()
    assert next(iter(found)) == f"{name}-data"
    assert data.get("doi", "") == entry.doi
    assert data["version"] == entry.version
    assert re.sub(r"\\([&%$#_])", r"\1", data["title"]) == f"{{{entry.title}}}"
    assert entry.license.split()[0] in data["note"]
    assert data.get("author", "") == entry.data_author
    assert {paper["doi"] for paper in papers if "doi" in paper} >= ({entry.paper_doi} - {""})
    assert len(papers) == (len(entry.papers) or bool(entry.paper_doi))


def test_the_whole_catalog_cites_at_once_with_keys_of_their_own() -> None:
    """A paper that several datasets share comes once; no key had to be told apart by a letter."""
    found = parsed(cite(*SHIPPED))
    papers = [paper for name in SHIPPED for paper in describe(name).papers]
    dois = [fields["doi"] for fields in found.values() if "doi" in fields]
    assert len(dois) == len(set(dois))
    assert {bibtex._key(paper) for paper in papers} <= set(found)
    assert cite(*SHIPPED) == cite(*SHIPPED, *SHIPPED)


def test_the_year_of_the_data_is_that_of_the_dandi_version() -> None:
    assert parsed(cite("allen-vc"))["allen-vc-data"]["year"] == "2025"
    assert bibtex.year_of("0.240827.1809") == "2024"
    assert bibtex.year_of("draft") == bibtex.year_of("3") == ""


def test_the_demo_cites_the_software_as_its_citation_file_says() -> None:
    its = parsed(cite("demo"))["neurodata4ml"]
    facts = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f'- name: "{its["author"][1:-1]}"' in facts
    assert f'title: "{its["title"][1:-1]}"' in facts
    assert f"version: {its['version']}\n" in facts
    assert "simulated" in its["note"]


PAPERS = """
data_author = "Müller, Zoë and {Smith & Sons}"

[[papers]]
author = "Buzsáki, György and You, Too"
year = 2020
title = "A 100% new_idea: $x^2$ & {a} #1 ~ \\\\"
journal = "Nature & Science"
volume = "5"
pages = "10-20"

[[papers]]
author = "Me Myself"
year = 2021
title = "On it"
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path))
    text = re.sub(r"\[\[papers.*(?=\[sessions.101)", PAPERS.replace("\\", "\\\\"), WHOLE, flags=re.DOTALL)
    text = (
        re.sub(r"(data_author|paper_doi) = .*\n", "", text.split("data_author")[0])
        + 'default_session = "101-A"\n'
        + text[text.index('data_author = "Mü') :]
    )
    return write(tmp_path, text)


def test_what_latex_would_misread_is_escaped_and_accents_stay(mine: Path) -> None:
    found = parsed(cite("mine"))
    assert list(found) == ["mine-data", "buzsaki2020idea", "myself2021"]
    paper = found["buzsaki2020idea"]
    assert paper["type"] == "article"
    assert paper["author"] == "Buzsáki, György and You, Too"
    assert paper["title"] == (
        r"{A 100\% new\_idea: \$x\textasciicircum{}2\$ \& \textbraceleft{}a\textbraceright{} "
        r"\#1 \textasciitilde{} \textbackslash{}}"
    )
    assert paper["journal"] == r"Nature \& Science"
    assert paper["pages"] == "10--20"
    assert found["mine-data"]["author"] == r"Müller, Zoë and {Smith \& Sons}"
    assert found["myself2021"] == {"type": "misc", "author": "Me Myself", "title": "{On it}", "year": "2021"}


def test_two_papers_of_one_key_are_told_apart(mine: Path) -> None:
    text = mine.read_text(encoding="utf-8")
    write(
        mine.parent, text.replace("Me Myself", "Buzsáki, György").replace("2021", "2020").replace("On it", "That idea")
    )
    keys = list(parsed(cite("mine")))
    assert keys == ["mine-data", "buzsaki2020idea", "buzsaki2020that"]
    write(
        mine.parent, text.replace("Me Myself", "Buzsáki, György").replace("2021", "2020").replace("On it", "Idea two")
    )
    assert list(parsed(cite("mine"))) == ["mine-data", "buzsaki2020idea", "buzsaki2020ideab"]


def test_only_what_is_known_is_written(mine: Path) -> None:
    text = mine.read_text(encoding="utf-8").split("[[papers]]")[0]
    text = re.sub("dandiset.*\n|doi.*\n|data_author.*\n|.*0.220126.*\n", "", text).replace('"dandi"', '"local"')
    write(mine.parent, text + 'version = "1"\n[sessions.101-A]\npath = "a.nwb"\n[layout]\n')
    its = parsed(cite("mine"))
    assert set(its["mine-data"]) == {"type", "title", "version", "note"}
    assert set(its) == {"mine-data"}


def test_a_name_that_is_not_there_is_refused() -> None:
    with pytest.raises(CatalogError, match="no dataset is called 'guo_alm'; did you mean 'guo-alm'"):
        cite("guo_alm")
