"""The derivatives of the lectures, written by hand and tested. One of them has a mistake: can you see it?

    python -m pytest demos/lecture_gradients_test.py

`python -m demos.gradients_in_tests` runs these tests and explains what they say.
"""

import math

import pytest

import nn
from autograd import check_gradient, operation

from .dosage import DOSES, EFFECTIVENESS, PUBLISHED as FITTED

# Plain Python, as one writes it after the lecture: no library is involved.


def softplus(x):
    return math.log(1 + math.exp(x))


def softplus_derivative(x):
    return 1 / (1 + math.exp(x))


def predicted(dose, w1, b1, w2, b2, w3, w4, b3):
    return softplus(dose * w1 + b1) * w3 + softplus(dose * w2 + b2) * w4 + b3


def ssr(**changed):
    parameters = FITTED | changed
    return sum((y - predicted(x, **parameters)) ** 2 for x, y in zip(DOSES, EFFECTIVENESS, strict=True))


def residuals(**changed):
    parameters = FITTED | changed
    return [y - predicted(x, **parameters) for x, y in zip(DOSES, EFFECTIVENESS, strict=True)]


def test_dssr_db3():
    check_gradient(
        lambda b3: ssr(b3=b3),
        lambda b3: sum(-2 * r for r in residuals(b3=b3)),
        FITTED["b3"],
    )


def test_dssr_dw3():
    def dssr_dw3(w3):
        x1 = [dose * FITTED["w1"] + FITTED["b1"] for dose in DOSES]
        return sum(-2 * r * softplus(x) for r, x in zip(residuals(w3=w3), x1, strict=True))

    check_gradient(lambda w3: ssr(w3=w3), dssr_dw3, FITTED["w3"])


def test_dssr_dw1():
    def dssr_dw1(w1):
        terms = zip(residuals(w1=w1), DOSES, strict=True)
        return sum(-2 * r * FITTED["w3"] * softplus_derivative(x * w1 + FITTED["b1"]) * x for r, x in terms)

    check_gradient(lambda w1: ssr(w1=w1), dssr_dw1, FITTED["w1"])


def softmax(raw):
    total = sum(map(math.exp, raw))
    return [math.exp(x) / total for x in raw]


@pytest.mark.parametrize("i", [0, 1, 2])
def test_dp_draw(i):
    def dp_draw(raw):
        p = softmax(raw)
        return [p[i] * (1 - p[i]) if j == i else -p[i] * p[j] for j in range(3)]

    check_gradient(lambda raw: softmax(raw)[i], dp_draw, [1.43, -0.4, 0.23])


@pytest.mark.parametrize("observed", [0, 1, 2])
def test_dcross_entropy_dbias(observed):
    raw = [1.43, -0.4, 0.23]

    def shifted(biases):
        return [x + b for x, b in zip(raw, biases, strict=True)]

    check_gradient(
        lambda biases: -math.log(softmax(shifted(biases))[observed]),
        lambda biases: [p - (i == observed) for i, p in enumerate(softmax(shifted(biases)))],
        [0.0, 0.0, 0.0],
    )


# The same softplus as an operation of one's own, in a network: the function under test is the test.

bend = operation("bend", lambda m, x: m.log(1 + m.exp(x)), lambda m, y, x: (1 / (1 + m.exp(x)),))


@pytest.mark.gradcheck(points=3, ranges={"dose": (0.0, 1.0)})
def test_the_network(dose, w1, b1, w3, b3):
    hidden = bend(dose * w1 + b1)
    return nn.ssr([hidden * w3 + b3], [1.0])
