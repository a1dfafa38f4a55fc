"""Many points, many faults and the known failures of other checks: what the benchmarks count, held at its target."""

from collections import Counter

import pytest

from benchmarks import gradcheck as benchmark
from benchmarks.gradcheck_failures import cases, verdict
from benchmarks.gradcheck_noise import FUNCTIONS, GRAINS, verdicts


def test_where_other_checks_are_known_to_fail_ours_is_right():
    pytest.importorskip("torch")
    assert {case.name: verdict(case.ours) for case in cases()} == {case.name: case.expected for case in cases()}


@pytest.mark.slow
@pytest.mark.parametrize("grain", GRAINS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_right_derivative_is_wrong_and_no_error_above_the_resolution_is_missed(name, grain):
    found = Counter(verdicts(name, grain, 150))
    assert found["wrong"] == 0
    assert found["missed"] <= (2 if grain == "random noise" else 0)  # no two calls see the same noise


@pytest.mark.slow
def test_each_of_two_hundred_faults_is_named(capsys):
    benchmark.wrong_components(200)
    assert "200 of 200 faults of 1 % in one component found and named" in capsys.readouterr().out
