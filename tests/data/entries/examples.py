"""Entries for the tests of the catalog: one that uses every table, and one for each way to spoil it."""

from __future__ import annotations

from pathlib import Path

MD5, SHA256, UUID = "0" * 32, "0123456789abcdef" * 4, "092550fe-91d3-4585-a097-8517a8d7657e"

WHOLE = f"""\
name = "mine"
title = "My recordings"
summary = "Two mice."
archive = "dandi"
dandiset = "000009"
version = "0.220126.1903"
doi = "10.48324/dandi.000009/0.220126.1903"
license = "CC-BY-4.0"
citation = "Me 2026."
paper_doi = "10.1038/nature22324"
species = "mouse"
modality = "Neuropixels"
task = "sleep"
areas = ["ALM"]
suited_to = ["decoding"]
caveats = ["There is no second sentence."]
data_author = "Me and {{The Others}}"
default_session = "101-A"

[[papers]]
author = "Me"
year = 2020
doi = "10.1038/nature22324"

[[papers]]
author = "You, Too"
year = 2021

[sessions.101-A]
path = "sub-1/sub-1_ses-101-A_ecephys.nwb"
size = 67108865
sha256 = "{SHA256}"
etag = "{MD5}-2"
asset_id = "{UUID}"
blob = "{UUID}"

[sessions]
102-B = {{ path = "sub-2/sub-2_ses-102-B_ecephys.nwb", size = 5 }}

[listing]
path = "sub-*/*_ecephys.nwb"
session = "_ses-([^_]+)_"
count = 30

[images_from]
url = "https://example.org/scene_{{n}}.tiff"
count = 118
trials = ["scenes"]

[repair]
url = "s3://bucket/{{id}}.nwb"
session = "^(\\\\d+)-"
trials = {{ scenes = "stimulus/presentation/scenes" }}

[layout]
default_trials = "scenes"

[[layout.quality]]
column = "quality"
op = "=="
value = "good"

[layout.trials.scenes]
table = "intervals/scenes"
stimulus = "frame"
blank = -1
window = [0, 0.25]
"""

