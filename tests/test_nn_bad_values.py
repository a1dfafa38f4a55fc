"""Sixty bad values for every argument of every public function of nn: a right result, or one sentence that names it."""

import math
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

import nn
from autograd import AnomalyError, Value
from nn.training.history import PER_EPOCH


class Hostile:
    """Nothing can be learned about it."""

    def __getattr__(self, name):
        raise RuntimeError(f"no {name}")


class Unprintable:
    def __repr__(self):
        raise RuntimeError("no repr")


def holding_itself():
    inner = [1.0]
    inner.append(inner)
    return inner


def array_of_lists():
    array = np.empty(2, dtype=object)
    array[:] = [[1.0], [2.0, 3.0]]
    return array


VALUES = {
    "None": lambda: None,
    "True": lambda: True,
    "False": lambda: False,
    "numpy True": lambda: np.True_,
    "text": lambda: "x",
    "empty text": lambda: "",
    "text of a number": lambda: "1",
    "text of False": lambda: "False",
    "control characters": lambda: "\x1b[31m\n",
    "a long text": lambda: "x" * 100_000,
    "bytes": lambda: b"x",
    "bytearray": lambda: bytearray(b"x"),
    "complex": lambda: 1j,
    "complex one": lambda: 1 + 0j,
    "numpy complex": lambda: np.complex128(1),
    "nan": lambda: math.nan,
    "inf": lambda: math.inf,
    "-inf": lambda: -math.inf,
    "-1": lambda: -1,
    "0": lambda: 0,
    "1": lambda: 1,
    "3": lambda: 3,
    "1e300": lambda: 1e300,
    "huge": lambda: 10**400,
    "-huge": lambda: -(10**400),
    "too long to print": lambda: 10**5000,
    "1.5": lambda: 1.5,
    "-0.5": lambda: -0.5,
    "float32": lambda: np.float32(0.5),
    "int8": lambda: np.int8(1),
    "datetime": lambda: np.datetime64("2020-01-01"),
    "Decimal": lambda: Decimal("0.5"),
    "Fraction": lambda: Fraction(1, 2),
    "list": list,
    "list of a list": lambda: [[]],
    "list of None": lambda: [None],
    "list of text": lambda: ["x"],
    "list of huge": lambda: [10**400, 1.0],
    "list of complex": lambda: [1j, 1.0],
    "list of nan": lambda: [math.nan, 1.0],
    "ragged list": lambda: [[1.0], [2.0, 3.0]],
    "list holding itself": holding_itself,
    "dict": dict,
    "dict of a number": lambda: {"a": 1},
    "set": lambda: set(),
    "set of a number": lambda: {1},
    "set of two": lambda: {1.0, 0.0},
    "frozenset": lambda: frozenset([1]),
    "range": lambda: range(2),
    "generator": lambda: (x for x in [1.0, 2.0]),
    "array": lambda: np.array([1.0, 2.0]),
    "empty array": lambda: np.array([]),
    "array without dimensions": lambda: np.array(1.0),
    "array of text": lambda: np.array(["a", "b"]),
    "array of complex": lambda: np.array([1j, 1.0]),
    "array of lists": array_of_lists,
    "masked array": lambda: np.ma.array([1.0, 2.0], mask=[False, True]),
    "object": object,
    "class": lambda: int,
    "class of nn": lambda: nn.Linear,
    "function": lambda: lambda x: x,
    "function of nothing": lambda: lambda: 1.0,
    "module of Python": lambda: math,
    "namespace": lambda: SimpleNamespace(data=1.0, tolist=1),
    "hostile": Hostile,
    "unprintable": Unprintable,
    "Value": lambda: Value(1.0),
    "Parameter": lambda: nn.Parameter(1.0),
    "constant": lambda: Value(1.0).detach(),
    "result": lambda: Value(1.0) * 2.0,
    "Module": lambda: nn.Linear(1, 1, seed=0),
    "empty Module": nn.Module,
    "optimiser": lambda: nn.SGD([nn.Parameter(1.0)], 0.1),
    "exception": lambda: ValueError("x"),
}

