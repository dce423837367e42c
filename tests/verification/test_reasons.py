"""Why a number may have changed: what is otherwise, the likeliest first, and nothing that is equal."""

from neurodata4ml.verification.reasons import reasons_between

THEN = {"jinja2": "3.1", "scipy": "1.16.0", "numpy": "2.3.5", "BLAS": "openblas 0.3.30 Haswell", "click": "8.2"}


def test_what_is_otherwise_comes_in_the_order_of_what_it_can_do_to_numbers():
    now = {**THEN, "jinja2": "3.2", "scipy": "1.17.0", "numpy": "2.4.0", "BLAS": "openblas 0.3.30 SkylakeX"}
    found = reasons_between(THEN, now)
    assert [one.what for one in found] == ["numpy", "BLAS", "scipy", "jinja2"]
    assert [one.explains for one in found] == [True, True, True, False]
    assert not reasons_between(THEN, THEN)


def test_newer_and_older_are_told_by_numbers_and_not_by_letters():
    newer, older = (
        reasons_between({"numpy": a}, {"numpy": b})[0] for a, b in (("2.9.0", "2.10.0"), ("2.10.0", "2.9.0"))
    )
    assert newer.words(explaining=True) == "numpy: 2.9.0 in the report, 2.10.0 here (newer); may explain a deviation"
    assert older.words(explaining=False) == "numpy: 2.10.0 in the report, 2.9.0 here (older)"


def test_a_package_that_is_not_here_is_none():
    (gone,) = reasons_between({"torch": "2.4.0"}, {})
    assert gone.words(explaining=False) == "torch: 2.4.0 in the report, none here"


def test_of_a_processor_only_what_one_of_both_has_is_told():
    (other,) = reasons_between({"processor": "AVX AVX2 SSE"}, {"processor": "AVX AVX512F SSE"})
    assert (other.then, other.now) == ("AVX2", "AVX512F")
