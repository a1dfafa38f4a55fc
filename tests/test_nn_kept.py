"""What model and loss keep from call to call is noticed."""

import collections
import functools
import itertools
import random
import types

import numpy as np
import pytest

import nn
from autograd import Value
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
    before = Kept(model.named_modules())
    assert Kept(model.named_modules()).changed_since(before) == []
    CHANGES[name](model)
    assert Kept(model.named_modules()).changed_since(before) == [name]


def test_what_is_set_to_an_equal_number_has_not_changed():
    model = Keeping()
    before = Kept(model.named_modules())
    model.number = float("1.5")
    model.list[1] = "".join(["a"])
    model.inner([1.0, 2.0])
    assert Kept(model.named_modules()).changed_since(before) == []


CALLS = 0
SEEN = []
MEMORY = types.SimpleNamespace(calls=0, seen=[])
NUMBERS = np.zeros(1)
NEXT = itertools.count()


def counting_globally(outputs, target):
    global CALLS
    CALLS += 1


def by_a_helper(outputs, target):
    counting_globally(outputs, target)


def appending(outputs, target):
    return [SEEN.append(x) for x in (outputs, target)]


def in_an_object(outputs, target):
    MEMORY.calls += 1


def in_a_list_of_an_object(outputs, target):
    MEMORY.seen.append(target)


def in_an_array(outputs, target):
    NUMBERS[0] += 1


def by_an_iterator(outputs, target):
    return next(NEXT)


def in_an_attribute(outputs, target):
    in_an_attribute.calls = getattr(in_an_attribute, "calls", 0) + 1


def in_a_default(outputs, target, seen):
    seen.append(target)


SETTINGS = types.ModuleType("settings")
SETTINGS.calls = 0
QUEUE = collections.deque(maxlen=3)
NESTED = {"a": {"b": [0]}}


class Slotted:
    __slots__ = ("calls",)

    def __init__(self):
        self.calls = 0


SLOTTED = Slotted()


def in_a_module_of_python(outputs, target):
    SETTINGS.calls += 1


def in_a_queue(outputs, target):
    QUEUE.append(target)


def in_dicts(outputs, target):
    NESTED["a"]["b"][0] += 1


def in_slots(outputs, target):
    SLOTTED.calls += 1


def in_its_default(outputs, target, seen=[]):  # noqa: B006
    seen.append(target)


class Losses(nn.Module):
    def __init__(self):
        self.calls = 0

    def forward(self, outputs, target):
        self.calls += 1

    def method(self, outputs, target):
        self.calls += 1


class Counting:
    calls = 0

    def __call__(self, outputs, target):
        self.calls += 1

    def of_the_class(self, outputs, target):
        Counting.calls += 1


def closure():
    calls = 0

    def loss(outputs, target):
        nonlocal calls
        calls += 1

    return loss


@pytest.mark.parametrize(("loss", "what"), [
    (counting_globally, "CALLS in counting_globally"),
    (by_a_helper, "CALLS in counting_globally"),
    (appending, "SEEN in appending"),
    (in_an_object, "MEMORY in in_an_object"),
    (in_a_list_of_an_object, "MEMORY in in_a_list_of_an_object"),
    (in_an_array, "NUMBERS in in_an_array"),
    (by_an_iterator, "NEXT in by_an_iterator"),
    (in_an_attribute, "in_an_attribute in in_an_attribute"),
    (in_a_module_of_python, "SETTINGS.calls in in_a_module_of_python"),
    (in_a_queue, "QUEUE in in_a_queue"),
    (in_dicts, "NESTED in in_dicts"),
    (in_slots, "SLOTTED in in_slots"),
    (in_its_default, "default 0 in in_its_default"),
    (closure(), "calls in closure.<locals>.loss"),
    (functools.partial(by_a_helper), "CALLS in counting_globally"),
    (functools.partial(in_a_default, seen=[]), "what the loss holds"),
    (Losses(), "what the loss holds"),
    (Losses().method, "what the loss holds"),
    (Counting(), "what the loss holds"),
    (Counting().of_the_class, "Counting in Counting.of_the_class"),
])  # fmt: skip
def test_what_a_loss_keeps(loss, what):
    model = nn.Linear(1, 1, seed=0)
    before = Kept(model.named_modules(), loss)
    loss([1.0], 2.0)
    assert what in Kept(model.named_modules(), loss).changed_since(before)


def test_what_the_function_of_a_module_keeps():
    class Recording(nn.Linear):
        def forward(self, xs):
            SEEN.append(xs)
            return super().forward(xs)

    model = nn.Sequential(Recording(1, 1, seed=0))
    before = Kept(model.named_modules())
    model([1.0])
    assert Kept(model.named_modules()).changed_since(before) == [f"SEEN in {Recording.forward.__qualname__}"]


class Layered(nn.Module):
    calls = 0

    def __init__(self):
        self.w = nn.Parameter(1.0)

    def forward(self, xs):
        return self.helper(xs) + self.shift

    def helper(self, xs):
        SEEN.append(xs)
        return self.w * self.seen(xs)

    @property
    def shift(self):
        return NUMBERS

    @staticmethod
    def seen(xs):
        Layered.calls += 1
        return xs[0]


def test_methods_and_attributes_of_the_class_count():
    model = nn.Sequential(Layered())
    before = Kept(model.named_modules())
    model([1.0])
    NUMBERS[0] += 1
    changed = Kept(model.named_modules()).changed_since(before)
    assert changed == ["Layered.calls", "Layered in Layered.seen", "SEEN in Layered.helper", "NUMBERS in Layered.shift"]


def test_methods_of_a_loss_count():
    class Loss:
        def __call__(self, outputs, target):
            return self.helper(target)

        method = __call__

        def helper(self, target):
            SEEN.append(target)

    for loss in (Loss(), Loss().method):
        before = Kept([], loss)
        loss([1.0], 2.0)
        assert Kept([], loss).changed_since(before) == [f"SEEN in {Loss.helper.__qualname__}"]


@pytest.mark.parametrize("loss", [
    nn.mse, nn.cross_entropy, functools.partial(nn.mse, reduction="sum"), lambda o, t: MEMORY and nn.mse(o, t), min,
    lambda o, t: later(o, t),  # noqa: F821
])  # fmt: skip
def test_a_loss_that_keeps_nothing(loss):
    model = Keeping()
    assert Kept(model.named_modules(), loss).changed_since(Kept(model.named_modules(), loss)) == []


def test_a_variable_may_get_its_value_later():
    def loss(outputs, target):
        return scale

    model = nn.Linear(1, 1, seed=0)
    before = Kept(model.named_modules(), loss)
    scale = 1.0
    assert Kept(model.named_modules(), loss).changed_since(before) == [f"scale in {loss.__qualname__}"]


def test_the_library_s_classes_write_out_their_operations_when_these_are_first_used(monkeypatch):
    def loss(outputs, target):
        return -outputs[0] if isinstance(target, Value) else target

    before = Kept([], loss)
    monkeypatch.setattr(Value, "__neg__", lambda value: value * -1.0)
    assert Kept([], loss).changed_since(before) == []
