"""From the name of an open neural dataset to a trustworthy, citable comparison of brain and network.

The face: every public name, imported when it is first used, so that ``import neurodata4ml`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "data.entries.bibtex": ("cite",),
    "data.entries.catalog": ("Entry", "describe", "list_datasets"),
    "data.archives.sources": ("SOURCES",),
    "data.cache.store": ("fetch",),
    "data.orders.orders": ("fetch_sessions",),
    "data.nwb.engine": ("open_nwb",),
    "data.nwb.cost": ("cost",),
    "data.session": ("open_session",),
    "data.images": ("stimulus_images",),
    "data.align.averages": ("align_series",),
    "data.align.bins": ("bin_spikes",),
    "data.truth": ("truth",),
    "data.made": ("open_simulation",),
    "simulation": ("Series", "Simulation"),
    "analysis.responses": ("average_by", "firing_rate"),
    "analysis.shaping": ("baseline", "smooth", "zscore"),
    "analysis.design.splits": ("splits",),
    "analysis.design.nulls": ("permutation_null",),
    "analysis.decoding.activity_weighted": ("activity_weighted",),
    "analysis.decoding.decode": ("decode",),
    "analysis.decoding.decoders": ("DECODERS",),
    "analysis.decoding.generalize": ("generalize",),
    "analysis.decoding.matching": ("decode_by",),
    "analysis.decoding.pseudo": ("pseudo_population",),
    "analysis.decoding.within_class": ("shuffle_within_class",),
    "analysis.dimensions.dimensionality": ("DIMENSIONALITIES", "dimensionality"),
    "analysis.latents.alignment": ("align_latents",),
    "analysis.latents.latents": ("REDUCERS", "latents"),
    "analysis.dissimilarity.distances": ("DISTANCES",),
    "analysis.dissimilarity.rdm": ("rdm",),
    "analysis.dissimilarity.searchlight": ("searchlight",),
    "analysis.dissimilarity.noise": ("noise_precision",),
    "analysis.comparison.compare": ("METRICS", "compare"),
    "analysis.comparison.compare_models": ("compare_models",),
    "analysis.similarity.shape_distances": ("shape_distances",),
    "analysis.reliability.reliability": ("noise_ceiling", "reliability"),
    "analysis.reliability.summary": ("noise_summary",),
    "analysis.reliability.variability": ("noise_correlations",),
    "networks.models": ("MODELS", "from_module", "from_onnx", "load_model", "untrained_twin"),
    "networks.activations": ("activations",),
    "networks.baselines": ("gabor", "pixels"),
    "networks.costs": ("activation_cost", "layer_table"),
    "networks.preprocessing": ("Preprocessing",),
    "networks.store": ("open_activations",),
    "networks.traces": ("with_operations",),
    "versus": ("brain_vs_network",),
    "analysis.comparison.hierarchy": ("hierarchy",),
    "analysis.comparison.pairwise": ("against", "pairwise"),
    "analysis.comparison.permutation_test": ("permutation_test",),
    "analysis.inference.bootstrap": ("bootstrap",),
    "analysis.inference.order_of_areas": ("along_areas",),
    "report.sections.sections": ("SECTIONS",),
    "report.folder": ("write_report",),
    "report.plots.plot": ("plot",),
    "analysis.spiketrains.coupling": ("best_explanation", "coupling"),
    "analysis.spiketrains.information": ("bits_per_spike", "cost_per_bit", "mutual_information"),
    "analysis.spiketrains.intervals": ("fano_factor", "interspike_intervals"),
    "analysis.spiketrains.latency": ("response_latency",),
    "analysis.spiketrains.spectra": ("power_spectrum",),
    "analysis.spiketrains.timescale": ("intrinsic_timescale",),
    "analysis.encoding.encode": ("encode",),
    "analysis.encoding.frames": ("in_time",),
    "analysis.encoding.identification": ("identify",),
    "analysis.encoding.encoders": ("ENCODERS",),
    "analysis.encoding.lagged": ("lagged", "purge_for"),
    "analysis.encoding.layers": ("choose_layer",),
    "analysis.comparison.explain": ("EXPLANATIONS", "explain"),
    "interop.epochs": ("from_mne", "to_mne"),
    "interop.extractions": ("from_torchlens",),
    "interop.rsa": ("from_rsatoolbox", "to_rsatoolbox"),
    "interop.spiketrains": ("from_pynapple", "to_pynapple"),
    "interop.tensors": ("from_torch", "to_torch"),
    "results": ("Results",),
    "studies.run": ("run_study",),
    "verification.difference": ("difference",),
    "verification.verdict": ("Verification",),
    "verification.verify": ("verify",),
    "errors": (
        "ArchiveError",
        "CatalogError",
        "ChecksumError",
        "DesignError",
        "DimensionError",
        "DiskError",
        "LayoutError",
        "NeuroDataError",
        "NotCachedError",
    ),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