# Which of them can be meant by an argument of each kind; "~" before a name: by chance of the other arguments.

COUNT = ["1", "3", "int8"]
FROM_0 = ["0", *COUNT]
POSITIVE = ["1", "3", "int8", "1.5", "float32", "Fraction", "1e300"]
RATE = ["0", *POSITIVE]
ANY = ["-1", "-0.5", *RATE]
SHARE = ["0", "float32", "Fraction"]
FLAG = ["True", "False", "numpy True"]
SEED = ["None", "0", "1", "3", "int8", "huge", "too long to print"]
TEXTS = ["text", "text of a number", "text of False", "control characters", "a long text"]


def parameters():
    return [nn.Parameter(1.0), nn.Parameter(2.0)]


def with_gradients():
    found = parameters()
    for parameter in found:
        parameter.grad = 3.0
    return found


def model():
    return nn.MLP([1, 2, 1], "tanh", seed=0)


def sgd():
    return nn.SGD(parameters(), 0.1)


PLAIN = ["True", "False", *ANY, "huge", "-huge", "too long to print", "nan", "inf", "-inf"]
CLASS = ["0", "1", "int8", "range", "array without dimensions"]
NUMBER = [*PLAIN, "numpy True", "Value", "Parameter", "constant", "result", "array without dimensions"]
LOSS = {"reduction": (lambda: "mean", [])}
TWO = ["range", "generator", "array", "list of huge", "list of nan"]
PREDICTED = {"predicted": (lambda: [1.0, 2.0], TWO), "observed": (lambda: [1.0, 2.0], TWO), **LOSS}
INIT = {"rng": (lambda: None, ["None"]), "seed": (lambda: 0, SEED)}
TARGET = (parameters, ["Parameter", "Module"])
MATRIX = (lambda: [parameters()], ["Module"])
GROUP = {"params": (parameters, [])}
ADAM = {
    **GROUP, "lr": (lambda: 0.1, RATE), "betas": (lambda: (0.9, 0.99), []), "eps": (lambda: 1e-8, RATE),
    "weight_decay": (lambda: 0.0, RATE),
}  # fmt: skip
UNIT = ["0", "float32", "Fraction"]
XS = ["range", "generator", "array", "list of huge", "list of nan"]
FIT = {
    "model": (model, ["Module"]),
    "inputs": (lambda: [0.0, 1.0], ["range", "generator", "array"]),
    "targets": (lambda: [0.0, 1.0], ["range", "generator", "array"]),
    "loss": (lambda: nn.mse, []),
    "epochs": (lambda: 1, COUNT),
    "optimizer": (lambda: None, ["None"]),
    "lr": (lambda: 0.1, ["None", *RATE]),
    "schedule": (lambda: None, ["None"]),
    "batch_size": (lambda: None, ["None", *COUNT]),
    "tolerance": (lambda: None, ["None", *RATE]),
    "validation": (lambda: None, ["None"]),
    "patience": (lambda: None, ["None"]),
    "seed": (lambda: None, SEED),
    "progress": (lambda: False, FLAG),
    "checkpoint": (lambda: None, ["None", *TEXTS]),
    "compile": (lambda: False, FLAG),
}
PLOT = {
    "model": (lambda: nn.MLP([1, 2, 1], seed=0), ["Module"]),
    "X": (lambda: [0.0, 1.0], ["range", "generator", "array"]),
    "y": (lambda: [0.0, 1.0], ["range", "generator", "array"]),
    "ax": (lambda: None, ["None"]),
}
REGIONS = {
    "model": (lambda: nn.MLP([2, 2], seed=0), []),
    "X": (lambda: [[0.0, 1.0], [1.0, 0.0]], []),
    "y": (lambda: [0, 1], ["range", "generator", "array", "ragged list", "array of lists"]),
    "ax": (lambda: None, ["None"]),
    "boundary": (lambda: 0.0, ANY),
    "class_names": (lambda: None, ["None", "array of text"]),
    "resolution": (lambda: 3, ["3"]),
}

