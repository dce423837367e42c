"""Every option of the Python functions can be set in a study, and no mistake waits until something was computed."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import neurodata4ml
from conftest import ROOT
from neurodata4ml import REDUCERS
from neurodata4ml.analysis.encoding.encoders import ENCODERS
from neurodata4ml.errors import DesignError
from neurodata4ml.networks.preprocessing import Preprocessing
from neurodata4ml.spec import Spec, read_spec
from neurodata4ml.studies.options import HELD, can_be_held, check_options
from neurodata4ml.studies.parameters import FUNCTIONS, OF_THE_STUDY, choices, parameters
from neurodata4ml.studies.values import RANGES, WORDS
from neurodata4ml.study_keys import ANALYSES, LISTS, TABLES, TAKES

ONLY_FROM_PYTHON = {("decode", "folds")}
"""What no file can hold; all else must be reachable."""

EVERY = [
    (table, name)
    for table in TABLES
    for name, one in inspect.signature(getattr(neurodata4ml, table)).parameters.items()
    if one.kind is not inspect.Parameter.VAR_KEYWORD
]
EVERY_CHOICE = [(table, words) for table in TABLES for words in choices(table)]


SAMPLES: dict[tuple[str, str], Any] = {("decode", "scoring"): "accuracy", ("encode", "alphas"): [1.0]}


def study(folder: Path, text: str) -> Spec:
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    return read_spec(path)


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(DesignError) as caught:
        check_options(study(folder, f'dataset = "demo"\n{text}\n'))
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def sample(table: str, name: str) -> Any:
    """Return a value that a study may give to an option: its default, or one of the annotated type."""
    one = parameters(table)[name]
    if (table, name) in WORDS:
        return WORDS[table, name][0]
    if (table, name) in SAMPLES:
        return SAMPLES[table, name]
    if one.default is not None:
        return list(one.default) if isinstance(one.default, tuple) else one.default
    kind = str(HELD.get((table, name), one.kind))
    values: dict[str, Any] = {"Sequence": [], "tuple": [0.0, 1.0], "Preprocessing": {}}
    values |= {"bool": True, "int": 3, "float": 0.5, "str": "x"}
    return next(value for word, value in values.items() if word in kind)


def test_tables_are_functions_of_the_face() -> None:
    assert {name: getattr(neurodata4ml, name) for name in TABLES} == FUNCTIONS
    assert set(TABLES) - {"bin_spikes", "activations"} == set(ANALYSES) - {"rates"}


@pytest.mark.parametrize(("table", "name"), EVERY)
def test_every_option_of_a_function_can_be_set_or_is_told_where_it_is_decided(table: str, name: str) -> None:
    if name in OF_THE_STUDY:
        with pytest.raises(DesignError, match=rf"\[{table}\] cannot set {name}\. (It is|These are) "):
            check_options(Spec("demo", options={table: {name: 1}}))
    elif (table, name) in ONLY_FROM_PYTHON:
        with pytest.raises(DesignError, match=rf"only from Python, {table}\(\.\.\., {name}=\.\.\.\)"):
            check_options(Spec("demo", options={table: {name: 1}}))
    else:
        check_options(Spec("demo", options={table: {name: sample(table, name)}}))


@pytest.mark.parametrize(("table", "words"), EVERY_CHOICE)
def test_the_options_of_every_method_can_be_set_beside_it(table: str, words: str) -> None:
    chosen = choices(table)[words]
    own = {one.name: one.default for one in parameters(table, chosen).values() if one.of == words}
    given = {name: list(v) if isinstance(v, tuple) else v for name, v in own.items() if v is not None}
    check_options(Spec("demo", options={table: {**chosen, **given}}))
    if own:
        other = next(c for c in choices(table).values() if not set(own) <= set(parameters(table, c)))
        name = next(name for name in own if name not in parameters(table, other))
        with pytest.raises(DesignError, match=rf"\[{table}\] has no option '{name}'\. It belongs to "):
            check_options(Spec("demo", options={table: {**other, name: 1}}))


def test_methods_have_the_options_that_their_functions_take() -> None:
    """An answer that does not go through the code under test: what the functions themselves are called with."""
    for method, function in REDUCERS.items():
        own = {n for n, p in inspect.signature(function).parameters.items() if p.kind is p.KEYWORD_ONLY} - {"seed"}
        assert own == {one.name for one in parameters("latents", {"method": method}).values() if one.of}
    for name, encoder in ENCODERS.items():
        own = {one.name for one in parameters("encode", {"encoder": name}).values() if one.of}
        assert own == set(encoder.own)


@pytest.mark.parametrize(
    ("table", "option", "said"),
    [
        ("decode", 'decodr = "svm"', "[decode] has no option 'decodr'. Did you mean 'decoder'?"),
        ("decode", "qqq = 1", "[decode] has no option 'qqq'. Its options: target, decoder, over, "),
        ("decode", 'decoder = "ldaa"', "decoder = 'ldaa' is not known. Did you mean 'lda'? Known: lda, ridge, "),
        ("decode", 'over = "trial"', "over = 'trial' is not known. Known: time."),
        ("decode", 'n_folds = "5"', "[decode] n_folds = '5' must be a whole number."),
        ("decode", "n_folds = 1", "[decode] n_folds = 1 must be a whole number of at least 2."),
        ("decode", "n_shuffles = true", "n_shuffles = True must be a whole number."),
        ("decode", f"n_shuffles = {10**20}", "must be a whole number from 0 to 10,000,000"),
        ("decode", f"seed = {2**32}", "must be a whole number from 0 to 4,294,967,295."),
        ("decode", 'scoring = "acuracy"', "scoring = 'acuracy': decode knows the scores balanced_accuracy, auc, "),
        ("decode", 'scoring = "roc_auc"', "'roc_auc' needs probabilities, which not every decoder has. Use 'auc'."),
        ("latents", "n_components = -3", "n_components = -3 must be a whole number of at least 1."),
        ("latents", 'method = "ica"\ntol = -1', "tol = -1 must be a number of at least 0."),
        ("decode", f"n_folds = {10**400}", "n_folds = 1000"),
        ("latents", 'method = "ica"\ntol = nan', "tol = nan must be a number of at least 0."),
        (
            "latents",
            'n_components = "auto"\ncandidates = [2, 0]',
            "candidates = 0 must be a whole number of at least 1.",
        ),
        ("latents", 'n_components = "auto"\ncriterion = "bic"', "criterion = 'bic' is not known. Known: likelihood, "),
        ("latents", 'method = "dpca"\nregularizer = -1.0', "regularizer = -1.0 must be a number of at least 0."),
        (
            "dimensionality",
            'method = "parallel"\nquantile = 1',
            "quantile = 1 must be a number above 0 and below 1, e.g.",
        ),
        ("rdm", 'over = "trial"', "over = 'trial' is not known. Known: time."),
        ("encode", "alphas = [-1.0, 2.0]", "alphas = -1.0 must be a number above 0, e.g. [1.0, 100.0]."),
        ("encode", "alphas = [1.0, nan]", "alphas = nan must be a number above 0"),
        ("encode", "alphas = []", "alphas = [] names no penalty. Type alphas = [1.0, 100.0], or leave it out."),
        ("encode", "purge = -1", "purge = -1 must be a number of at least 0."),
        ("compare", "margin = nan", "margin = nan must be a number of at least 0 and below 1, e.g. 0.03."),
        ("compare", "n_splits = 0", "n_splits = 0 must be a whole number of at least 1."),
        ("activations", "project = -5", "project = -5 must be a number above 0."),
        ("decode", "confounds = [1]", "confounds = [1] must be text or a list of texts."),
        ("decode", 'nested = "yes"', "nested = 'yes' must be true or false or a table."),
        ("decode", "window = [0, 1]", "window is a key of the study itself: write it above the first table."),
        ("decode", 'out = "x"', "out is a key of the study itself: write it above the first table."),
        ("latents", 'method = "pcaa"', "[latents] method = 'pcaa' is not known. Did you mean 'pca'?"),
        ("latents", "timescale = 0.1", "[latents] has no option 'timescale'. It belongs to method = \"gpfa\"."),
        ("latents", 'criterion = "likelihood"', 'It belongs to n_components = "auto".'),
        ("dimensionality", 'method = "x"', "Known: participation, cvpca, parallel."),
        ("dimensionality", 'method = "cvpca"\nranks = [1]', "ranks = [1] must be a list of whole numbers."),
        ("reliability", 'method = "split"', "Did you mean 'split_half'?"),
        ("rdm", 'distance = "cosin"', "Did you mean 'cosine'?"),
        ("rdm", "precision = 3", "[rdm] precision = 3 must be text."),
        ("encode", 'encoder = "rigde"', "Did you mean 'ridge'?"),
        ("encode", 'scores = ["r", "rr"]', "[encode] scores = 'rr' is not known."),
        ("compare", 'metric = "ckaa"', "Did you mean 'cka'?"),
        ("compare", "confidence = 95", "[compare] confidence = 95 must be a number above 0 and below 1, e.g. 0.95."),
        ("activations", "preprocessing = {grey = true}", "preprocessing has no 'grey'. Did you mean 'gray'?"),
        ("activations", 'preprocessing = {gray = "yes"}', "preprocessing: gray = 'yes' must be true or false or "),
        ("activations", "preprocessing = {acuity = 0.5}", "without the degrees that they spanned for the animal"),
    ],
)
def test_a_mistake_in_a_table_is_told_with_its_line(tmp_path: Path, table: str, option: str, said: str) -> None:
    (fault,) = faults(tmp_path, f"\n[{table}]\n# here:\n{option}")
    assert fault.startswith(f"study.toml, line {5 + option.count(chr(10))}: ")
    assert said in fault


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("where = 'contrast >'", "line 2: where = 'contrast >' cannot be read"),
        ("where = 'open(1)'", "uses Call; only comparisons of trial columns are allowed."),
        ("where = 'a'", "line 2: where = 'a' gives values, not yes or no."),
        ("units = 'goood'", "line 2: units = 'goood' gives values, not yes or no."),
        ('where = "\\u0000"', "line 2: where = "),
        ("networks = ['digitz']", "line 2: There is no network 'digitz'. Did you mean 'digits'?"),
        ("networks = ['none.onnx']", "line 2: "),
        ("session = 'x1'", "line 2: demo has no session 'x1'."),
        ("sessions = [1, 'x1']", "line 2: demo has no session 'x1'."),
        ("window = [0, 1]\n[bin_spikes]\nwindow = [0, 2]", "line 4: window stands in [bin_spikes] and among the keys"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_opened(tmp_path: Path, text: str, said: str) -> None:
    (fault,) = faults(tmp_path, text)
    assert said in fault


def test_a_dataset_and_a_file_that_are_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(DesignError, match="line 1: no dataset is called 'alen-vc'; did you mean 'allen-vc'"):
        check_options(study(tmp_path, 'dataset = "alen-vc"\n'))
    with pytest.raises(DesignError, match=r"line 1: there is no file .*rat\.nwb"):
        check_options(study(tmp_path, 'file = "rat.nwb"\n'))


def test_filters_that_can_be_read_pass_whatever_the_columns_are_called() -> None:
    where = "contrast > 0 and type != 'probe' and side in ['left', 'right'] and -a * 2 < b"
    check_options(Spec("demo", where=where, units="snr > 2"))


def test_all_mistakes_of_a_study_are_told_together(tmp_path: Path) -> None:
    found = faults(tmp_path, "session = 'x'\n[decode]\nx = 1\ndecoder = 'y'\n[rdm]\nfolds = 3")
    assert [fault.split(":")[0] for fault in found] == [f"study.toml, line {n}" for n in (2, 4, 5, 7)]


def test_preprocessing_is_a_table_of_its_own(tmp_path: Path) -> None:
    text = 'dataset = "demo"\n[activations.preprocessing]\nimage_degrees = [40, 60]\nacuity = 0.5\ngray = true\n'
    spec = study(tmp_path, text)
    check_options(spec)
    assert set(spec.options["activations"]["preprocessing"]) < set(inspect.signature(Preprocessing).parameters)


def test_every_range_is_of_an_option_that_there_is() -> None:
    every = {
        name for table in TABLES for chosen in [{}, *choices(table).values()] for name in parameters(table, chosen)
    }
    assert set(RANGES) <= every


def test_types_that_no_file_holds_are_known() -> None:
    assert not can_be_held(inspect.Parameter)
    assert can_be_held(str | inspect.Parameter)


def test_the_page_on_studies_shows_one_that_passes_and_names_every_key_and_table(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "study.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    check_options(study(tmp_path, shown))
    named = set(re.findall(r"`\[?(\w+)\]?`", page))
    assert {*TAKES, *LISTS, "dataset", "file", *TABLES, *ANALYSES} - {"source", "origin"} <= named
