"""Every dataset's layout opens a file that has what files of that dandiset were seen to have, and nothing else.

``SEEN`` lists the objects of real files by their names, as they were read off them: the source of each stands beside
it. The values are made up, in few rows.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from layouts import enter

from conftest import ROOT
from neurodata4ml import describe, open_session

ROWS = 4
"""Rows of each table that is written."""

_TEXT = """
Clip_name ID_labels Mask block_type boundary_type category_name cell_type change_image_name cluster_uuid color
condition_hash expected_arm external_image_file filtering frameName gabor_stimulus_side group_name image_name
image_set initial_image_name label leftright location mask mouse_wheel_choice movie_name new_old_labels_recog old_new
phase probe_name quality recordings response result size short_movie_name spatial_frequency split
stimCategory stim_phase stimulus_name stimulus_type stimuli_type tags type unit_name units visited_arm"""
TEXT = frozenset(_TEXT.split())
"""Columns that hold text; others hold numbers."""


@dataclass(frozen=True)
class Seen:
    """What a file of a dandiset has, and which of the entry's trials it can be opened with.

    A table is its columns, without ``id``: ``*`` marks a ragged one, ``[]`` one of several numbers in each row, ``~``
    is a space in its name. A series is (time,), or (time, axis) with ``[]``; ``responses`` are series of the ROIs in a
    table.
    """

    entry: str
    source: str
    trials: str
    tables: dict[str, str]
    series: tuple[str, ...] = ()
    responses: dict[str, str] = field(default_factory=dict)


ELECTRODES = "general/extracellular_ephys/electrodes"
SITES = {ELECTRODES: "filtering group_name imp location x y z"}
PROBE = {ELECTRODES: f"{SITES[ELECTRODES]} local_index probe_horizontal_position probe_id probe_vertical_position"}
INVALID = {"intervals/invalid_times": "start_time stop_time tags*"}
INTERVAL = "start_time stop_time"
SORTED = "spike_times*"
SPONTANEOUS = f"{INTERVAL} stimulus_name tags* timeseries*"
SHOWN = f"{SPONTANEOUS} stimulus_block stimulus_index"
FRAME = f"{SHOWN} frame"
GRATING = f"{SHOWN} color contrast mask opacity orientation phase size spatial_frequency units"
DRIFTING = f"{GRATING} temporal_frequency"
MOVIE = f"{SHOWN} color contrast frame opacity orientation size units"
CHANGE = f"""{INTERVAL} aborted auto_rewarded catch change_frame change_image_name change_time correct_reject
false_alarm go hit initial_image_name is_change lick_times* miss response_latency response_time reward_time
reward_volume trial_length"""
IMAGES = f"""{SHOWN} active duration end_frame flashes_since_change image_index image_name image_set is_change
is_image_novel is_sham_change omitted start_frame trials_id"""
ALLEN_UNITS = {
    "units": f"""PT_ratio amplitude amplitude_cutoff cluster_id cumulative_drift d_prime firing_rate isi_violations
    isolation_distance l_ratio local_index max_drift nn_hit_rate nn_miss_rate peak_channel_id presence_ratio quality
    recovery_slope repolarization_slope silhouette_score snr spike_amplitudes* {SORTED} spread velocity_above
    velocity_below waveform_duration waveform_halfwidth waveform_mean*"""
}
NLB_UNITS = {"units": f"electrodes* heldout obs_intervals* {SORTED}"}
NLB_TEST = {"intervals/trials": f"{INTERVAL} move_onset_time split", **SITES, **NLB_UNITS}
MAZE = f"""{INTERVAL} active_target barrier_pos* delay go_cue_time maze_id move_onset_time num_barriers num_targets rt
split success target_on_time target_pos* trial_type trial_version"""
BEHAVIOR = "processing/behavior"
REACH = tuple(f"{BEHAVIOR}/{name}[]" for name in ("cursor_pos", "eye_pos", "hand_pos", "hand_vel"))
CURSOR = tuple(
    f"{BEHAVIOR}/{name}[]" for name in ("Position/cursor_pos", "Velocity/cursor_vel", "Acceleration/cursor_acc")
)
RUNNING = ("processing/running/running_speed",)
TRACK, LONG_TRACK, CIRCLE = (f"{BEHAVIOR}/{maze}" for maze in ("1.6mLinearMaze", "2mLinearMaze", "CircularMaze"))


def presented(**tables: str) -> dict[str, str]:
    """Return tables of presentations by their paths."""
    return {f"intervals/{name}_presentations": columns for name, columns in tables.items()}


SEEN = [
    Seen(
        "allen-vc",
        "000021, session 715093703",
        "natural_scenes static_gratings drifting_gratings gabors flashes natural_movie_one natural_movie_three "
        "spontaneous",
        {
            **presented(
                drifting_gratings=DRIFTING,
                flashes=GRATING,
                gabors=f"{DRIFTING} x_position y_position",
                natural_movie_one=MOVIE,
                natural_movie_three=MOVIE,
                natural_scenes=FRAME,
                spontaneous=SPONTANEOUS,
                static_gratings=GRATING,
            ),
            **(PROBE | INVALID | ALLEN_UNITS),
        },
        RUNNING,
    ),
    Seen(
        "allen-vc-fc",
        "000022, session 766640955",
        "drifting_gratings_75_repeats drifting_gratings_contrast dot_motion gabors flashes "
        "natural_movie_one_more_repeats natural_movie_one_shuffled spontaneous",
        {
            **presented(
                dot_motion=f"{SHOWN} Dir Speed coherence color contrast dotLife dotSize fieldSize nDots opacity units",
                drifting_gratings_75_repeats=DRIFTING,
                drifting_gratings_contrast=DRIFTING,
                flashes=GRATING,
                gabors=f"{DRIFTING} x_position y_position",
                natural_movie_one_more_repeats=MOVIE,
                natural_movie_one_shuffled=MOVIE,
                spontaneous=SPONTANEOUS,
            ),
            **(PROBE | ALLEN_UNITS),
        },
        RUNNING,
    ),
    Seen(
        "allen-vc-2p",
        "000728, StimB: allen-vc.md, section C",
        "natural_scenes static_gratings",
        {
            "stimulus/presentation/static_gratings": f"{INTERVAL} orientation_in_degrees phase is_blank_sweep",
            "processing/ophys/ImageSegmentation/PlaneSegmentation": "global_roi_id",
        },
        ("stimulus/presentation/natural_scenes_stimulus", f"{BEHAVIOR}/BehavioralTimeSeries/running_speed"),
        {
            f"processing/ophys/DfOverF/{name}": "processing/ophys/ImageSegmentation/PlaneSegmentation"
            for name in ("DfOverF", "DfOverFEvents")
        },
    ),
    Seen(
        "allen-vc-2p",
        "000728, StimA: allen-vc.md, section C",
        "drifting_gratings",
        {
            "stimulus/presentation/drifting_gratings": f"""{INTERVAL} orientation_in_degrees temporal_frequency_in_hz
            spatial_frequency_in_cycles_per_degree is_blank_sweep""",
            "processing/ophys/ImageSegmentation/PlaneSegmentation": "global_roi_id",
        },
        (f"{BEHAVIOR}/BehavioralTimeSeries/running_speed",),
        {
            f"processing/ophys/DfOverF/{name}": "processing/ophys/ImageSegmentation/PlaneSegmentation"
            for name in ("DfOverF", "DfOverFEvents")
        },
    ),
    Seen(
        "allen-vb-2p",
        "000711, training sessions 742008131 and 746928360; imaging: AllenSDK 2.16.2, which wrote the files",
        "changes images",
        {
            **presented(Natural_Images_Lum_Matched_set_training_2017=f"{IMAGES} stimulus_block_name"),
            "intervals/trials": CHANGE,
            "processing/ophys/image_segmentation/cell_specimen_table": "cell_specimen_id",
        },
        ("processing/running/speed", "processing/running/speed_unfiltered"),
        {
            f"processing/ophys/{name}": "processing/ophys/image_segmentation/cell_specimen_table"
            for name in ("dff/traces", "event_detection")
        },
    ),
    Seen(
        "allen-vb-ephys",
        "000713, training sessions 1010991549 and 1014456264; units: AllenSDK 2.16.2, which wrote the files",
        "changes images_g",
        {
            **presented(Natural_Images_Lum_Matched_set_ophys_G_2019=IMAGES),
            "intervals/trials": CHANGE,
            **(PROBE | ALLEN_UNITS),
        },
        ("processing/running/speed", "processing/running/speed_unfiltered"),
    ),
    Seen(
        "openscope-illusion",
        "000248, session 1184980079",
        "ICwcfg1 ICwcfg0 ICkcfg0 ICkcfg1 RFCI sizeCI spontaneous",
        {
            **presented(ICkcfg0=FRAME, ICkcfg1=FRAME, ICwcfg0=FRAME, ICwcfg1=FRAME, spontaneous=SPONTANEOUS),
            **presented(RFCI=f"{DRIFTING} x_position y_position".replace("mask", "Mask")),
            **presented(sizeCI=DRIFTING.replace("mask", "Mask")),
            **(PROBE | INVALID | ALLEN_UNITS),
        },
        RUNNING,
    ),
    Seen(
        "openscope-oddball",
        "000253, session 1186358749",
        "gratings receptive_fields intermission spontaneous",
        {
            **presented(
                create_receptive_field_mapping=f"{DRIFTING} x_position y_position",
                init_grating=DRIFTING,
                init_intermission=DRIFTING,
                spontaneous=SPONTANEOUS,
            ),
            **(PROBE | INVALID | ALLEN_UNITS),
        },
        RUNNING,
    ),
    Seen(
        "steinmetz2019",
        "000017, Cori_2016-12-14",
        "right_contrast left_contrast choice feedback",
        {
            "intervals/trials": f"""{INTERVAL} feedback_time feedback_type go_cue included rep_num response_choice
            response_time visual_stimulus_left_contrast visual_stimulus_right_contrast visual_stimulus_time""",
            "units": f"""cluster_depths[] electrodes* peak_channel phy_annotations sampling_rate spike_amps*
            spike_depths* {SORTED} waveform_duration[]""",
            **SITES,
        },
        (
            "acquisition/lickPiezo",
            "acquisition/wheel_position",
            f"{BEHAVIOR}/BehavioralTimeSeries/face_motion_energy",
            f"{BEHAVIOR}/PupilTracking/eye_area",
            f"{BEHAVIOR}/PupilTracking/eye_xy_positions[]",
        ),
    ),
    Seen(
        "ibl-bwm",
        "000409, columns as in catalog.md, entry 9",
        "stimulus choice feedback prior",
        {
            "intervals/trials": f"""{INTERVAL} quiescence_period gabor_stimulus_onset_time auditory_cue_time
            wheel_movement_onset_time choice_registration_time feedback_time gabor_stimulus_offset_time
            gabor_stimulus_contrast gabor_stimulus_side mouse_wheel_choice is_mouse_rewarded reward_volume_uL
            probability_left block_type block_index""",
            "units": f"""unit_name cluster_id cluster_uuid location ibl_quality_score distance_from_probe_tip_um
            firing_rate max_electrode {SORTED} spike_amplitudes_uV* spike_distances_from_probe_tip_um* probe_name""",
        },
    ),
    *(
        Seen(
            name,
            f"{source}; training columns: catalog.md, entry 10",
            "reaches segments",
            {"intervals/trials": MAZE, **SITES, **NLB_UNITS},
            REACH,
        )
        for name, source in (
            ("nlb-mc-maze-small", "000140, type 2"),
            ("nlb-mc-maze-medium", "000139, as 000140"),
            ("nlb-mc-maze-large", "000138, as 000140"),
            ("nlb-mc-maze", "000128, type 2"),
        )
    ),
    *(
        Seen(name, source, "segments", NLB_TEST)
        for name, source in (
            ("nlb-mc-maze-small", "000140, type 1"),
            ("nlb-mc-maze-medium", "000139, as 000140"),
            ("nlb-mc-maze-large", "000138, as 000140"),
            ("nlb-mc-maze", "000128, type 1"),
            ("nlb-area2-bump", "000127, type 1"),
        )
    ),
    Seen(
        "nlb-area2-bump",
        "000127, type 2; trials: catalog.md, entry 12",
        "reaches bumps segments",
        {
            "intervals/trials": f"""{INTERVAL} bump_dir bump_time cond_dir ctr_hold ctr_hold_bump go_cue_time
            move_onset_time result split target_dir target_on_time""",
            **(SITES | NLB_UNITS),
        },
        tuple(
            f"{BEHAVIOR}/{name}[]"
            for name in ("force", "hand_pos", "hand_vel", "joint_ang", "joint_vel", "muscle_len", "muscle_vel")
        ),
    ),
    Seen(
        "nlb-mc-rtt",
        "000129, type 2",
        "segments",
        {"intervals/trials": f"{INTERVAL} split", **SITES, **NLB_UNITS},
        tuple(f"{BEHAVIOR}/{name}[]" for name in ("cursor_pos", "finger_pos", "finger_vel", "target_pos")),
    ),
    Seen(
        "nlb-dmfc-rsg",
        "000130, type 2; trials: catalog.md, entry 13",
        "go set segments",
        {
            "intervals/trials": f"""{INTERVAL} bad_time fix_on_time fix_time go_time is_eye is_outlier is_short iti
            ready_time set_time split theta tp ts""",
            "units": f"heldout obs_intervals* {SORTED}",
            **SITES,
        },
    ),
    Seen(
        "nlb-dmfc-rsg",
        "000130, type 1",
        "segments",
        {"intervals/trials": f"{INTERVAL} go_time split", "units": f"heldout obs_intervals* {SORTED}", **SITES},
    ),
    Seen(
        "perich-miller",
        "000688, sub-C_ses-CO-20160909",
        "reaches",
        {
            "intervals/trials": f"{INTERVAL} go_cue_time result target_corners[] target_dir target_id target_on_time",
            ELECTRODES: "bank filtering group_name label location pin",
            "units": f"electrodes* {SORTED}",
        },
        CURSOR,
    ),
    Seen(
        "perich-miller",
        "000688, random targets: catalog.md, entry 14",
        "random_targets",
        {
            "intervals/trials": f"{INTERVAL} go_cue_time_array[] num_attempted num_targets target_dir[] target_id[]",
            ELECTRODES: "bank filtering group_name label location pin",
            "units": f"electrodes* {SORTED}",
        },
        CURSOR,
    ),
    Seen(
        "peyrache-hd",
        "000056, Mouse12-120806",
        "states",
        {f"{BEHAVIOR}/states": f"{INTERVAL} label", **SITES, "units": SORTED},
        (f"{BEHAVIOR}/SubjectPosition/BlueLED[]", f"{BEHAVIOR}/SubjectPosition/RedLED[]"),
    ),
    *(
        Seen(
            "grosmark-place",
            source,
            "epochs states",
            {
                "intervals/epochs": f"{INTERVAL} label",
                f"{BEHAVIOR}/states": f"{INTERVAL} label",
                "units": f"cell_type location shank_id {SORTED}",
                **SITES,
            },
            (
                f"{maze}LinearizedPosition/{maze.rpartition('/')[2]}LinearizedTimeSeries",
                f"{maze}Position/{maze.rpartition('/')[2]}SpatialSeries[]",
            ),
        )
        for maze, source in (
            (TRACK, "000044, Achilles_10252013"),
            (LONG_TRACK, "000044, Cicero_09172014"),
            (CIRCLE, "000044, Achilles_11012013"),
        )
    ),
    Seen(
        "rutishauser-human",
        "000004, H10_7",
        "category old_new",
        {
            "intervals/trials": f"""{INTERVAL} category_name delay1_time delay2_time external_image_file
            new_old_labels_recog response_time response_value stimCategory stim_off_time stim_on_time stim_phase""",
            ELECTRODES: f"{SITES[ELECTRODES]} origChannel",
            "units": f"IsolationDist SNR electrodes* origClusterID {SORTED} waveform_mean_encoding[]",
        },
    ),
    Seen(
        "zheng-human",
        "000207, P60CS_CBID1",
        "encoding recognition time_discrimination",
        {
            "intervals/encoding_table": f"""{INTERVAL} Clip_name ExperimentID boundary1_time boundary2_time
            boundary3_time fixcross_time stimCategory""",
            "intervals/recognition_table": f"""{INTERVAL} ExperimentID RT accuracy boundary_type confidence
            fixcross_time frameName old_new resp_value response_time stimuli_type trial_num""",
            "intervals/timediscrimination_table": f"""{INTERVAL} ExperimentID RT accuracy boundary_type confidence
            fixcross_time frameName key leftright resp_value response_time trial_num""",
            ELECTRODES: f"{SITES[ELECTRODES]} origChannel",
            "units": f"electrodes {SORTED}",
        },
    ),
    Seen(
        "svoboda-alm",
        "000006, anm369962_2017-03-09_0",
        "trials",
        {
            "intervals/trials": f"""{INTERVAL} cue_start_time is_good pole_in_time pole_out_time response stim_present
            type""",
            "units": f"cell_type depth electrodes* quality {SORTED}",
            **SITES,
        },
        tuple(f"acquisition/lick_times/lick_{side}_times" for side in ("left", "right")),
    ),
    Seen(
        "guo-alm",
        "000009, 20170627T093549: catalog.md, entry 17b",
        "trials",
        {
            "intervals/trials": f"""{INTERVAL} cue_start_time cue_end_time is_good pole_in_time pole_out_time response
            stim_present type""",
            "units": f"cell_type electrodes* sampling_rate {SORTED} unit_x unit_y unit_z waveform_mean[]",
            **SITES,
        },
    ),
    Seen(
        "celegans-atanas",
        "000776, 2022-12-21-06; behaviour: the dump of its tree that structures.md shortens",
        "heat",
        {
            "intervals/heat_stimulus": f"{INTERVAL} stimulus",
            "processing/CalciumActivity/CalciumSeriesSegmentation/Aligned_neuron_coordinates": "ID_labels voxel_mask*",
        },
        tuple(
            f"processing/Behavior/{name}/{name}"
            for name in ("velocity", "head_curvature", "body_curvature", "pumping", "reversal_events")
        ),
        {
            "processing/CalciumActivity/SignalRawFluor/SignalCalciumImResponseSeries": (
                "processing/CalciumActivity/CalciumSeriesSegmentation/Aligned_neuron_coordinates"
            )
        },
    ),
    *(
        Seen(
            "line-attractor",
            f"001037, {mouse}; series: the dump of its tree that structures.md shortens",
            trials,
            {"analysis/rSLDS": "latent~factor~1 latent~factor~2"},
            (f"{BEHAVIOR}/BehavioralEpochs/{series}",),
            {"processing/ophys/NeuralTrace": ""},
        )
        for mouse, trials, series in (
            ("M1", "intruder_in_cage", "Ch1: Balc in cage"),
            ("M30L", "attack", "Ch1: attack"),
        )
    ),
    Seen(
        "hippocampus",
        "000552, e13_16f1_210302",
        "arms epochs sleep ripples",
        {
            "intervals/epochs": INTERVAL,
            "intervals/trials": f"""{INTERVAL} expected_arm is_familiar_maze recordings visited_arm
            visited_matched_expected""",
            f"{BEHAVIOR}/SleepStates": f"{INTERVAL} label",
            "processing/ecephys/Ripples": f"""{INTERVAL} peak_amplitudes peak_frequencies peak_normed_power peaks
            ripple_amplitudes* ripple_durations""",
            ELECTRODES: "channel_name group_name location rel_x rel_y",
            "units": f"clu_id group_id {SORTED} unit_name",
        },
        (f"{BEHAVIOR}/LinearizedPosition/LinearizedSpatialSeries", f"{BEHAVIOR}/SubjectPosition/SpatialSeries[]"),
    ),
    Seen(
        "microns",
        "000402, 4-scan-10",
        "clips monet2 trippy",
        {
            "intervals/Clip": f"{INTERVAL} condition_hash duration movie_name short_movie_name stimulus_type",
            "intervals/Monet2": f"{INTERVAL} condition_hash duration ori_coherence rng_seed stimulus_type",
            "intervals/Trippy": f"{INTERVAL} condition_hash duration rng_seed spatial_freq stimulus_type temp_freq",
            "processing/ophys/ImageSegmentation/PlaneSegmentation1": "image_mask[] mask_type",
        },
        (
            "acquisition/EyeTracking/eye_position[]",
            *(f"acquisition/PupilTracking/pupil_{which}_radius" for which in ("major", "minor")),
        ),
        {"processing/ophys/Fluorescence/RoiResponseSeries1": ("processing/ophys/ImageSegmentation/PlaneSegmentation1")},
    ),
]
IDS = [f"{seen.entry}-{seen.source.split(':')[0].replace(', ', '-').replace(' ', '-')}" for seen in SEEN]
DANDI = sorted(path.stem for path in (ROOT / "catalog").glob("*.toml") if describe(path.stem).archive == "dandi")

NO_SESSIONS = {
    "allen-vc-2p": ("sub-577808199/sub-577808199_ses-593887846-StimB_ophys.nwb",),
    "allen-vc-fc": ("sub-744912845/sub-744912845_ses-766640955_probe-773592315_ecephys.nwb",),
    "allen-vb-2p": ("sub-403491/sub-403491_ses-20181108T112206_image.nwb",),
    "allen-vb-ephys": (
        "sub-544456/sub-544456_ses-20201118T224526_image.nwb",
        "sub-544456/sub-544456_ses-None_probe-1_ecephys.nwb",
    ),
    "openscope-illusion": ("sub-619293/sub-619293_ses-1184980079_probe-0_ecephys.nwb",),
    "openscope-oddball": ("sub-637908/sub-637908_ses-1213341633_probe-0_ecephys.nwb",),
    "ibl-bwm": ("sub-NYU-37/sub-NYU-37_ses-21d21fc3-4201-4edc-802a-c67b61952548_desc-raw_ecephys.nwb",),
    "hippocampus": ("sub-e13-16f1/sub-e13-16f1_ses-e13-16f1-210302-raw_ecephys.nwb",),
}
"""Files of the same dandisets that are no sessions: raw movies and voltages, LFP of one probe, training."""


def write(seen: Seen, path: Path) -> Path:
    """Write a file with these objects and made-up values."""
    with h5py.File(path, "w") as file:
        file.attrs.update({"neurodata_type": "NWBFile", "namespace": "core", "nwb_version": "2.7.0"})
        file["identifier"] = seen.source
        for place in sorted(seen.tables, key=lambda place: place != ELECTRODES):
            write_table(file, place, seen.tables[place].split())
        for place in seen.series:
            write_series(file, place.removesuffix("[]"), (3,) if place.endswith("[]") else ())
        for place, table in seen.responses.items():
            series = write_series(file, place, (ROWS,))
            if table:
                series.attrs.update(typed("RoiResponseSeries", "core"))
                series["rois"] = np.arange(ROWS)
                series["rois"].attrs.update(typed("DynamicTableRegion") | {"table": file[table].ref, "description": ""})
    return path


def write_table(file: h5py.File, place: str, columns: list[str]) -> None:
    kind = "Units" if place == "units" else "TimeIntervals" if columns[0] == "start_time" else "DynamicTable"
    table, names = file.create_group(place), [column.rstrip("*[]").replace("~", " ") for column in columns]
    table.attrs.update(typed(kind, "hdmf-common" if kind == "DynamicTable" else "core"))
    table.attrs.update({"colnames": names, "description": "made up"})
    table["id"] = np.arange(ROWS) + 100
    table["id"].attrs.update(typed("ElementIdentifiers"))
    for name, column in zip(names, columns, strict=True):
        table[name] = made_up(name, file[place].ref, 2 if column.endswith("[]") else 1, ragged=column.endswith("*"))
        table[name].attrs.update(typed("VectorData") | {"description": "made up"})
        if name == "electrodes":
            table[name].attrs.update(typed("DynamicTableRegion") | {"table": file[ELECTRODES].ref})
        if column.endswith("*"):
            table[f"{name}_index"] = np.arange(2, 2 * ROWS + 1, 2, dtype=np.uint32)
            table[f"{name}_index"].attrs.update(typed("VectorIndex") | {"target": table[name].ref})


def write_series(file: h5py.File, place: str, axes: tuple[int, ...]) -> h5py.Group:
    series = file.create_group(place)
    whole = {"BehavioralEpochs": ("IntervalSeries", np.int8), "presentation": ("IndexSeries", np.uint32)}
    kind, dtype = next((its for part, its in whole.items() if f"/{part}/" in place), ("TimeSeries", np.float64))
    series.attrs.update(typed(kind, "core"))
    series["data"] = (
        np.stack([np.arange(ROWS + 1, dtype=dtype)] * axes[0], axis=1) if axes else np.arange(ROWS + 1, dtype=dtype)
    )
    series["data"].attrs.update({"unit": "n.a.", "conversion": 1.0})
    series["timestamps"] = 0.5 * np.arange(ROWS + 1)
    series["timestamps"].attrs.update({"unit": "seconds", "interval": 1})
    return series


def typed(name: str, namespace: str = "hdmf-common") -> dict[str, str]:
    return {"neurodata_type": name, "namespace": namespace}


def made_up(name: str, reference: h5py.Reference | None, n_dims: int, *, ragged: bool) -> Any:
    """Return values of a column: rows of two where it is ragged, of three numbers where it has two dimensions."""
    row = np.repeat(np.arange(ROWS), 2) if ragged else np.arange(ROWS)
    if name == "timeseries":
        parts = [("idx_start", "<i4"), ("count", "<i4"), ("timeseries", h5py.ref_dtype)]
        return np.array([(k, 1, reference) for k in row], dtype=parts)
    if name in TEXT:
        return np.array([f"{name} {k % 2}" for k in row], dtype=h5py.string_dtype())
    if name == "peak_channel":  # counts from 1, and is a list of one
        return row[:, np.newaxis] + 1
    if name in ("electrodes", "peak_channel_id"):
        return row + 100 * (name == "peak_channel_id")
    values = row + 0.5 * (np.arange(len(row)) % 2 if ragged else name != "start_time")
    return values if n_dims == 1 else np.stack([values] * 3, axis=1)


@pytest.fixture
def twin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Seen:
    """A file with what was seen, as the dataset ``twin`` with the layout of the entry."""
    seen = request.param
    text = (ROOT / "catalog" / f"{seen.entry}.toml").read_text(encoding="utf-8")
    enter(tmp_path, "twin", write(seen, tmp_path / "twin.nwb"), tomllib.loads(text)["layout"])
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path))
    return seen


@pytest.mark.parametrize("twin", SEEN, ids=IDS, indirect=True)
def test_a_layout_opens_what_was_seen(twin: Seen) -> None:
    layout = describe(twin.entry).layout
    for name in twin.trials.split():
        session, its = open_session("twin", trials=name, units="all"), layout.trials[name]
        assert session.sizes["unit"] == ROWS
        assert session.sizes["trial"] == ROWS + (its.stimulus == "data")
        assert its.align in session.coords
        assert session["stimulus"].values.tolist() == shown(its.stimulus) if its.stimulus else "stimulus" not in session
        if layout.area:
            assert set(session["area"].values) == {"location 0", "location 1"}
        assert ("good" in session.coords) == bool(layout.quality)
        assert ("spike_times" in session) == (layout.units == "units")
        there = {key for key, path in layout.series.items() if path in paths(twin.series)}
        assert there <= set(session.data_vars)
        assert len(layout.series) - len(there) == session.attrs.get("series_not_in_file", "").count(" (")
        assert all(session[key].dims == (f"{key}_time", "unit") for key in layout.responses)


@pytest.mark.parametrize("twin", [seen for seen in SEEN if seen.entry == "steinmetz2019"], indirect=True)
def test_the_area_of_a_unit_is_that_of_its_peak_channel_which_counts_from_1_over_all_probes(
    twin: Seen, tmp_path: Path
) -> None:
    """units.electrodes counts anew in each probe, so that it would lead every unit to the first one."""
    with h5py.File(tmp_path / "twin.nwb", "r+") as file:
        file["units/peak_channel"][...] = [[4], [2], [5], [0]]  # the last two are no channels
    session = open_session("twin", units="all")
    assert session["area"].values.tolist() == ["location 1", "location 1", "", ""]
    assert session.attrs["area_from"].endswith("electrodes.location by row, the first of which is 1")


@pytest.mark.parametrize("twin", [seen for seen in SEEN if seen.entry == "openscope-illusion"], indirect=True)
@pytest.mark.parametrize("trials", ["ICwcfg0", "ICwcfg1", "ICkcfg0", "ICkcfg1"])
def test_the_grey_screen_between_two_pictures_is_blank(twin: Seen, tmp_path: Path, trials: str) -> None:
    with h5py.File(tmp_path / "twin.nwb", "r+") as file:
        file[f"intervals/{trials}_presentations/frame"][...] = [3, 0, 7, 0]
    session = open_session("twin", trials=trials)
    assert session["blank"].values.tolist() == [False, True, False, True]


def shown(stimulus: str) -> list[Any]:
    """Return the stimuli of the trials, as they were written."""
    if stimulus == "data":
        return [*np.arange(ROWS + 1)]
    values = made_up(stimulus, None, 1, ragged=False)
    return [value.decode() if isinstance(value, bytes) else value for value in values.tolist()]


def paths(series: tuple[str, ...]) -> set[str]:
    return {place.removesuffix("[]") for place in series}


@pytest.mark.parametrize("name", DANDI)
def test_everything_that_a_layout_names_was_seen(name: str) -> None:
    layout, seen = describe(name).layout, [seen for seen in SEEN if seen.entry == name]
    assert {trials for its in seen for trials in its.trials.split()} == set(layout.trials)
    assert set(layout.series.values()) <= {path for its in seen for path in paths(its.series)}
    assert set(layout.responses.values()) <= {path for its in seen for path in its.responses}
    assert all(describe(name).dandiset == its.source[:6] for its in seen)


@pytest.mark.parametrize("name", DANDI)
def test_a_dataset_pins_all_its_sessions_or_says_how_the_others_are_found(name: str) -> None:
    entry = describe(name)
    listing = entry.listing
    if listing is None:
        assert all(asset.size and asset.sha256 for asset in entry.sessions.values())
        return
    for session, asset in entry.sessions.items():
        assert listing.fits(asset.path)
        assert re.findall(listing.session, asset.path) == [session]
    others = [path for path in NO_SESSIONS.get(name, ()) if listing.fits(path)]
    assert not [path for path in others if re.search(listing.session, path)]
