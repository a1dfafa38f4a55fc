"""JavaScript's arithmetic: every formula and partial of the table, as text that node evaluates, against the floats."""

import itertools
import json
import math
import random
import shutil
import subprocess

import pytest

from autograd.compiler.engines.javascript import JAVASCRIPT, primitives
from autograd.compiler.engines.written import Writing
from autograd.operation import FLOATS, Operation
from autograd.ops import TABLE

inf, nan = math.inf, math.nan

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")

ULPS = 8  # between the results of two chains of a few functions

SPECIAL = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.0,
    -3.0,
    1.5,
    2.5,
    -2.5,
    30.0,
    -30.0,
    1e-9,
    -1e-300,
    1e300,
    inf,
    -inf,
    nan,
]


def evaluated(lines):
    """What node makes of lines of JavaScript that print."""
    found = subprocess.run(["node", "-"], input="\n".join(lines), capture_output=True, text=True, timeout=120)
    assert not found.returncode, found.stderr
    return json.loads(found.stdout)


def bits_agree(found, expected):
    """Whether two floats are equal, signs of zeros and nan included, or a few units in the last place apart."""
    if found != found or expected != expected:
        return found != found and expected != expected
    if found == expected:
        return found != 0.0 or math.copysign(1.0, found) == math.copysign(1.0, expected)
    return abs(found - expected) <= ULPS * math.ulp(expected)


def widths(row):
    """How many operands to give an operation."""
    if row.arity is not None:
        return [row.arity]
    return {"leaky_relu": [1, 2], "elu": [1, 2], "dot": [2, 6]}.get(row.name, [1, 2, 5])


def operands_of(row, width):
    """Operands from the row's domain, then special ones."""
    generator = random.Random(f"{row.name} {width}")
    for _ in range(40):
        domains = [row.domain[min(i, len(row.domain) - 1)] for i in range(width)]
        scale = generator.choice([1.0, 1.0, 3.0, 1e-3])
        yield [generator.uniform(*domain) * scale for domain in domains]
    if width <= 2:
        yield from map(list, itertools.product(SPECIAL, repeat=width))
    else:
        yield from ([generator.choice(SPECIAL) for _ in range(width)] for _ in range(150))


def expressions(row, width):
    """The formula and the partials as text of x[0], x[1], ... and the result y."""
    m = Writing(JAVASCRIPT)
    xs = [m.named(f"x[{i}]") for i in range(width)]
    partials = m.partials(row, m.named("y"), xs)
    return str(m.evaluate(row, xs)), [str(partial) for partial in partials if partial is not None]


def on_floats(row, xs):
    y = FLOATS.evaluate(row, xs)
    return [y, *[float(partial) for partial in FLOATS.partials(row, y, xs) if partial is not None]]


PRINT = "const shown = (x) => (Object.is(x, -0) ? '-0' : String(x));"


@pytest.fixture(scope="module")
def on_node():
    """What node makes of the formula and the partials of each row, at its operands: one process for the table."""
    lines = []
    for row in TABLE.values():
        for width in widths(row):
            formula, partials = expressions(row, width)
            points = ", ".join(f"[{', '.join(map(JAVASCRIPT.number, xs))}]" for xs in operands_of(row, width))
            results = ", ".join(["y", *partials])
            lines.append(
                f"found.push([{points}].map((x) => {{ const y = {formula}; return [{results}].map(shown); }}));"
            )
    begin = ["const found = [];", "const shown = (x) => (Object.is(x, -0) ? '-0' : String(x));"]
    found = iter(evaluated([*begin, *primitives("\n".join(lines)), *lines, "console.log(JSON.stringify(found));"]))
    return {row: [each for _ in widths(row) for each in next(found)] for row in TABLE.values()}


@needs_node
@pytest.mark.parametrize("row", TABLE.values(), ids=lambda row: row.name)
def test_formulas_and_partials_agree_with_the_floats(row, on_node):
    operands = [xs for width in widths(row) for xs in operands_of(row, width)]
    for xs, found in zip(operands, on_node[row], strict=True):
        expected = on_floats(row, xs)
        assert all(map(bits_agree, map(float, found), expected)), (xs, found, expected)


def test_only_needed_primitives_are_pasted():
    def names(text):
        return [line.split("(")[0] for each in primitives(text) for line in each.split("\n") if line[:9] == "function "]

    assert names("Math.exp(x)") == []
    assert names("rint(x) + sech(y)") == ["function copySign", "function rint", "function sech"]


def test_numbers_are_written_exactly():
    assert [JAVASCRIPT.number(x) for x in (3.0, -0.0, 0.1, 1e300, inf, -inf, nan)] == (
        ["3", "-0.0", "0.1", "1e+300", "Infinity", "-Infinity", "NaN"]
    )


def test_an_operation_that_asks_its_operands_for_numbers_has_no_text():
    m = Writing(JAVASCRIPT)
    stepped = Operation("stepped", lambda m, x: 1.0 if x > 0.0 else x, lambda m, y, x: (1.0,))
    positive = Operation("positive", lambda m, x: x if x == 0.0 else -x, lambda m, y, x: (1.0,))
    for operation in (stepped, positive):
        with pytest.raises(TypeError):
            m.evaluate(operation, [m.named("x")])
