"""The answers: what each exercise differentiates, the right derivative, usual slips, and the derivation."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import nn
from autograd import Value, explain

from ..dosage import DOSES, EFFECTIVENESS, network

START = {"w1": 2.74, "b1": 0.0, "w2": -1.13, "b2": 0.0, "w3": 0.36, "w4": 0.63, "b3": 0.0}
RAW = (1.43, -0.4, 0.23)
SPECIES = ("setosa", "versicolor", "virginica")


class Exercise(NamedTuple):
    """An exercise and what is known about it.

    Attributes:
        title: what is to be derived.
        function: what is differentiated, as check_gradient takes it.
        derivative: makes the derivative of `function` from an answer.
        answer: the right one.
        slips: usual wrong answers, by the hint that they deserve.
        points: where it is tested.
        derivation: the chain rule in symbols and numbers.
    """

    title: str
    function: Callable[[Any], Any]
    derivative: Callable[[Callable[..., Any]], Callable[[Any], Any]]
    answer: Callable[..., Any]
    slips: Mapping[str, Callable[..., Any]]
    points: Sequence[Any]
    derivation: Callable[[], str]


def softplus(x: float) -> float:
    """log(1 + e^x)."""
    return math.log(1 + math.exp(x))


def slope(x: float) -> float:
    """The derivative of softplus."""
    return math.exp(x) / (1 + math.exp(x))


class Observation(NamedTuple):
    """What the network makes of a dose, with the names of the lectures."""

    dose: float
    observed: float
    x1: float
    y1: float
    predicted: float


def observations(**changed: float) -> list[Observation]:
    """All three observations; parameters that are not given are those of the lecture's start."""
    w1, b1, w2, b2, w3, w4, b3 = (START | changed).values()
    found = []
    for dose, observed in zip(DOSES, EFFECTIVENESS, strict=True):
        x1, x2 = dose * w1 + b1, dose * w2 + b2
        y1, y2 = softplus(x1), softplus(x2)
        found.append(Observation(dose, observed, x1, y1, y1 * w3 + y2 * w4 + b3))
    return found


def ssr(**changed: float) -> float:
    """The sum of squared residuals."""
    return sum((each.observed - each.predicted) ** 2 for each in observations(**changed))


def softmax(raw: Sequence[float]) -> list[float]:
    """The shares of all classes."""
    total = sum(map(math.exp, raw))
    return [math.exp(x) / total for x in raw]


def dosage_derivation(name: str) -> str:
    """How explain writes the derivative of the SSR for a parameter, at the lecture's start."""
    model = network(seed=0)
    for parameter in model.parameters():
        parameter.data = START[parameter.name]
    loss = nn.ssr([model([dose])[0] for dose in DOSES], EFFECTIVENESS)
    loss.name = "SSR"
    return str(explain(loss, next(p for p in model.parameters() if p.name == name)))


def softplus_derivation() -> str:
    """How explain writes the slope of softplus, step by step, at two points."""
    rows = []
    for point in (-0.5, 2.14):
        x = Value(point, name="x")
        power = x.exp()
        power.name = "e^x"
        inside = 1 + power
        inside.name = "u"
        rows.append(_at(point, inside.log(), "softplus", x))
    return "u = 1 + e^x\n\n" + "\n\n".join(rows)


def relu_derivation() -> str:
    """How explain writes the slope of ReLU left of 0, at 0 and right of it."""
    return "\n\n".join(_at(point, x.relu(), "relu", x) for point in (-2.0, 0.0, 3.0) for x in [Value(point, name="x")])


def _at(point: float, result: Value, name: str, x: Value) -> str:
    result.name = name
    return f"at x = {point:g}:\n{explain(result, x)}"


def softmax_derivation() -> str:
    """How explain writes a derivative of the softmax by the same raw output and by another one."""
    raw = [Value(x, name=f"raw_{species}") for x, species in zip(RAW, SPECIES, strict=True)]
    shares = nn.softmax(raw)
    shares[0].name = "p_setosa"
    return "\n\n".join(str(explain(shares[0], each)) for each in raw[:2])


def cross_entropy_derivation() -> str:
    """How explain writes the derivative of the cross entropy by the bias of each class; setosa is observed."""
    biases = [Value(0.0, name=f"b_{species}") for species in SPECIES]
    raw = [x + bias for x, bias in zip(RAW, biases, strict=True)]
    for each, species in zip(raw, SPECIES, strict=True):
        each.name = f"raw_{species}"
    loss = nn.cross_entropy(raw, 0)
    loss.name = "cross_entropy"
    return "\n\n".join(str(explain(loss, each)) for each in biases)


