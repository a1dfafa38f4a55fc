"""Conventions and numbers against PyTorch, where it is installed."""

import math

import pytest

import autograd
from autograd import Value, derivative
from tests.test_functions import BINARY, UNARY

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'chainrule[peers]'")

NAMES = {"elu": "nn.functional.elu", "silu": "nn.functional.silu", "gelu": "nn.functional.gelu"}
NAMES |= {"leaky_relu": "nn.functional.leaky_relu", "softplus": "nn.functional.softplus"}
POINTS = (-30.0, -2.5, -0.75, -1e-3, 1e-3, 0.3, 0.9, 2.5, 30.0)


def peer(name):
    found = torch
    for part in NAMES.get(name, name).split("."):
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_operand(name):
    for at in POINTS:
        x, t = Value(at), torch.tensor(at, dtype=torch.float64, requires_grad=True)
        y, u = getattr(x, name)(), peer(name)(t)
        y.backward()
        u.backward()
        assert y.data == pytest.approx(u.item(), rel=1e-9, abs=1e-12, nan_ok=True)
        if not math.isnan(y.data):
            assert x.grad == pytest.approx(t.grad.item(), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_operands(name):
    for at in ((-1.5, 0.7), (2.0, 2.0), (0.3, -4.0), (3.0, 4.0)):
        xs = [Value(x) for x in at]
        ts = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in at]
        getattr(autograd, name)(*xs).backward()
        peer(name)(*ts).backward()
        assert [x.grad for x in xs] == pytest.approx([t.grad.item() for t in ts], rel=1e-12)


@pytest.mark.parametrize("name", ["relu", "abs", "sign", "leaky_relu", "elu"])
def test_derivatives_at_the_kink(name):
    x, t = Value(0.0), torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    getattr(x, name)().backward()
    peer(name)(t).backward()
    assert x.grad == t.grad.item()


@pytest.mark.parametrize("at", [-1.0, 1.0, 0.5, -2.0, 2.0])
def test_clip_at_its_bounds(at):
    x, t = Value(at), torch.tensor(at, dtype=torch.float64, requires_grad=True)
    autograd.clip(x, -1, 1).backward()
    torch.clamp(t, -1, 1).backward()
    assert x.grad == t.grad.item()


@pytest.mark.parametrize("exponent", [-2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("base", [-2.0, 0.0, 3.0])
def test_powers(base, exponent):
    x, t = Value(base), torch.tensor(base, dtype=torch.float64, requires_grad=True)
    (x**exponent).backward()
    (t**exponent).backward()
    assert x.grad == pytest.approx(t.grad.item(), nan_ok=True)


def test_ties_of_many():
    xs, t = [Value(x) for x in (3.0, 1.0, 3.0)], torch.tensor([3.0, 1.0, 3.0], requires_grad=True)
    autograd.max(xs).backward()
    torch.amax(t, 0).backward()
    assert [x.grad for x in xs] == t.grad.tolist()


def test_second_derivatives():
    for name in ("sigmoid", "tanh", "softplus", "gelu", "silu", "exp", "sqrt", "arctan"):
        for at in (0.3, 2.5):
            x, t = Value(at), torch.tensor(at, dtype=torch.float64, requires_grad=True)
            (first,) = torch.autograd.grad(peer(name)(t), t, create_graph=True)
            (second,) = torch.autograd.grad(first, t)
            assert derivative(getattr(x, name)(), x, order=2).data == pytest.approx(second.item(), rel=1e-9)


def test_the_angle_of_the_origin():
    xs, ts = [Value(0.0), Value(0.0)], [torch.tensor(0.0, requires_grad=True) for _ in range(2)]
    autograd.arctan2(*xs).backward()
    torch.arctan2(*ts).backward()
    assert [x.grad for x in xs] == [t.grad.item() for t in ts] == [0.0, 0.0]