CALLS = {
    "Parameter": (nn.Parameter, {
        "data": (lambda: 1.0, PLAIN), "name": (lambda: None, ["None", "empty text", *TEXTS]),
        "trainable": (lambda: True, FLAG),
    }),
    "Module.train": (lambda mode: nn.Linear(1, 1).train(mode), {"mode": (lambda: True, FLAG)}),
    "Module.load_state_dict": (
        lambda sd, strict: nn.Linear(1, 1).load_state_dict(sd, strict),
        {"sd": (lambda: {"weight": [[1.0]], "bias": [1.0]}, []), "strict": (lambda: True, FLAG)},
    ),
    "Linear": (nn.Linear, {
        "in_features": (lambda: 1, COUNT), "out_features": (lambda: 1, COUNT), "bias": (lambda: True, FLAG), **INIT,
    }),
    "Linear()": (lambda xs: nn.Linear(2, 1, seed=0)(xs), {"xs": (lambda: [1.0, 2.0], XS)}),
    "MLP()": (lambda xs: nn.MLP([2, 1], seed=0)(xs), {"xs": (lambda: [1.0, 2.0], XS)}),
    "Sequential": (
        lambda modules: nn.Sequential(modules), {"modules": (lambda: nn.Linear(1, 1), ["Module", "empty Module"])},
    ),
    "MLP": (nn.MLP, {"sizes": (lambda: [1, 1], []), "activation": (lambda: "relu", []), **INIT}),
    "LeakyReLU": (nn.LeakyReLU, {"negative_slope": (lambda: 0.1, ANY)}),
    "ELU": (nn.ELU, {"alpha": (lambda: 0.1, ANY)}),
    **{
        kind.__name__: (lambda xs, kind=kind: kind()(xs), {"xs": (list, [*XS, *NUMBER, "list", "empty array"])})
        for kind in (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Softplus, nn.SiLU, nn.GELU, nn.LeakyReLU, nn.ELU, nn.Identity)
    },
    "Softmax": (lambda xs: nn.Softmax()(xs), {"xs": (lambda: [1.0, 2.0], XS)}),
    "LogSoftmax": (lambda xs: nn.LogSoftmax()(xs), {"xs": (lambda: [1.0, 2.0], XS)}),
    "ArgMax": (lambda xs: nn.ArgMax()(xs), {"xs": (lambda: [1.0, 2.0], XS)}),
    "softmax": (nn.softmax, {"xs": (lambda: [1.0, 2.0], XS)}),
    "log_softmax": (nn.log_softmax, {"xs": (lambda: [1.0, 2.0], XS)}),
    "argmax": (nn.argmax, {"xs": (lambda: [1.0, 2.0], XS)}),
    "one_hot": (nn.one_hot, {"i": (lambda: 0, ["0", "1", "int8"]), "n": (lambda: 3, COUNT)}),
    "ssr": (nn.ssr, PREDICTED),
    "mse": (nn.mse, PREDICTED),
    "mae": (nn.mae, PREDICTED),
    "huber": (nn.huber, {**PREDICTED, "delta": (lambda: 1.0, POSITIVE)}),
    "hinge": (nn.hinge, {**PREDICTED, "observed": (lambda: [1.0, -1.0], [])}),
    "binary_cross_entropy_with_logits": (
        nn.binary_cross_entropy_with_logits,
        {"logits": (lambda: [1.0, 2.0], TWO), "target": (lambda: [1.0, 0.0], ["range"]), **LOSS},
    ),
    "cross_entropy": (
        nn.cross_entropy,
        {"logits": (lambda: [1.0, 2.0], TWO), "target": (lambda: 1, CLASS), **LOSS},
    ),
    "nll": (
        nn.nll,
        {"log_probabilities": (lambda: [-1.0, -2.0], TWO), "target": (lambda: 1, CLASS), **LOSS},
    ),
    "cross_entropy_of_probabilities": (
        nn.cross_entropy_of_probabilities,
        {"p": (lambda: [0.5, 0.5], TWO), "observed": (lambda: 1, CLASS), **LOSS},
    ),
    "init.normal": (nn.init.normal, {"target": TARGET, "mean": (lambda: 0.0, ANY), "std": (lambda: 1.0, RATE), **INIT}),
    "init.uniform": (nn.init.uniform, {
        "target": TARGET, "a": (lambda: 0.0, [x for x in ANY if x not in ("3", "1.5", "1e300")]),
        "b": (lambda: 1.0, RATE), **INIT,
    }),
    **{
        f"init.{each.__name__}": (each, {"target": MATRIX, "gain": (lambda: 1.0, RATE), **INIT})
        for each in (nn.init.xavier_uniform, nn.init.xavier_normal)
    },
    **{
        f"init.{each.__name__}": (each, {
            "target": MATRIX, "a": (lambda: 0.0, ANY), "mode": (lambda: "fan_in", []),
            "nonlinearity": (lambda: "relu", []), **INIT,
        })
        for each in (nn.init.kaiming_uniform, nn.init.kaiming_normal)
    },
    "init.zeros": (nn.init.zeros, {"target": TARGET}),
    "SGD": (nn.SGD, {
        **GROUP, "lr": (lambda: 0.1, RATE), "momentum": (lambda: 0.5, RATE), "nesterov": (lambda: False, FLAG),
        "weight_decay": (lambda: 0.0, RATE),
    }),
    "Adam": (nn.Adam, ADAM),
    "AdamW": (nn.AdamW, ADAM),
    "Adam, betas": (lambda betas: nn.Adam(parameters(), betas=(betas, 0.9)), {"betas": (lambda: 0.9, UNIT)}),
    "RMSprop": (nn.RMSprop, {
        **GROUP, "lr": (lambda: 0.1, RATE), "alpha": (lambda: 0.5, UNIT), "eps": (lambda: 1e-8, RATE),
        "weight_decay": (lambda: 0.0, RATE), "momentum": (lambda: 0.0, RATE), "centered": (lambda: False, FLAG),
    }),
    "Optimizer.load_state_dict": (
        lambda state: sgd().load_state_dict(state), {"state": (lambda: sgd().state_dict(), [])},
    ),
    "StepLR": (
        nn.StepLR, {"optimizer": (sgd, ["optimiser"]), "step_size": (lambda: 1, COUNT), "gamma": (lambda: 0.1, RATE)},
    ),
    "CosineAnnealingLR": (
        nn.CosineAnnealingLR,
        {"optimizer": (sgd, ["optimiser"]), "T_max": (lambda: 1, COUNT), "eta_min": (lambda: 0.1, RATE)},
    ),
    "Schedule.load_state_dict": (
        lambda state: nn.StepLR(sgd(), 1).load_state_dict(state),
        {"state": (lambda: nn.StepLR(sgd(), 1).state_dict(), [])},
    ),
    "clip_grad_norm": (nn.clip_grad_norm, {
        "params": (with_gradients, ["Value", "Parameter", "list", "empty array", "result", "constant"]),
        "max_norm": (lambda: 1.0, [*RATE, "inf"]), "norm_type": (lambda: 2.0, [*RATE, "inf"]),
    }),
    "save": (nn.save, {"model": (model, ["Module", "empty Module"]), "path": (lambda: "m.json", [])}),
    "load": (nn.load, {"model": (nn.Module, ["empty Module"]), "path": (lambda: "empty.json", [])}),
    "fit": (nn.fit, FIT),
    "plot_fit": (nn.plot_fit, PLOT),
    "plot_decision_regions": (nn.plot_decision_regions, REGIONS),
    "diagram": (nn.diagram, {
        "model": (model, ["Module"]),
        "x": (lambda: None, ["None", *NUMBER]),
        "inputs": (lambda: None, ["None", "list of text"]),
        "outputs": (lambda: None, ["None", "list of text"]),
        "theme": (lambda: "light", []),
        "precision": (lambda: 3, COUNT),
        "caption": (lambda: None, ["None", "empty text", *TEXTS]),
        "legend": (lambda: True, FLAG),
    }),
}  # fmt: skip

