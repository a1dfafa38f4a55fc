"""What a model keeps from call to call is noticed."""

import random

import numpy as np
import pytest

import nn
from nn.kept import Kept


class Keeping(nn.Module):
    def __init__(self):
        self.inner = nn.Linear(2, 1, seed=0)
        self.number, self.text, self.nothing = 1.5, "a", None
        self.list, self.dict, self.set, self.tuple = [1, "a"], {"a": 1}, {1}, (1, 2)
        self.array = np.zeros(2)
        self.twister = np.random.Generator(np.random.MT19937(0))
        self.generator, self.old, self.python = np.random.default_rng(0), np.random.RandomState(0), random.Random(0)


CHANGES = {
    "number": lambda m: setattr(m, "number", 2.5),
    "text": lambda m: setattr(m, "text", "b"),
    "nothing": lambda m: setattr(m, "nothing", 0),
    "new": lambda m: setattr(m, "new", None),
    "tuple": lambda m: delattr(m, "tuple"),
    "list": lambda m: m.list.append(2),
    "dict": lambda m: m.dict.update(a=2),
    "set": lambda m: m.set.add(2),
    "array": lambda m: setattr(m, "array", np.zeros(2)),
    "generator": lambda m: m.generator.random(),
    "twister": lambda m: m.twister.random(),
    "old": lambda m: m.old.rand(),
    "python": lambda m: m.python.random(),
    "inner.bias": lambda m: m.inner.bias.__setitem__(0, nn.Parameter(0.0)),
    "inner.note": lambda m: setattr(m.inner, "note", "a"),
    "the state of Python's module random": lambda m: random.random(),
    "the state of numpy.random": lambda m: np.random.rand(),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_named(name):
    model = Keeping()
    before = Kept(model)
    assert Kept(model).changed_since(before) == []
    CHANGES[name](model)
    assert Kept(model).changed_since(before) == [name]


def test_what_is_set_to_an_equal_number_has_not_changed():
    model = Keeping()
    before = Kept(model)
    model.number = float("1.5")
    model.list[1] = "".join(["a"])
    model.inner([1.0, 2.0])
    assert Kept(model).changed_since(before) == []