def _of_dosage(name: str, *links: str) -> Callable[[Callable[..., float]], Callable[[float], float]]:
    """Adds up an answer over the observations; `links` are the attributes and parameters that it is given."""

    def derivative(answer: Callable[..., float]) -> Callable[[float], float]:
        def added(x: float) -> float:
            parameters = START | {name: x}
            rows = [parameters | each._asdict() for each in observations(**{name: x})]
            return sum(answer(*[row[link] for link in links]) for row in rows)

        return added

    return derivative


def _jacobian(answer: Callable[..., float]) -> Callable[[Sequence[float]], list[list[float]]]:
    return lambda raw: [[answer(softmax(raw), i, j) for j in range(3)] for i in range(3)]


def _by_bias(answer: Callable[..., float]) -> Callable[[Sequence[float]], list[list[float]]]:
    return lambda raw: [[answer(softmax(raw), observed, c) for c in range(3)] for observed in range(3)]


_FORGOT_MINUS = "the derivative of (observed - predicted) by predicted is -1: a minus sign is missing"
_FORGOT_TWO = "the derivative of a square is 2 times what is squared: the 2 is missing"
_PROBABILITIES = ([1.43, -0.4, 0.23], [0.0, 0.0, 1.0], [-2.0, 0.5, 0.1])