NAMED = {
    "xs": ("Linear(", "takes at least one number"),
    "observed": ("labels",),
    "logits": ("target must",),
    "log_probabilities": ("target must",),
    "betas": ("beta1",),
    "inputs": ("Linear(",),
    "targets": ("predicted and observed", "observed must"),
    "model": ("params is empty", "this state does not fit", "Linear(", "diagram draws"),
    "sd": ("this state does not fit Linear",),
    "state": ("this state does not fit", "load_state_dict"),
    "modules": ("argument 0",),
}
"""What errors call arguments other than by their names."""

ARGUMENTS = [(name, argument) for name, (_, arguments) in CALLS.items() for argument in arguments]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.json").write_text("{}")
    matplotlib = pytest.importorskip("matplotlib", reason="draws")
    matplotlib.use("Agg")


@pytest.mark.parametrize(("name", "argument"), ARGUMENTS)
def test_a_bad_value_is_named_or_right(name, argument):
    from matplotlib import pyplot

    function, arguments = CALLS[name]
    problems = []
    for value, make in VALUES.items():
        given = {key: usual() for key, (usual, _) in arguments.items()} | {argument: make()}
        if argument == "loss" and callable(given["loss"]):
            continue  # what the user's function raises is the user's
        problem = problem_of(function, given, argument, value, value in arguments[argument][1])
        problems += [f"{value}: {problem}"] if problem else []
        pyplot.close("all")
    assert not problems, f"{name}({argument}=...):\n  " + "\n  ".join(problems)


