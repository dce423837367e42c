"""Which recordings a study is about: one, or many, each a study of its own with a key and a seed of its own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from neurodata4ml.errors import DesignError
from neurodata4ml.names import LONGEST_NAME, is_portable
from neurodata4ml.spec import Spec
from neurodata4ml.suggest import guess


def recordings(spec: Spec) -> dict[str, Spec]:
    """Return the study of every recording, by its key, in the order in which they are named.

    Parameters
    ----------
    spec : Spec
        With ``sessions`` (``("all",)``: every one that the dataset has) or ``files``; else it is a study of one.

    Returns
    -------
    dict of str to Spec
        The key is the session's id, or the file's name without its ending; each is a file's name on every system. A
        study of one recording has the key ``""`` and keeps its seed; of many, each has the seed that ``seed_of`` says,
        but networks have the study's, so that all recordings meet the same ones.

    Raises
    ------
    CatalogError
        No such dataset or session; close ids are suggested.
    NotCachedError, ArchiveError
        The archive would have to say which sessions there are.
    DesignError
        No such file.
    """
    named = _by_file(spec) if spec.files else _by_session(spec) if spec.sessions else [("", spec)]
    if len(named) == 1:
        return {"": named[0][1]}
    parts = dict(zip(_keys(name for name, _ in named), (part for _, part in named), strict=True))
    reading = {"seed": spec.seed, **spec.options.get("activations", {})}  # one untrained twin beside all of them
    options = {**spec.options, "activations": reading}
    return {key: replace(part, seed=seed_of(spec.seed, key), options=options) for key, part in parts.items()}


def seed_of(seed: int, key: str) -> int:
    """Return the seed of one recording of many: it follows from the study's seed and the recording's key alone.

    So it is the same whichever other recordings are studied, in whichever order. The words of the key's SHA-256 and the
    seed are mixed as in numpy's ``SeedSequence`` (O'Neill 2015, "Developing a seed_seq alternative").
    """
    digest = hashlib.sha256(key.encode()).digest()
    return int(np.random.SeedSequence([seed, int.from_bytes(digest, "big")]).generate_state(1)[0])


def _by_session(spec: Spec) -> list[tuple[str, Spec]]:
    from neurodata4ml.data.cache.known import known
    from neurodata4ml.data.entries.catalog import describe
    from neurodata4ml.data.orders.plans import plan

    entry, wanted = describe(spec.source), list(dict.fromkeys(map(str, spec.sessions or ())))
    if wanted == ["all"]:
        ids = [item.session for item in plan(entry).items]
    else:
        ids = [known(entry, session).session_id(session) for session in wanted]
    return [(one, replace(spec, session=one, sessions=None)) for one in ids]


def _by_file(spec: Spec) -> list[tuple[str, Spec]]:
    from neurodata4ml.data.nwb.locate import is_address

    files = list(dict.fromkeys(spec.files or ()))
    for file in files:
        if not is_address(file) and not Path(file).expanduser().exists():
            folder = Path(file).expanduser().parent
            near = guess(Path(file).name, sorted(one.name for one in folder.glob("*.nwb")))
            message = f"there is no file {file}.{near} Correct it among the files of the study."
            raise DesignError(message)
    return [(_stem(file), replace(spec, source=file, files=None)) for file in files]


def _stem(file: str) -> str:
    return Path(file.partition("?")[0].rstrip("/")).stem


def _keys(names: Iterable[str]) -> list[str]:
    """Return the names as keys: of those that are equal where case does not count, the later get a number."""
    keys: dict[str, str] = {}
    for name in map(_portable, names):
        n, key = 1, name
        while key.casefold() in keys:
            n += 1
            key = f"{name}-{n}"
        keys[key.casefold()] = key
    return list(keys.values())


def _portable(name: str) -> str:
    """Return what a file may be called everywhere: the name where it can be, else its letters and digits."""
    short = name[: LONGEST_NAME // 2]
    return short if is_portable(short) else f"recording-{re.sub('[^A-Za-z0-9]+', '-', short)}"
