"""The checks of the data: rows as plain numbers, and where something is wrong."""

import math

import numpy as np
import pytest

from nn.data import digest, observations


@pytest.mark.parametrize(
    "inputs", [[1, 2], [[1], [2]], np.array([1, 2]), np.array([[1.0], [2.0]]), (x for x in (1, 2))]
)
def test_a_row_of_one_number_may_be_plain(inputs):
    rows, _ = observations(inputs, [0, 1], "inputs", "targets")
    assert list(rows) == [[1], [2]]


def test_targets_stay_what_they_are():
    _, targets = observations([1, 2, 3], [np.int64(2), [0, 1], "setosa"], "inputs", "targets")
    assert list(targets) == [2, [0, 1], "setosa"]
    assert type(targets[0]) is int


@pytest.mark.parametrize(("inputs", "targets", "message"), [
    ([[0, 1], [2, math.nan]], [0, 0], "inputs, row 1, column 1: expected a finite number, got nan"),
    ([[[0.0, -math.inf]]], [0], "inputs, row 0, column 0, column 1: expected a finite number, got -inf"),
    ([(0, 1), (2, math.nan)], [0, 0], "inputs, row 1, column 1: expected a finite number, got nan"),
    ([1, 2], [0, math.nan], "targets, row 1: expected a finite number, got nan"),
    ([1, 2], [0], "inputs has 2 rows and targets 1; each row needs one"),
    (np.zeros((0, 2)), [], "inputs is empty"),
])  # fmt: skip
def test_bad_data(inputs, targets, message):
    with pytest.raises(ValueError, match=message):
        observations(inputs, targets, "inputs", "targets")


def test_a_digest_tells_data_apart():
    data = observations([[1, 2], [3, 4]], [0, "setosa"], "inputs", "targets")
    same = observations(np.array([[1.0, 2.0], [3.0, 4.0]]), [0.0, "setosa"], "inputs", "targets")
    assert digest(data) == digest(same)
    others = [
        observations([[1, 2], [4, 3]], [0, "setosa"], "inputs", "targets"),
        observations([[1, 2], [3, 4]], [0, "virginica"], "inputs", "targets"),
        observations([[1, 2], [3, 4 + 1e-15]], [0, "setosa"], "inputs", "targets"),
    ]
    assert len({digest(other) for other in [data, *others]}) == 4
