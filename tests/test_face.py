"""The face is honest: every public name is there, and looking at it loads nothing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import neurodata4ml

HEAVY = {"numpy", "pandas", "xarray", "scipy", "sklearn", "dask", "h5py", "pynwb", "dandi", "matplotlib"}


def packages_after(code: str) -> set[str]:
    """Return the top-level packages that a fresh interpreter has loaded after ``code``."""
    report = f"{code}\nimport json, sys; print(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("name", neurodata4ml.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(neurodata4ml, name) is not None


def test_names_come_once_and_in_order() -> None:
    assert neurodata4ml.__all__ == sorted(set(neurodata4ml.__all__))
    assert set(neurodata4ml.__all__) <= set(dir(neurodata4ml))


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'open_sesion'"):
        _ = neurodata4ml.open_sesion


def test_importing_loads_nothing_but_the_standard_library() -> None:
    loaded = packages_after("import neurodata4ml") - packages_after("pass")
    assert loaded <= {"neurodata4ml"} | sys.stdlib_module_names


def test_listing_the_catalog_loads_nothing_heavy() -> None:
    """``neurodata4ml list`` must answer before pandas would have been imported."""
    code = (
        "import sys; sys.argv = ['neurodata4ml', 'list']\n"
        "from neurodata4ml.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert not stop.code, stop.code"
    )
    assert not packages_after(code) & HEAVY


def test_each_error_is_ours_and_has_an_exit_code() -> None:
    names = [name for name in neurodata4ml.__all__ if name.endswith("Error")]
    codes = {name: getattr(neurodata4ml, name).exit_code for name in names}
    assert all(issubclass(getattr(neurodata4ml, name), neurodata4ml.NeuroDataError) for name in names)
    special = {"ArchiveError": 3, "ChecksumError": 4, "NotCachedError": 5, "DiskError": 6}
    assert codes == dict.fromkeys(names, 1) | special