def problem_of(function, given, argument, value, is_allowed):
    try:
        function(**given)
    except (TypeError, ValueError) as error:
        text = str(error)
        names = (argument, *NAMED.get(argument, ()))
        is_clear = any(name in text for name in names) and len(text) < 800 and "\x1b" not in text
        return "" if is_clear and not is_allowed else f"{type(error).__name__}: {text[:300]!r}"
    except Exception as error:
        may_be = (OSError,) if argument in ("path", "checkpoint") else ()
        may_be += (NotImplementedError,) if value == "empty Module" else ()
        return "" if isinstance(error, may_be) else f"{type(error).__name__}: {error}"[:300]
    return "" if is_allowed else "accepted"


def fitted(model=model, inputs=(0.0, 1.0), targets=(0.0, 1.0), loss=nn.mse, repeated=1, **settings):
    return nn.fit(model(), list(inputs) * repeated, list(targets) * repeated, loss=loss, epochs=1, **settings)


def with_entry(make, key, value):
    owner = make()
    owner.load_state_dict({**owner.state_dict(), key: value})


def with_memory(name, value):
    optimizer = nn.Adam(parameters())
    optimizer.load_state_dict({**optimizer.state_dict(), "memory": {**optimizer.state_dict()["memory"], name: value}})


def holding(value):
    found = nn.Linear(1, 1, seed=0)
    found.held = value
    found.train().summary()
    fitted(lambda: found, repeated=50)


def classifier():
    return nn.Linear(2, 2, seed=0)


