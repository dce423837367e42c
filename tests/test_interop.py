"""Arrays go to rsatoolbox, MNE and torch and come back with the same values and labels; all say what they refuse."""

import builtins

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from neurodata4ml.analysis.dissimilarity.rdm import rdm
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.interop.epochs import from_mne, to_mne
from neurodata4ml.interop.extractions import from_torchlens
from neurodata4ml.interop.rsa import from_rsatoolbox, to_rsatoolbox
from neurodata4ml.interop.spiketrains import from_pynapple, to_pynapple
from neurodata4ml.interop.tensors import from_torch, to_torch


def counts(n_trials=12, n_times=5, n_units=4):
    """Counts as bin_spikes gives them: half of the bins' centres lie between the samples of a clock."""
    rng = np.random.default_rng(0)
    coords = {
        "trial": 10 + np.arange(n_trials),
        "stimulus": ("trial", np.tile(np.array(["cat", "dog", "owl"], dtype=object), n_trials // 3)),
        "block": ("trial", np.arange(n_trials) // 6),
        "start_time": ("trial", 3 + 0.25 * np.arange(n_trials)),
        "stop_time": ("trial", 3.25 + 0.25 * np.arange(n_trials)),
        "blank": ("trial", np.zeros(n_trials, dtype=bool)),
        "time": -0.0375 + 0.025 * np.arange(n_times),
        "unit": 5000 + np.arange(n_units)[::-1],
        "area": ("unit", np.array(["V1", "V1", "LM", "LM"], dtype=object)[:n_units]),
    }
    attrs = {"dataset": "demo", "bin_width": 0.025, "units": "1", "steps": '[{"step": "bin_spikes"}]'}
    values = rng.poisson(2.0, (n_trials, n_times, n_units)).astype(np.int8)
    return xr.DataArray(values, dims=("trial", "time", "unit"), coords=coords, attrs=attrs, name="spike_count")


MISSING = {
    "rsatoolbox": (lambda: to_rsatoolbox(counts()), lambda: from_rsatoolbox(None)),
    "mne": (lambda: to_mne(counts()), lambda: from_mne(None)),
    "torch": (lambda: to_torch(counts()), lambda: from_torch(None)),
    "pynapple": (lambda: to_pynapple(counts()), lambda: from_pynapple(None)),
    "torchlens": (lambda: from_torchlens("layers"),),
}


@pytest.mark.parametrize("library", MISSING)
def test_a_library_that_is_missing_is_named_with_the_line_to_type(library, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.split(".")[0] == library:
            message = f"No module named {library!r}"
            raise ImportError(message)
        return real(name, *args, **kwargs)

    monkeypatch.setattr("neurodata4ml.optional.import_module", lambda name: without(name))
    for call in MISSING[library]:
        with pytest.raises(
            DesignError,
            match=rf"needs {library}, which is not installed.*Type: pip install .*torch|"
            rf"needs {library}, which is not installed.*Type: pip install {library}",
        ):
            call()


# rsatoolbox


@pytest.fixture
def rsatoolbox():
    return pytest.importorskip("rsatoolbox", reason="rsatoolbox is not installed: pip install rsatoolbox")


def test_responses_over_time_come_back_from_rsatoolbox_as_they_were(rsatoolbox):
    x = counts()
    data = to_rsatoolbox(x.transpose("unit", "trial", "time"))
    assert isinstance(data, rsatoolbox.data.TemporalDataset)
    assert data.measurements.shape == (12, 4, 5)
    xr.testing.assert_identical(from_rsatoolbox(data), x)


def test_mean_responses_come_back_from_rsatoolbox_as_they_were(rsatoolbox):
    x = counts().mean("time").groupby("stimulus").mean()
    data = to_rsatoolbox(x)
    assert type(data) is rsatoolbox.data.Dataset
    xr.testing.assert_identical(from_rsatoolbox(data), x)


def test_what_rsatoolbox_selects_is_what_the_labels_select(rsatoolbox):
    x = counts().sum("time")
    subset = to_rsatoolbox(x).subset_obs("stimulus", "owl").subset_channel("area", "LM")
    xr.testing.assert_equal(from_rsatoolbox(subset), x.isel(trial=x.stimulus == "owl", unit=x.area == "LM"))


def test_rsatoolbox_computes_our_distances_from_our_responses(rsatoolbox):
    x = counts().sum("time").astype(float)
    means = x.groupby("stimulus").mean()
    theirs = rsatoolbox.rdm.calc_rdm(to_rsatoolbox(x), method="euclidean", descriptor="stimulus")
    xr.testing.assert_allclose(
        from_rsatoolbox(theirs).isel(rdm=0).reset_coords(drop=True), rdm(means, distance="euclidean").drop_attrs()
    )


def test_rdms_of_areas_and_times_come_back_as_they_were(rsatoolbox):
    means = counts().astype(float).groupby("stimulus").mean()
    parts = [rdm(means.isel(unit=units), distance="euclidean") for units in ([0, 1], [2, 3])]
    x = xr.concat(parts, pd.Index(np.array(["V1", "LM"], dtype=object), name="area"), combine_attrs="override")
    x = x.assign_coords(depth=("area", [1.0, 2.0]))
    found = to_rsatoolbox(x)
    assert (found.n_rdm, found.n_cond, found.dissimilarity_measure) == (10, 3, "euclidean")
    xr.testing.assert_identical(from_rsatoolbox(found), x.transpose("area", "time", "stimulus", "stimulus2"))


def test_a_selection_of_rdms_keeps_the_labels_of_each(rsatoolbox):
    x = rdm(counts().astype(float).groupby("stimulus").mean(), distance="euclidean")
    some = from_rsatoolbox(to_rsatoolbox(x).subset("time", [x.time.values[1], x.time.values[4]]))
    assert some.dims == ("rdm", "stimulus", "stimulus2")
    np.testing.assert_array_equal(some.time, x.time.values[[1, 4]])
    np.testing.assert_array_equal(some.values, x.isel(time=[1, 4]).values)


def test_rdms_put_in_another_order_are_not_given_back_as_if_they_were_not(rsatoolbox):
    x = xr.DataArray(
        np.stack([np.full((2, 2), k) * (1 - np.eye(2)) for k in range(4)]).reshape(2, 2, 2, 2),
        dims=("area", "time", "stimulus", "stimulus2"),
        coords={"area": ["a", "b"], "time": [0.0, 1.0], "stimulus": ["x", "y"], "stimulus2": ["x", "y"]},
    )
    shuffled = from_rsatoolbox(to_rsatoolbox(x)[[3, 1, 0, 2]])
    for k in range(4):
        one = shuffled.isel(rdm=k)
        assert float(one[0, 1]) == float(x.sel(area=one.area.item(), time=one.time.item())[0, 1])


def test_a_stimulus_without_distances_has_none_after_the_way_there_and_back(rsatoolbox):
    x = rdm(xr.DataArray(np.arange(12.0).reshape(4, 3) % 5, dims=("stimulus", "unit")))
    x[2, :] = x[:, 2] = np.nan
    np.testing.assert_array_equal(from_rsatoolbox(to_rsatoolbox(x)).values, x.values)


def test_what_is_no_rdm_or_no_dataset_is_refused(rsatoolbox):
    x = rdm(counts().sum("time").astype(float).groupby("stimulus").mean(), distance="euclidean")
    with pytest.raises(DimensionError, match="symmetric"):
        to_rsatoolbox(x * np.arange(3.0)[:, None])
    with pytest.raises(DimensionError, match="0 on the diagonal"):
        to_rsatoolbox(1 - x)
    with pytest.raises(DimensionError, match="same order on both sides"):
        to_rsatoolbox(x.assign_coords(stimulus2=["a", "b", "c"]))
    with pytest.raises(DimensionError, match='needs a "stimulus" dim'):
        to_rsatoolbox(x.rename(stimulus="image"))
    with pytest.raises(DimensionError, match="got also lag"):
        to_rsatoolbox(counts().expand_dims(lag=2))
    with pytest.raises(DimensionError, match="exactly one of the dims"):
        to_rsatoolbox(counts().rename(unit="channel"))
    with pytest.raises(DimensionError, match="takes an xarray DataArray"):
        to_rsatoolbox(counts().values)
    with pytest.raises(DimensionError, match=r"takes a Dataset.*got a list"):
        from_rsatoolbox([x])


# MNE


@pytest.fixture
def mne():
    return pytest.importorskip("mne", reason="MNE is not installed: pip install mne")


def test_counts_come_back_from_mne_as_they_were(mne):
    x = counts()
    epochs = to_mne(x.transpose("time", "unit", "trial"))
    assert isinstance(epochs, mne.EpochsArray)
    assert epochs.ch_names == ["5003", "5002", "5001", "5000"]
    assert set(epochs.get_channel_types()) == {"misc"}
    xr.testing.assert_identical(from_mne(epochs), x)


def test_mne_puts_a_bin_at_its_left_edge_and_not_half_a_bin_off(mne):
    x = counts()
    np.testing.assert_allclose(to_mne(x).times, x.time.values - 0.0125, atol=1e-12)
    on_grid = x.assign_coords(time=-0.05 + 0.025 * np.arange(5))
    np.testing.assert_allclose(to_mne(on_grid).times, on_grid.time.values, atol=1e-12)


def test_bins_off_the_grid_of_mne_warn_and_come_back_exactly(mne):
    x = counts().assign_coords(time=0.0013 + 0.025 * np.arange(5))
    with pytest.warns(UserWarning, match=r"not on MNE's grid of whole samples; its times are off by 0\.0112 s"):
        epochs = to_mne(x)
    np.testing.assert_array_equal(from_mne(epochs).time, x.time)


def test_mne_selects_by_the_labels_of_the_trials(mne):
    x = counts()
    epochs = to_mne(x)
    assert epochs.event_id == {"cat": 1, "dog": 2, "owl": 3}
    np.testing.assert_array_equal(epochs.events[:, 0], np.round(x.start_time.values * 40))
    np.testing.assert_allclose(epochs["dog"].average(picks="misc").data.T, x[x.stimulus == "dog"].mean("trial"))
    xr.testing.assert_identical(from_mne(epochs["block == 1"]), x[x.block == 1])


def test_epochs_made_by_mne_become_an_array(mne):
    info = mne.create_info(["Cz", "Pz"], 100.0, "eeg", verbose="error")
    values = np.random.default_rng(0).normal(size=(3, 2, 6))
    events = np.array([[100, 0, 7], [250, 0, 8], [300, 0, 7]])
    epochs = mne.EpochsArray(values, info, events, tmin=-0.02, event_id={"face": 7, "house": 8}, verbose="error")
    x = from_mne(epochs)
    assert x.dims == ("trial", "time", "unit")
    assert x.stimulus.values.tolist() == ["face", "house", "face"]
    np.testing.assert_array_equal(x.start_time, [1.0, 2.5, 3.0])
    np.testing.assert_allclose(x.time, -0.02 + 0.01 * np.arange(6))
    np.testing.assert_array_equal(x.sel(unit="Pz").values, values[:, 1])


def test_channels_picked_in_mne_are_the_units_that_come_back(mne):
    x = from_mne(to_mne(counts()).pick(["5001", "5000"]))
    np.testing.assert_array_equal(x.values, counts().sel(unit=[5001, 5000]).values)
    assert x.unit.values.tolist() == ["5001", "5000"]


def test_what_makes_no_epochs_is_refused(mne):
    x = counts()
    uneven = x.assign_coords(time=[0.0, 0.1, 0.2, 0.4, 0.5])
    for bad, kind, message in (
        (x.mean("time"), DimensionError, 'needs a "time" dim'),
        (x.expand_dims(lag=2), DimensionError, "got also lag"),
        (uneven, DimensionError, "evenly spaced"),
        (x.drop_vars("stimulus"), DimensionError, "stimulus"),
        (x.assign_coords(unit=[1, 1, 2, 3]), DimensionError, "1 are repeated"),
        (x.assign_coords(stimulus=("trial", [None, *x.stimulus.values[1:]])), DesignError, "lacks 1"),
    ):
        with pytest.raises(kind, match=message):
            to_mne(bad)
    with pytest.raises(DimensionError, match="not along 'trial'"):
        to_mne(x, by="area")
    with pytest.raises(DimensionError, match="takes epochs of MNE; got a DataArray"):
        from_mne(x)


# torch


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason='torch is not installed: pip install "neurodata4ml[torch]"')


def test_counts_come_back_from_torch_as_float32_with_every_label(torch):
    x = counts()
    dataset = to_torch(x, target="stimulus")
    assert isinstance(dataset, torch.utils.data.TensorDataset)
    assert [tensor.dtype for tensor in dataset.tensors] == [torch.float32, torch.int64]
    xr.testing.assert_identical(from_torch(dataset), x.astype(np.float32, keep_attrs=True))


def test_text_becomes_codes_whose_classes_are_kept(torch):
    x = counts()
    dataset = to_torch(x, target="stimulus")
    values, code = dataset[4]
    np.testing.assert_array_equal(values, x[4])
    assert dataset.classes[code] == x.stimulus.values[4] == "dog"
    batch = next(iter(torch.utils.data.DataLoader(dataset, batch_size=6)))
    assert [tuple(part.shape) for part in batch] == [(6, 5, 4), (6,)]


def test_a_continuous_target_keeps_its_values(torch):
    x = counts().assign_coords(speed=("trial", np.linspace(0, 1, 12)))
    dataset = to_torch(x, target="speed", dtype="float64")
    assert dataset.classes is None
    np.testing.assert_array_equal(dataset.tensors[1], x.speed)
    xr.testing.assert_identical(from_torch(dataset), x.astype(np.float64, keep_attrs=True))


def test_tensors_are_copies(torch):
    x = counts().astype(np.float32)
    before = x.copy(deep=True)
    to_torch(x).tensors[0].zero_()
    xr.testing.assert_identical(x, before)


def test_tensors_of_others_get_the_names_of_dims(torch):
    x = from_torch(torch.utils.data.TensorDataset(torch.arange(6.0).reshape(3, 2), torch.tensor([0, 1, 0])))
    assert x.dims == ("trial", "unit")
    assert x.target.values.tolist() == [0, 1, 0]
    assert from_torch(torch.zeros(2, 3, 4)).dims == ("trial", "time", "unit")
    assert from_torch(torch.zeros(2, 3, 4, 5)).dims == ("trial", "dim_1", "dim_2", "dim_3")


def test_what_makes_no_tensor_is_refused(torch):
    x = counts()
    absent = x.assign_coords(stimulus=("trial", [None, *x.stimulus.values[1:]]))
    large = x.astype(np.int64) + 2**24 + 1
    for call, kind, message in (
        (lambda: to_torch(x, target="area"), DimensionError, "target along the first dim"),
        (lambda: to_torch(x, target="colour"), DimensionError, "colour"),
        (lambda: to_torch(absent, target="stimulus"), DesignError, "1 of 12 items have no 'stimulus'"),
        (lambda: to_torch(large), DesignError, "cannot be held in float32"),
        (lambda: to_torch((x + 1) * 1e-200), DesignError, "cannot be held in float32"),
        (lambda: to_mne(x[:0]), DimensionError, "at least one trial, bin and unit"),
        (lambda: to_torch(x * np.nan, dtype="int64"), DesignError, "cannot be held in int64"),
        (lambda: to_torch(x, dtype="flaot32"), DesignError, "Did you mean 'float32'"),
        (lambda: to_torch(x.stimulus), DesignError, "needs numbers"),
        (lambda: to_torch(x[0, 0, 0]), DimensionError, "single number"),
        (lambda: from_torch(x), DimensionError, "takes a TensorDataset"),
    ):
        with pytest.raises(kind, match=message):
            call()
    dataset = to_torch(x)
    dataset.tensors = (dataset.tensors[0][:3],)
    with pytest.raises(DimensionError, match=r"shape \(3, 5, 4\), and the labels are of"):
        from_torch(dataset)
    assert torch.equal(to_torch(large, dtype="float64").tensors[0], torch.from_numpy(large.values.astype(float)))
