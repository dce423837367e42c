"""The plan of the house holds: floors, wings that never meet, small rooms, doors with a name plate."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from conftest import ROOT

PACKAGE = ROOT / "src" / "neurodata4ml"
FILES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
ROOF = {"areas", "candidates", "versus", "hierarchies", "beside"}
ROOF |= {"studies", "verification", "course"}
FLOORS = (
    {"errors", "suggest", "cores", "compiled", "sparse_projection"},
    {"names", "require", "optional", "citing", "simulation"},
    {"dims", "places"},
    {"toml_lines", "lock", "study_keys"},
    {"record", "study_file"},
    {"results", "spec", "where", "interop"},
    {"data", "analysis", "networks", "systems", "report"},
    ROOF,
    {"cli"},
)
WINGS = {"data", "analysis", "networks", "systems", "report"}
WITHIN_DATA = ("entries", "remote", "archives", "cache", "storage", "nwb", "align", "excerpts", "orders")
"""Rooms of the data wing: each stands on those before it."""
WITHIN_ANALYSIS = (
    {"responses", "inference", "shaping"},
    {"linear"},
    {"design"},
    {"decoding", "latents", "dimensions", "dissimilarity", "spiketrains"},
    {"similarity"},
    {"reliability"},
    {"comparison", "encoding"},
)
"""Files and rooms of the analysis wing: each stands on those before it."""
ONLY_ROOM = {
    "h5py": "data",
    "pynwb": "data",
    "dandi": "data",
    "torch": "networks",
    "torchvision": "networks",
    "onnx": "networks",
    "onnxruntime": "networks",
    "matplotlib": "report course",
    "jinja2": "report",
}


def room(module: str) -> str:
    """Return the top-level room of a module: ``neurodata4ml.data.nwb.engine`` stands in ``data``."""
    return module.split(".")[1]


def floor(module: str) -> int:
    """Return the floor of a module; a new room must be given one here and in ARCHITECTURE.md."""
    return next(level for level, rooms in enumerate(FLOORS) if room(module) in rooms)


@cache
def imports(path: Path, *, types_too: bool = False) -> tuple[str, ...]:
    """Return every module imported in a file, inside functions too; for type checkers only if asked."""
    return tuple(_imports(path, types_too=types_too))


def _imports(path: Path, *, types_too: bool) -> Iterator[str]:
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test) and not types_too:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write the whole name instead of a relative import"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in FILES else str(node.module)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield from (a.value for a in node.args if isinstance(a, ast.Constant))
        waiting.extend(ast.iter_child_nodes(node))


GRAPH = {module: {name for name in imports(path) if name in FILES and name != module} for module, path in FILES.items()}
ARROWS = [(above, below) for above, belows in GRAPH.items() for below in sorted(belows)]
ROOMS = [module for module in FILES if "." in module]


def test_no_circle_among_imports_even_inside_functions() -> None:
    try:
        list(TopologicalSorter(GRAPH).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_every_room_stands_on_a_floor() -> None:
    homeless = {room(module) for module in ROOMS} - set().union(*FLOORS)
    assert not homeless, f"give {homeless} a floor here and a line in ARCHITECTURE.md"


def test_every_arrow_points_down_or_stays_in_its_room() -> None:
    upward = [
        f"{above} -> {below}"
        for above, below in ARROWS
        if "." in above
        and "." in below
        and room(above) != room(below)
        and floor(below) >= floor(above)
        and not {room(above), room(below)} <= ROOF
    ]
    assert not upward


def test_wings_never_import_each_other_even_for_types() -> None:
    crossing = [
        f"{module} -> {name}"
        for module, path in FILES.items()
        if "." in module and room(module) in WINGS
        for name in imports(path, types_too=True)
        if name in FILES and "." in name and room(name) in WINGS - {room(module)}
    ]
    assert not crossing


def test_each_room_of_the_data_wing_stands_on_those_before_it() -> None:
    def level(module: str) -> int:
        part = module.split(".")[2]
        return WITHIN_DATA.index(part) if part in WITHIN_DATA else -1

    def is_within(module: str) -> bool:
        return module.count(".") > 2 and room(module) == "data" and level(module) >= 0

    inside = [arrow for arrow in ARROWS if all(map(is_within, arrow))]
    assert inside
    assert not [f"{above} -> {below}" for above, below in inside if level(below) > level(above)]


def test_each_room_of_the_analysis_wing_stands_on_those_before_it() -> None:
    def level(module: str) -> int:
        part = module.split(".")[2] if room(module) == "analysis" and module.count(".") > 1 else ""
        return next((k for k, parts in enumerate(WITHIN_ANALYSIS) if part in parts), -1)

    def part(module: str) -> str:
        return module.split(".")[2]

    inside = [arrow for arrow in ARROWS if all(level(module) >= 0 for module in arrow)]
    assert inside
    apart = [(above, below) for above, below in inside if part(above) != part(below)]
    assert not [f"{above} -> {below}" for above, below in apart if level(below) >= level(above)]


def test_nobody_inside_enters_by_the_face() -> None:
    """``from neurodata4ml import decode`` inside the package would hide an arrow."""
    for module, path in FILES.items():
        through = [
            alias.name
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom) and node.module == "neurodata4ml"
            for alias in node.names
            if alias.name != "__version__" and f"neurodata4ml.{alias.name}" not in FILES
        ]
        assert not through, module


@pytest.mark.parametrize(("library", "home"), ONLY_ROOM.items())
def test_a_library_is_known_to_its_room_only(library: str, home: str) -> None:
    users = {
        module
        for module, path in FILES.items()
        if any(name.split(".")[0] == library for name in imports(path, types_too=True))
    }
    assert all(room(module) in home.split() for module in users), users


@pytest.mark.parametrize("module", FILES)
def test_a_file_is_a_room_and_not_a_hall(module: str) -> None:
    assert len(FILES[module].read_text(encoding="utf-8").splitlines()) <= 300


@pytest.mark.parametrize("module", FILES)
def test_a_file_says_its_one_idea_and_its_public_functions_say_theirs(module: str) -> None:
    tree = ast.parse(FILES[module].read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "no first line"
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    public = [node for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")]
    public += [
        part
        for node in public
        if isinstance(node, ast.ClassDef)
        for part in node.body
        if isinstance(part, ast.FunctionDef) and not part.name.startswith("_")
    ]
    assert not [node.name for node in public if not ast.get_docstring(node)]


@pytest.mark.parametrize("module", FILES)
def test_a_function_is_a_recipe_with_few_arguments(module: str) -> None:
    for node in ast.walk(ast.parse(FILES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
            # a public door names its options, keyword-only; decode has as many as its question has parts, and no more
            options = 0 if node.name.startswith("_") else 7
            within = [a for a in arguments if a.arg not in ("self", "cls")]
            assert len(within) - min(options, len(node.args.kwonlyargs)) <= 8, node.name
            body = node.body[bool(ast.get_docstring(node)) :] or node.body
            assert body[-1].end_lineno - body[0].lineno < 50, f"{node.name} is over 50 lines"