POINTS = [[0.0, 1.0], [1.0, 1.0]]
INSIDE = {
    "inputs": lambda x: fitted(inputs=[x, x]),
    "many inputs": lambda x: fitted(inputs=[x, x], repeated=50),
    "targets": lambda x: fitted(targets=[x, x]),
    "many targets": lambda x: fitted(targets=[x, x], repeated=50),
    "classes": lambda x: fitted(lambda: nn.Linear(1, 2), targets=[x, x], loss=nn.cross_entropy, repeated=50),
    "validation": lambda x: fitted(validation=(x, x)),
    "validation targets": lambda x: fitted(validation=([0.0], [x])),
    "a loss": lambda x: fitted(loss=lambda outputs, target: x),
    "a compiled loss": lambda x: fitted(loss=lambda outputs, target: x, repeated=50),
    "an attribute": holding,
    "params": lambda x: nn.SGD([x], 0.1),
    "clipped": lambda x: nn.clip_grad_norm([x], 0.1),
    "sizes": lambda x: nn.MLP([1, x]),
    "a state": lambda x: nn.Linear(1, 1).load_state_dict({"weight": [[x]], "bias": x}),
    "names of a state": lambda x: nn.Linear(1, 1).load_state_dict({x if x.__hash__ else 0: [1.0]}),
    "a layer": lambda x: nn.Linear(2, 1)([1.0, x]),
    "relu": lambda x: nn.ReLU()([1.0, x]),
    "softmax": lambda x: nn.softmax([1.0, x]),
    "argmax": lambda x: nn.argmax([1.0, x]),
    "mse": lambda x: nn.mse([1.0, x], [1.0, x]),
    "huber": lambda x: nn.huber([[x]], [[1.0]]),
    "hinge": lambda x: nn.hinge([1.0], [x]),
    "binary": lambda x: nn.binary_cross_entropy_with_logits([x], [x]),
    "logits": lambda x: nn.cross_entropy([1.0, x], 1),
    "a class": lambda x: nn.cross_entropy([[1.0, 2.0]], [x]),
    "a share": lambda x: nn.cross_entropy([1.0, 2.0], [x, 0.0]),
    "probabilities": lambda x: nn.cross_entropy_of_probabilities([x, 0.5], [0.5, 0.5]),
    "a target of init": lambda x: nn.init.xavier_normal([[nn.Parameter(1.0), x]]),
    "diagram": lambda x: nn.diagram(model(), [x], inputs=["a"]).source,
    "names of a diagram": lambda x: nn.diagram(model(), inputs=[x]).source,
    "plot_fit": lambda x: nn.plot_fit(model(), [0.0, x], [0.0, x]),
    "regions": lambda x: nn.plot_decision_regions(classifier(), [[0.0, x], [1.0, 1.0]], [0, 1], resolution=2),
    "classes of regions": lambda x: nn.plot_decision_regions(classifier(), POINTS, [0, x], resolution=2),
    "names of classes": lambda x: nn.plot_decision_regions(
        classifier(), POINTS, [0, 1], resolution=2, class_names=["a", x]
    ),
    "a history": lambda x: nn.History().load_state_dict({name: [x] for name in PER_EPOCH}),
    "axes": lambda x: nn.History().plot(x),
    "memory": lambda x: with_memory("mean_square", [x, x]),
    "names of memory": lambda x: with_memory(x if x.__hash__ else 0, [1.0, 1.0]),
    **{f"optimiser's {key}": lambda x, key=key: with_entry(sgd, key, x) for key in sgd().state_dict()},
    **{
        f"schedule's {key}": lambda x, key=key: with_entry(lambda: nn.StepLR(sgd(), 2), key, x)
        for key in nn.StepLR(sgd(), 2).state_dict()
    },
}
RAW = (
    "unsupported operand", "not iterable", "has no len", "is ambiguous", "Exceeds the limit", "not callable",
    "unhashable", "could not convert", "cannot be interpreted", "object has no attribute",
)  # fmt: skip


@pytest.mark.parametrize("place", INSIDE)
def test_a_bad_value_inside_of_data_is_right_or_refused(place):
    from matplotlib import pyplot

    problems = []
    for value, make in VALUES.items():
        try:
            INSIDE[place](make())
        except (TypeError, ValueError, AnomalyError) as error:
            text = str(error)
            if len(text) > 1000 or "\x1b" in text or any(raw in text for raw in RAW):
                problems.append(f"{value}: {type(error).__name__}: {text[:300]!r}")
        except Exception as error:
            if not isinstance(error, NotImplementedError) or value != "empty Module":
                problems.append(f"{value}: {type(error).__name__}: {error}"[:300])
        pyplot.close("all")
    assert not problems, f"{place}:\n  " + "\n  ".join(problems)