SPOILT = [  # what is replaced, by what; the key that is then wrong, and what is said of it; whether a schema sees it
    ('task = "sleep"', "", "task", "the key 'task' is missing. Add a line: task = ...", True),
    ('task = "sleep"', 'taks = "sleep"', "taks", "unknown key 'taks'; did you mean 'task'", True),
    (
        'name = "mine"',
        'name = "My_own"',
        "name",
        "name 'My_own' must be small letters, digits and single hyphens",
        True,
    ),
    ('archive = "dandi"', 'archive = "ftp"', "archive", "archive must be one of 'dandi', 'http', .*; got 'ftp'", True),
    (
        'dandiset = "000009"',
        'dandiset = "9"',
        "dandiset",
        r"archive 'dandi' needs dandiset \(six digits; got '9'\)",
        True,
    ),
    (
        '"0.220126.1903"\ndoi',
        '"1"\ndoi',
        "version",
        "version '1' must be that of a dandiset, like '0.220126.1903'",
        True,
    ),
    ('"0.220126.1903"\ndoi', '"a/b"\ndoi', "version", "version 'a/b' cannot be a folder's name everywhere", True),
    (
        "000009/0.220126.1903",
        "000008/1",
        "doi",
        "doi must be '10.48324/dandi.000009/0.220126.1903', as dandiset and",
        False,
    ),
    ('"10.1038/nature22324"\nsp', '"10.1/x"\nsp', "paper_doi", "paper_doi must be a DOI alone, .*; got '10.1/x'", True),
    (
        '"10.1038/nature22324"\nsp',
        '"10.1038/x"\nsp',
        "paper_doi",
        "paper_doi '10.1038/x' is that of none of the papers",
        False,
    ),
    ('"CC-BY-4.0"', '"CC-BY"', "license", "license 'CC-BY' is not a known SPDX name; did you mean 'CC-BY-4.0'", False),
    (
        '"CC-BY-4.0"',
        '"Ours"\nlicense_url = "ask us"',
        "license_url",
        "license_url must be an address .* got 'ask us'",
        True,
    ),
    ('species = "mouse"', 'species = " "', "species", "species is empty; write what a reader needs to choose", True),
    (
        "There is no second sentence.",
        "Beware.",
        r"caveats\[0\]",
        r"caveats\[0\] must be a sentence .*; got 'Beware.'",
        True,
    ),
    (
        '["decoding"]',
        '["rsa", "decode"]',
        r"suited_to\[1\]",
        "'decode', which is not a known use; did you mean 'decod",
        True,
    ),
    ("{The Others}", "{The Others", "data_author", "data_author must have a closing brace for each opening one", False),
    (
        '"101-A"\n',
        '"101"\n',
        "default_session",
        "'101' is not one of its sessions; did you mean '101-A'.* It has 101-A, 102-B",
        False,
    ),
    ("areas", "total_size = -1\nareas", "total_size", "total_size must be a number of bytes, .*; got -1", True),
    ("areas", 'redirects = ["*"]\nareas', r"redirects\[0\]", r"redirects\[0\] must be a host, .*; got '\*'", True),
    (
        "year = 2021",
        "year = 21",
        r"papers\[1\].year",
        r"papers\[1\].year must be the year of the paper, .*; got 21",
        True,
    ),
    ('"Me"', '""', r"papers\[0\].author", r"papers\[0\].author is empty; write it as BibTeX does", True),
    (
        'author = "Me"',
        'author = "Me}{"',
        r"papers\[0\].author",
        "a closing brace for each opening one, .*; got 'Me}{'",
        False,
    ),
    ('nature22324"\n\n', '"\n\n', r"papers\[0\].doi", r"papers\[0\].doi must be a DOI alone, .*; got '10.1038/'", True),
    (
        '"sub-2/sub',
        '"../sub',
        "sessions.102-B.path",
        r"'..' \(in '../sub-2_.*\) cannot be a file's name everywhere",
        False,
    ),
    ('"sub-2/sub', '"/sub', "sessions.102-B.path", r"'' \(in '/sub-2_.*\) cannot be a file's name everywhere", False),
    (
        '"sub-2/sub',
        '"C:/sub',
        "sessions.102-B.path",
        r"'C:' \(in 'C:/sub-2_.*\) cannot be a file's name everywhere",
        False,
    ),
    ('"sub-2/sub', '"a\\\\b', "sessions.102-B.path", "cannot be a file's name everywhere", False),
    ('"sub-2/sub', '"nul.d/sub', "sessions.102-B.path", "'nul.d' .* cannot be a file's name everywhere", False),
    (
        "size = 5",
        'member = "../x"',
        "sessions.102-B.member",
        r"sessions.102-B.member: '..' \(in '../x'\) cannot be a",
        False,
    ),
    (
        "sub-2/sub-2_ses-102-B_ecephys.nwb",
        "sub-1/sub-1_ses-101-A_ecephys.nwb",
        "sessions.102-B.path",
        "101-A already",
        False,
    ),
    ("102-B = {", '"a/b" = {', "sessions.a/b", "'a/b' cannot be a file's name everywhere; call the session by", False),
    ("size = 5", "size = -5", "sessions.102-B.size", "sessions.102-B.size must be a number of bytes, .*; got -5", True),
    ("size = 67108865\n", "", "sessions.101-A.size", "sessions.101-A pins sha256 without size; add size", False),
    (SHA256, "12", "sessions.101-A.sha256", "sessions.101-A.sha256 must be 64 hexadecimal digits; got '12'", True),
    (f"{MD5}-2", "2", "sessions.101-A.etag", "sessions.101-A.etag must be DANDI's: 32 hexadecimal digits", True),
    (
        f"{MD5}-2",
        f"{MD5}-1",
        "sessions.101-A.etag",
        "says 1 parts of 64 MiB, but 67108865 bytes are 2. One of the two",
        False,
    ),
    (f'blob = "{UUID}"', 'blob = "1"', "sessions.101-A.blob", "sessions.101-A.blob must be a UUID, .*; got '1'", True),
    (f'asset_id = "{UUID}"', 'asset_id = "1"', "sessions.101-A.asset_id", "asset_id must be a UUID, .*; got '1'", True),
    (
        "size = 5",
        'md5 = "12"',
        "sessions.102-B.md5",
        "sessions.102-B.md5 must be 32 hexadecimal digits; got '12'",
        True,
    ),
    (
        "size = 5",
        'url = "ftp://a.org/b"',
        "sessions.102-B.url",
        "url must be an address with http://, https:// or s3:",
        True,
    ),
    (
        "size = 5",
        'url = "http://me:pw@a.org/b"',
        "sessions.102-B.url",
        "without a password; got 'http://me:pw@a.org/b'",
        True,
    ),
    (
        "size = 5",
        'url = "s3://bucket/"',
        "sessions.102-B.url",
        "or s3://bucket/, without a password; got 's3://bucket/'",
        True,
    ),
    ("_ses-([^_]+)_", "_ses-[^_]+_", "listing.session", "must have one group in parentheses, .*; it has 0", False),
    (
        "_ses-([^_]+)_",
        "_ses-([^_]+_",
        "listing.session",
        "is no regular expression: missing \\), .*An example: '_ses-",
        False,
    ),
    (
        "_ses-([^_]+)_",
        "_ses-([^-]+)-",
        "listing.session",
        "finds '101' in 'sub-1/sub-1_ses-101-A_.*, not '101-A'",
        False,
    ),
    (
        "count = 30",
        "count = -1",
        "listing.count",
        "listing.count must be how many sessions there are, .*; got -1",
        True,
    ),
    (
        "scene_{n}",
        "scene_1",
        "images_from.url",
        "images_from.url must hold {n}, once, where the number of the picture",
        True,
    ),
    ("count = 118", "count = 0", "images_from.count", "needs a count from 1 and a first from 0; got 0 and 0", True),
    (
        'trials = ["scenes"]',
        'trials = ["scene"]',
        "images_from.trials",
        "'scene', which is not one of layout.trials; did",
        False,
    ),
    (
        "bucket/{id}",
        "bucket/{}",
        "repair.url",
        "repair.url must hold {id}, once, where the id of the session goes",
        True,
    ),
    ('"^(\\\\d+)-"', '"^x(y)"', "repair.session", r"'\^x\(y\)' finds nothing in the default session '101-A'", False),
    ("{ scenes =", "{ movies =", "repair.trials", "'movies', which is not one of layout.trials.", False),
    (
        'ault_trials = "scenes"',
        'ault_trials = "a"',
        "layout.default_trials",
        "layout.default_trials 'a' is not one of sc",
        False,
    ),
    ("[layout]", '[layout]\nunits = ""', "layout", "layout needs units or responses: where the activity lies", False),
    (
        "[[layout.quality]]",
        '[layout.area]\ncolumn = "x"\ntable = "t"\n[[layout.quality]]',
        "layout.area",
        "layout.area needs both table and value, .*; got table 't', key '' and value ''",
        False,
    ),
    (
        "[[layout.quality]]",
        '[layout.area]\ncolumn = "x"\nkey = "k"\n[[layout.quality]]',
        "layout.area",
        "where column is the area itself; got table '', key 'k' and value ''",
        False,
    ),
    (
        "[[layout.quality]]",
        '[layout.area]\ncolumn = "x"\ntable = "t"\nvalue = "v"\nfirst = 2\n[[layout.quality]]',
        "layout.area.first",
        "layout.area.first must be 0 or 1: what column calls the first row of table; got 2",
        True,
    ),
    (
        "[[layout.quality]]",
        '[layout.area]\ncolumn = "x"\nfirst = 1\n[[layout.quality]]',
        "layout.area.first",
        "got 1. With key, or without table, leave it out",
        False,
    ),
    ('"=="', '"="', r"layout.quality\[0\].op", r"layout.quality\[0\].op must be one of '==', '!=', .*; got '='", True),
    (
        "stimulus =",
        "stimulis =",
        "layout.trials.scenes.stimulis",
        "layout.trials.scenes: unknown key 'stimulis'; did",
        True,
    ),
    (
        '"intervals/scenes"',
        '"/"',
        "layout.trials.scenes.table",
        "layout.trials.scenes.table is empty; name the table",
        True,
    ),
    ("[0, 0.25]", "[0, 250]", None, "", False),
    (
        "[0, 0.25]",
        "[0, 2500]",
        "layout.trials.scenes.window",
        r"window is in seconds; \[0.0, 2500.0\] is longer than 600",
        False,
    ),
    ("[0, 0.25]", "[0, inf]", "layout.trials.scenes.window", "window must be two numbers, from and to; got", False),
]


def spoilt(old: str, new: str) -> str:
    """Return the whole entry with one thing replaced."""
    assert WHOLE.count(old) >= 1, old
    return WHOLE.replace(old, new, 1)


def write(folder: Path, text: str, name: str = "mine") -> Path:
    """Write an entry into a folder."""
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path