EXERCISES = (
    Exercise(
        "dSSR/db3, the last bias",
        lambda b3: ssr(b3=b3),
        _of_dosage("b3", "observed", "predicted"),
        lambda observed, predicted: -2 * (observed - predicted),
        {
            _FORGOT_MINUS: lambda observed, predicted: 2 * (observed - predicted),
            _FORGOT_TWO: lambda observed, predicted: -(observed - predicted),
            "the residual is missing: the derivative of a square still has what was squared in it": lambda *_: -2.0,
            "1 is the last link only; the first one is the derivative of a square": lambda *_: 1.0,
            "dSSR/dpredicted is multiplied by itself; b3 is added to the rest, so the last link is another one": (
                lambda observed, predicted: 4 * (observed - predicted) ** 2
            ),
        },
        (0.0, -0.7, 1.3),
        lambda: dosage_derivation("b3"),
    ),
    Exercise(
        "dSSR/dw3, a weight of the output",
        lambda w3: ssr(w3=w3),
        _of_dosage("w3", "observed", "predicted", "y1"),
        lambda observed, predicted, y1: -2 * (observed - predicted) * y1,
        {
            _FORGOT_MINUS: lambda observed, predicted, y1: 2 * (observed - predicted) * y1,
            _FORGOT_TWO: lambda observed, predicted, y1: -(observed - predicted) * y1,
            "w3 is multiplied by y1, so y1 is its last link; 1 is that of a bias": (
                lambda observed, predicted, y1: -2 * (observed - predicted)
            ),
            "y1 is the last link only; the first one is the derivative of a square": (
                lambda observed, predicted, y1: y1 * y1
            ),
            "dSSR/dpredicted is multiplied by itself; w3 is multiplied by y1, which is the last link": (
                lambda observed, predicted, y1: 4 * (observed - predicted) ** 2
            ),
        },
        (0.36, -1.3, 2.0),
        lambda: dosage_derivation("w3"),
    ),
    Exercise(
        "the slope of softplus",
        softplus,
        lambda answer: answer,
        slope,
        {
            "the chain goes on inside the logarithm: multiply 1 / (1 + e^x) by the derivative of 1 + e^x": (
                lambda x: 1 / (1 + math.exp(x))
            ),
            "the derivative of log(u) is 1/u times that of u: e^x is to be divided by 1 + e^x": math.exp,
            "this is softplus itself; its slope is asked for": softplus,
            "the 1 in 1 + e^x does not cancel": lambda x: 1.0,
            "this is the slope of ReLU; softplus bends gradually": lambda x: 1.0 if x > 0 else 0.0,
        },
        (-3.0, -0.5, 0.0, 2.14, 5.0),
        softplus_derivation,
    ),
    Exercise(
        "dSSR/dw1, a weight of the input",
        lambda w1: ssr(w1=w1),
        _of_dosage("w1", "observed", "predicted", "w3", "x1", "dose"),
        lambda observed, predicted, w3, x1, dose: -2 * (observed - predicted) * w3 * slope(x1) * dose,
        {
            _FORGOT_MINUS: lambda observed, predicted, w3, x1, dose: 2 * (observed - predicted) * w3 * slope(x1) * dose,
            _FORGOT_TWO: lambda observed, predicted, w3, x1, dose: -(observed - predicted) * w3 * slope(x1) * dose,
            "the chain through softplus is missing: dy1/dx1 is e^x1 / (1 + e^x1)": (
                lambda observed, predicted, w3, x1, dose: -2 * (observed - predicted) * w3 * dose
            ),
            "dy1/dx1 is the slope of softplus, e^x1 / (1 + e^x1), not softplus itself": (
                lambda observed, predicted, w3, x1, dose: -2 * (observed - predicted) * w3 * softplus(x1) * dose
            ),
            "the slope of softplus has e^x1 above the line: this is exercise 3": (
                lambda observed, predicted, w3, x1, dose: -2 * (observed - predicted) * w3 * (1 - slope(x1)) * dose
            ),
            "y1 is multiplied by w3 on its way to the output, so w3 is a link of the chain": (
                lambda observed, predicted, w3, x1, dose: -2 * (observed - predicted) * slope(x1) * dose
            ),
            "w1 is multiplied by the dose, which is the last link": (
                lambda observed, predicted, w3, x1, dose: -2 * (observed - predicted) * w3 * slope(x1)
            ),
        },
        (2.74, -1.0, 0.5),
        lambda: dosage_derivation("w1"),
    ),
    Exercise(
        "the slope of ReLU",
        lambda x: max(x, 0.0),
        lambda answer: answer,
        lambda x: 1.0 if x > 0 else 0.0,
        {
            "the slope of x is 1; this is ReLU itself": lambda x: max(x, 0.0),
            "left of 0 ReLU is flat: its slope there is 0": lambda x: 1.0,
            "left of 0 ReLU is flat, not falling": lambda x: 1.0 if x > 0 else -1.0,
            "it is the other way round: left of 0 ReLU is flat, right of 0 it is x": lambda x: 1.0 if x < 0 else 0.0,
        },
        (-2.0, -0.25, 0.5, 3.0),
        relu_derivation,
    ),
    Exercise(
        "dp/draw, the softmax",
        softmax,
        _jacobian,
        lambda p, i, j: p[i] * (1 - p[i]) if i == j else -p[i] * p[j],
        {
            "for another raw output only the denominator grows, so p[i] falls: a minus sign is missing": (
                lambda p, i, j: p[i] * (1 - p[i]) if i == j else p[i] * p[j]
            ),
            "p[i] depends on the other raw outputs too, through the denominator": (
                lambda p, i, j: p[i] * (1 - p[i]) if i == j else 0.0
            ),
            "the denominator depends on the same raw output too: the quotient rule gives p[i] * (1 - p[i])": (
                lambda p, i, j: p[i] if i == j else -p[i] * p[j]
            ),
            "the numerator of p[i] depends on its own raw output only: for another one 1 - p[i] becomes -p[j]": (
                lambda p, i, j: p[i] * (1 - p[i])
            ),
            "the numerator of p[i] grows with its own raw output: where i is j, the derivative is p[i] * (1 - p[i])": (
                lambda p, i, j: -p[i] * p[j]
            ),
            "the two are exchanged: p[i] * (1 - p[i]) is where i is j": (
                lambda p, i, j: -p[i] * p[j] if i == j else p[i] * (1 - p[i])
            ),
        },
        _PROBABILITIES,
        softmax_derivation,
    ),
    Exercise(
        "the cross entropy by the last biases",
        lambda raw: [-math.log(p) for p in softmax(raw)],
        _by_bias,
        lambda p, observed, c: p[c] - (c == observed),
        {
            "the cross entropy is -log(p): a minus sign is missing": lambda p, observed, c: (c == observed) - p[c],
            "for the observed class the derivative is p - 1: a larger bias makes it more probable": (
                lambda p, observed, c: p[c]
            ),
            "p - 1 is for the observed class only: larger biases of the others make it less probable": (
                lambda p, observed, c: p[c] - 1.0
            ),
            "the two are exchanged: p - 1 is for the observed class": (lambda p, observed, c: p[c] - (c != observed)),
            "for the other classes the derivative is p: their biases take probability from the observed one": (
                lambda p, observed, c: p[c] - 1.0 if c == observed else 0.0
            ),
            "-1/p is the first link only; multiply it by the derivative of the softmax": (
                lambda p, observed, c: -1.0 / p[c] if c == observed else 0.0
            ),
        },
        _PROBABILITIES,
        cross_entropy_derivation,
    ),
)
