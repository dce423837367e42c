"""A question asked of one recording or of many: every analysis gets its labelled array."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from neurodata4ml.errors import DesignError
from neurodata4ml.results import Results
from neurodata4ml.spec import Spec, read_spec
from neurodata4ml.studies.many import many_recordings
from neurodata4ml.studies.one import answered, places_of_networks
from neurodata4ml.studies.options import check_options
from neurodata4ml.studies.progress import Progress
from neurodata4ml.studies.recordings import recordings


def run_study(
    spec: Spec | str | Path,
    *,
    client: Any = None,
    workers: int = 1,
    unfinished: str | Path | None = None,
    progress: Progress | None = None,
) -> Results:
    """Ask one recording, or many, everything that they can answer.

    The numbers are the same for any ``client`` and any number of ``workers``, in any folder, and whether or not a run
    was interrupted: what a recording says is passed on as JSON, and its seed follows from the study's and its own name.

    Parameters
    ----------
    spec : Spec, str or Path
        A study, or what :func:`~neurodata4ml.spec.read_spec` reads: a dataset, an NWB file, a ``study.toml``.
    client : distributed.Client, optional
        Of a cluster that sees the same files; it is given one task for each recording. Workers of one thread are best:
        a process asks one recording at a time.
    workers : int
        Processes of this machine, for a study of many: each takes up to a share of its memory and one recording at a
        time. In a script, call it under ``if __name__ == "__main__":``, since each process reads the script anew.
    unfinished : path, optional
        A folder that keeps each recording that is done. Called again with the same folder, after however it ended,
        the study goes on from there; where the question, the files or the code changed, it is begun anew.
    progress : callable, optional
        Told a :class:`~neurodata4ml.studies.progress.Step` as it comes; ``progress=print`` prints lines.

    Returns
    -------
    Results
        One labelled dataset per section; a section that the recording cannot answer is one sentence in ``missing``. Of
        many, ``sessions`` holds the results of each, and a recording that failed is named in ``missing`` too.

    Raises
    ------
    DesignError
        ``workers`` is no positive number; a file is not there; the study has an option that no function takes.
    CatalogError
        There is no such dataset or session.
    NeuroDataError
        If the recording, or every one of many, cannot be opened, or no trial or unit is left; or another process works
        in ``unfinished``.
    """
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        message = f"workers={workers!r} must be a whole number of at least 1: how many recordings are asked at a time."
        raise DesignError(message)
    spec = spec if isinstance(spec, Spec) else read_spec(spec)
    check_options(spec)
    parts = recordings(spec)
    if "" in parts:
        return _one(parts[""], progress)
    return many_recordings(spec, parts, client=client, workers=workers, unfinished=unfinished, progress=progress)


def _one(spec: Spec, progress: Progress | None) -> Results:
    found = answered(spec, progress=progress)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.json"
        path.write_bytes(found.text)
        return replace(Results.load(path), places={"": found.place, **places_of_networks(spec)})
