"""The checks of the data: rows as plain numbers, and where something is wrong."""

import math

import numpy as np
import pytest

from autograd import Value
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


@pytest.mark.parametrize(("targets", "array"), [
    ([1, 2.5], [1.0, 2.5]),
    ([True, False], [1.0, 0.0]),
    ([[1, 2], (3, np.float32(4))], [[1.0, 2.0], [3.0, 4.0]]),
    (np.array([[1, 2], [3, 4]], dtype=np.int8), [[1.0, 2.0], [3.0, 4.0]]),
    (np.array([1.5, 2.5], dtype=object), [1.5, 2.5]),
    ([1, "2"], None),
    (["1", "2"], None),
    ([1, None], None),
    ([[1], [1, 2]], None),
    ([1, [1]], None),
    ([Value(1.0), 2.0], None),
    (np.ma.array([1.0, 2.0], mask=False), [1.0, 2.0]),
])  # fmt: skip
def test_a_program_takes_numbers_of_one_form(targets, array):
    column = observations([1, 2], targets, "inputs", "targets")[1]
    assert (None if column.array is None else column.array.tolist()) == array
    assert column.array is None or column.array.dtype == np.float64


@pytest.mark.parametrize("numbers", [np.array([[1, 2], [3, 4]]), np.array([1, 2]), np.array([1.5, 2.5], dtype="f4")])
def test_entries_of_an_array_are_plain(numbers):
    inputs, targets = observations(numbers, numbers, "inputs", "targets")
    assert list(targets) == targets[:] == numbers.tolist()
    assert inputs[1] == (numbers[1].tolist() if numbers.ndim == 2 else [numbers[1].item()])
    first = targets[0] if numbers.ndim == 1 else targets[0][0]
    assert type(first) is type(numbers.ravel()[0].item())


@pytest.mark.parametrize(("targets", "message"), [
    ([1, 1j], "targets, row 1: expected a real number or a list, got 1j of type complex"),
    (np.array([1j, 2]), "targets, row 0: expected a real number"),
    ([[1.0, {2.0}], [1.0, 2.0]], "targets, row 0, column 1: expected a real number"),
    ({1.0, 2.0}, "targets must be numbers or lists of them, got {1.0, 2.0} of type set"),
    (np.ma.array([1.0, 2.0], mask=[False, True]), "targets is a masked array without numbers in places"),
])  # fmt: skip
def test_data_without_an_order_or_without_numbers(targets, message):
    with pytest.raises(TypeError, match=message):
        observations([1, 2], targets, "inputs", "targets")


def test_a_large_array_is_not_taken_apart():
    numbers = np.zeros((5, 7))
    assert np.shares_memory(observations(numbers, numbers[:, 0], "inputs", "targets")[0].array, numbers)


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


def test_a_digest_of_arrays_is_that_of_lists_and_tells_shapes_apart():
    numbers = np.arange(1.0, 7.0)
    column, row = observations(numbers, numbers[:, None], "", ""), observations(numbers.reshape(1, 6), [[1.0]], "", "")
    assert digest(column) == digest(observations(numbers.tolist(), [[y] for y in range(1, 7)], "", ""))
    assert digest((column[0], column[1])) != digest((row[0], column[1]))


def test_a_table_has_rows_though_it_iterates_over_the_names_of_its_columns():
    class Table(dict):
        def to_numpy(self):
            return np.column_stack(list(self.values()))

    rows, _ = observations(Table(width=[1.0, 2.0, 3.0], length=[4, 5, 6]), [0, 1, 0], "inputs", "targets")
    assert list(rows) == [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]


@pytest.mark.filterwarnings("error")
def test_numbers_whose_sum_overflows_are_finite():
    rows, _ = observations(np.full((4, 3), 1.5e308), [1, 2, 3, 4], "inputs", "targets")
    assert rows.array.shape == (4, 3)
    with pytest.raises(ValueError, match="inputs, row 1, column 0: expected a finite number, got inf"):
        observations([[1.0], [math.inf], [-math.inf]], [1, 2, 3], "inputs", "targets")
