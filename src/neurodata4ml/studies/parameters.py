"""What a study may tell each function: its parameters with their defaults, types, and first words of explanation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from inspect import Parameter as Kind
from inspect import getdoc, signature
from typing import Any, get_type_hints

from neurodata4ml.analysis.comparison.compare import compare
from neurodata4ml.analysis.decoding.decode import decode
from neurodata4ml.analysis.dimensions.dimensionality import DIMENSIONALITIES, dimensionality
from neurodata4ml.analysis.dissimilarity.rdm import rdm
from neurodata4ml.analysis.encoding.encode import encode
from neurodata4ml.analysis.encoding.encoders import ENCODERS
from neurodata4ml.analysis.latents.choice import choose_components
from neurodata4ml.analysis.latents.latents import REDUCERS, latents
from neurodata4ml.analysis.reliability.reliability import reliability
from neurodata4ml.data.align.bins import bin_spikes
from neurodata4ml.networks.activations import activations

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "decode": decode,
    "latents": latents,
    "dimensionality": dimensionality,
    "reliability": reliability,
    "rdm": rdm,
    "encode": encode,
    "compare": compare,
    "bin_spikes": bin_spikes,
    "activations": activations,
}
"""The function whose keyword arguments a table of a study holds."""

OF_THE_STUDY = {
    "x": "It is the recording: dataset, file or files.",
    "session": "It is the recording: dataset, file or files.",
    "responses": "It is the recording: dataset, file or files.",
    "y": "These are the layers of networks = [...].",
    "features": "These are the layers of networks = [...].",
    "model": "These are networks = [...].",
    "images": "These are the images that the recording showed.",
}
"""Parameters that the study fills in itself, and which of its keys decide them."""

SENTENCE = r"(?<=[^.][.;])\s+(?=[A-Z\"`])"
"""Where one sentence of a docstring ends and the next begins."""

USED_BY_STUDIES: dict[tuple[str, str], Any] = {("rdm", "distance"): "crossnobis"}
"""Defaults of a study that are not those of the function."""


@dataclass(frozen=True)
class Parameter:
    """One keyword argument.

    Attributes
    ----------
    name : str
    default : object
        ``inspect.Parameter.empty`` where there is none.
    kind : type
        As annotated; ``Any`` where all is taken.
    about : str
        The first sentence that the docstring says of it.
    of : str
        The choice that it belongs to, ``method = "gpfa"``; "" where it always applies.
    """

    name: str
    default: Any
    kind: Any
    about: str
    of: str = ""


def parameters(table: str, options: Mapping[str, Any] | None = None) -> dict[str, Parameter]:
    """Return the parameters of a function by name, with those of the method or encoder that is chosen.

    Parameters
    ----------
    table : str
        A key of ``FUNCTIONS``.
    options : mapping, optional
        What the study says: its ``method``, ``n_components`` or ``encoder`` decide which further ones there are.
    """
    options = options or {}
    found = {one.name: one for one in _of(FUNCTIONS[table])}
    if table == "latents":
        found |= {one.name: one for one in _of_latents(found, options)}
    elif table == "dimensionality":
        method = str(options.get("method", found["method"].default))
        found |= {one.name: one for one in _own(DIMENSIONALITIES.get(method), f'method = "{method}"')}
    elif table == "encode":
        encoder = str(options.get("encoder", found["encoder"].default))
        found |= {one.name: one for one in _of_encoder(encoder)}
    return found


def choices(table: str) -> dict[str, dict[str, Any]]:
    """Return what may be chosen in a table and brings further parameters: by its words, the options that choose it."""
    key, registry = _CHOICES.get(table, ("", {}))
    found: dict[str, dict[str, Any]] = {f'{key} = "{name}"': {key: name} for name in registry}
    return found | ({'n_components = "auto"': {"n_components": "auto"}} if table == "latents" else {})


_CHOICES: dict[str, tuple[str, Mapping[str, Any]]] = {
    "latents": ("method", REDUCERS),
    "dimensionality": ("method", DIMENSIONALITIES),
    "encode": ("encoder", ENCODERS),
}
"""Tables with an option that brings others, and the registry of what it may be."""


def _of_latents(found: Mapping[str, Parameter], options: Mapping[str, Any]) -> Iterator[Parameter]:
    method = str(options.get("method", found["method"].default))
    yield from _own(REDUCERS.get(method), f'method = "{method}"')
    if options.get("n_components") == "auto":
        yield from _own(choose_components, 'n_components = "auto"')


def _own(function: Callable[..., Any] | None, of: str) -> Iterator[Parameter]:
    """Yield the keywords of a method, but for those that its door hands on."""
    for one in _of(function) if function else ():
        if one.name not in ("x", "n_components", "method", "seed"):
            yield Parameter(one.name, one.default, one.kind, one.about, of)


def _of_encoder(name: str) -> Iterator[Parameter]:
    if name not in ENCODERS:
        return
    doc = getdoc(ENCODERS[name].function) or ""
    for key, default in ENCODERS[name].own.items():
        kind = bool if isinstance(default, bool) else Any  # of the others, the encoder says what it takes
        yield Parameter(key, default, kind, _mentioned(key, doc), f'encoder = "{name}"')


def _of(function: Callable[..., Any]) -> Iterator[Parameter]:
    doc, hints = getdoc(function) or "", get_type_hints(function)
    told = _told(doc)
    for name, one in signature(function).parameters.items():
        if one.kind is not Kind.VAR_KEYWORD:
            yield Parameter(name, one.default, hints.get(name, Any), told.get(name) or _mentioned(name, doc))


def _told(doc: str) -> dict[str, str]:
    """Return the first sentence of each parameter in a numpydoc docstring."""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\w[\w ]*\n-+$|\Z)", doc, re.MULTILINE | re.DOTALL)
    entries = re.findall(r"^(\S[^\n]*)\n((?:[ \t]+[^\n]*\n?|\n)*)", section[1] if section else "", re.MULTILINE)
    return {
        name.strip(): _plain(re.split(SENTENCE, " ".join(text.split()), maxsplit=1)[0])
        for names, text in entries
        for name in names.partition(" : ")[0].split(",")
    }


def _mentioned(name: str, doc: str) -> str:
    """Return what a docstring's prose says of an option that it has no entry for: best what begins with its name."""
    said = [one for one in _sentences(doc) if f"``{name}``" in one and "-----" not in one]
    found = next((one for one in said if one.startswith(f"``{name}``")), said[0] if said else "")
    return _plain(found.removeprefix(f"``{name}``: "))


def _sentences(doc: str) -> Iterator[str]:
    """Yield the sentences of a text, and the parts that semicolons outside brackets make of them."""
    part = ""
    for one in re.split(rf"(?:{SENTENCE}|(?<=;)\s+|\n\s*\n|``own``: )", doc):
        part = f"{part} {' '.join(one.split())}".strip()
        if part.count("(") <= part.count(")"):
            yield part.removesuffix(";")
            part = ""


def _plain(text: str) -> str:
    """Return a sentence without its markup."""
    return re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"\1", text).replace("``", "")
