"""results.nc holds all arrays for whoever reads netCDF, and gives them back whole."""

import json
import time

import h5py
import numpy as np
import pytest
import xarray as xr

from neurodata4ml.record.digests import array_digest, content_digests
from neurodata4ml.record.netcdf import load_netcdf, save_netcdf
from neurodata4ml.results import Results
from record.odd_arrays import odd_results
from report.factory import make_results


@pytest.fixture(scope="module")
def usual():
    return make_results(n_stimuli=6, n_conditions=2, only=("psth", "rdms", "similarity"))


@pytest.fixture(scope="module")
def path(usual, tmp_path_factory):
    return save_netcdf(usual, tmp_path_factory.mktemp("nc") / "results.nc")


def test_every_array_comes_back(usual, path, tmp_path):
    odd = odd_results()
    for results, where in ((usual, path), (odd, save_netcdf(odd, tmp_path / "odd.nc"))):
        digests = {n: d for n, d in content_digests(results).items() if n.split("/")[-1] not in ("spec", "data")}
        assert {name: array_digest(array) for name, array in load_netcdf(where).items()} == digests
    assert load_netcdf(tmp_path / "odd.nc")["sessions/../x/odd"].identical(odd.sessions["../x"].arrays["odd"])


def test_no_array_at_all_is_a_file_too(tmp_path):
    assert load_netcdf(save_netcdf(Results({}, {}, {}), tmp_path / "results.nc")) == {}


def test_xarray_opens_it_as_it_is(usual, path):
    with xr.open_datatree(path, engine="h5netcdf") as tree:
        assert sorted(tree.children) == sorted(usual.arrays)
        rate = tree["psth/rate"]
        assert rate.attrs["units"] == "Hz"
        assert np.array_equal(rate.values, usual.arrays["psth"]["rate"].values)
        assert tree["similarity"]["kind"].dims == ("candidate",)
        assert tree["similarity"]["among_best"].dtype == bool
        assert tree["similarity"].sel(area="early", candidate="pixels")["similarity"].ndim == 0
        told = json.loads(tree.attrs["json"])
    assert (told["spec"]["seed"], told["data"]["n_trials"]) == (0, 1978)


def test_what_reads_hdf5_reads_it(usual, path):
    with h5py.File(path) as file:
        assert np.array_equal(file["rdms/rdm"][()], usual.arrays["rdms"]["rdm"].values)
        assert file["rdms/representation"].asstr()[0] == "early"
        assert file["rdms/rdm"].dims[1][0].name == "/rdms/stimulus"


def test_what_netcdf_cannot_hold_is_json_beside_it(tmp_path):
    with xr.open_datatree(save_netcdf(odd_results(), tmp_path / "odd.nc"), engine="h5netcdf") as tree:
        odd = tree["odd_sessions"]
        assert json.loads(odd.attrs["json"])["texts"] == ["a", "\ud800"]
        assert json.loads(odd.attrs["json"])["yes"] is True
        assert (odd["mixed"].attrs["kind"], odd["mixed"].values.tolist()) == ("object", ["true", "3"])
        assert odd["duration"].attrs["kind"] == "timedelta64[ms]"
        assert odd["floats"].dtype == float
        (name,) = [new for new, old in json.loads(odd.attrs["names"]).items() if old == "a/b c"]
        assert odd[name].values.tolist() == [1, 2]


def test_a_second_file_has_the_same_bytes_at_another_time(usual, path, tmp_path):
    time.sleep(1.1 - time.time() % 1)  # HDF5 keeps whole seconds, where it is asked to
    assert save_netcdf(usual, tmp_path / "again.nc").read_bytes() == path.read_bytes()


def test_an_earlier_file_that_somebody_has_open_is_not_what_is_loaded(usual, tmp_path):
    path = save_netcdf(usual, tmp_path / "results.nc")
    with xr.open_datatree(path, engine="h5netcdf"):
        save_netcdf(odd_results(), path)
        assert "odd_sessions" in load_netcdf(path)
