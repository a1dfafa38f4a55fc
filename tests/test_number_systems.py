"""Every number system on every row of the table, against the floats; and a new operation, which is one more row."""

import math

import pytest

import autograd
from autograd import Value, compile, derivative, draw, explain, gradcheck, ops
from autograd.arithmetic import erfc
from autograd.checking.precise import Precise
from autograd.compiler.ir import Builder
from autograd.compiler.terms import Arrays
from autograd.drawing.formulas import FORMULAS, Formula
from autograd.operation import FLOATS, TABLE, NumberSystem, row
from autograd.recording import VALUES
from autograd.specialize import SYMBOLS, Symbol, UnwritableError, write_methods
from autograd.value import apply

SEVERAL = {"leaky_relu": 2, "elu": 2, "dot": 4}


def point(operation):
    """A number inside of each operand's domain."""
    number = operation.arity or SEVERAL.get(operation.name, 3)
    intervals = [operation.domain[min(i, len(operation.domain) - 1)] for i in range(number)]
    return [low + (0.37 + 0.11 * i) * (high - low) for i, (low, high) in enumerate(intervals)]


class OnFloats:
    """The floats themselves: each function of `m` by its name, with its own arguments."""

    m = FLOATS
    number = staticmethod(float)
    read = staticmethod(float)


class OnValues:
    m = VALUES
    number = Value
    read = staticmethod(float)


class OnPrecise:
    m = Precise()
    m.context.prec = 200
    number = m.number

    @classmethod
    def read(cls, x):
        return cls.m.float(cls.m.number(x))


class OnFormulas:
    m = FORMULAS

    @staticmethod
    def number(x):
        return Formula(x, f"x{x}", f"x_{{{x}}}")

    read = staticmethod(float)


class OnInstructions:
    """The instructions of the compiler, done one after the other on floats."""

    m = Arrays(Builder())
    numbers: dict[int, float] = {}  # noqa: RUF012

    @classmethod
    def number(cls, x):
        cls.numbers[len(cls.numbers)] = x
        return _term(cls.m, cls.m.builder.make("input", (), len(cls.numbers) - 1, (), True))

    @classmethod
    def read(cls, term):
        return cls._done(term.instruction) if hasattr(term, "instruction") else float(term)

    @classmethod
    def _done(cls, instruction):
        operands = [cls._done(each) for each in instruction.operands]
        if instruction.op == "input":
            return cls.numbers[instruction.data]
        if instruction.op == "literal":
            return instruction.data
        if instruction.op == "pick":
            return operands[0][instruction.data]
        if instruction.data == "softmaxes":
            return FLOATS.softmax(operands)
        return FLOATS.evaluate(instruction.data, operands)


def _term(m, instruction):
    from autograd.compiler.terms import ArrayTerm

    return ArrayTerm(m, instruction)


SYSTEMS = [OnFloats, OnValues, OnPrecise, OnFormulas, OnInstructions]


def called(m, operation, operands):
    """The function of the row's name, which may take sequences."""
    function = getattr(m, operation.name)
    if operation.name == "softmax":
        return function(operands)[0]
    if operation.sequences == 2:
        half = len(operands) // 2
        return function(operands[:half], operands[half:])
    return function(operands) if operation.sequences else function(*operands)


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.__name__)
@pytest.mark.parametrize("operation", TABLE.values(), ids=lambda operation: operation.name)
def test_every_row_in_every_system(operation, system):
    numbers = point(operation)
    expected = FLOATS.evaluate(operation, numbers)
    operands = [system.number(x) for x in numbers]
    assert system.read(called(system.m, operation, operands)) == pytest.approx(expected, rel=1e-13)
    assert system.read(system.m.apply(operation, *operands)) == pytest.approx(expected, rel=1e-13)
    y = system.m.evaluate(operation, operands)
    assert system.read(y) == pytest.approx(expected, rel=1e-13)
    found = system.m.partials(operation, y, operands)
    for partial, true in zip(found, FLOATS.partials(operation, expected, numbers), strict=True):
        assert (partial is None) == (true is None)
        if true is not None:
            assert system.read(partial) == pytest.approx(true, rel=1e-12)


@pytest.mark.parametrize("operation", [each for each in TABLE.values() if each.arity in (1, 2)], ids=lambda r: r.name)
def test_the_text_of_a_formula_computes_what_the_formula_does(operation):
    names = ["x", "y"][: operation.arity]
    numbers = dict(zip(names, point(operation), strict=True))
    try:
        text = SYMBOLS.evaluate(operation, [Symbol(name) for name in names]).text
    except UnwritableError:
        pytest.skip("is no text")
    functions = {name: getattr(FLOATS, name) for name in TABLE}
    assert eval(text, functions | numbers) == FLOATS.evaluate(operation, list(numbers.values()))


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.__name__)
def test_a_system_has_the_functions_of_the_table_and_no_others(system):
    assert isinstance(system.m, NumberSystem)
    assert system.read(system.m.divide(system.number(3.0), system.number(2.0))) == 1.5
    with pytest.raises(AttributeError, match="there is no function 'bessel' of numbers"):
        system.m.bessel(system.number(1.0))


# A new operation


@pytest.fixture
def complement():
    """One row: nothing else is said about it anywhere."""
    slope = -2.0 / math.sqrt(math.pi)
    operation = row(
        "complement",
        lambda m, x: 1.0 - m.erf(x),
        lambda m, y, x: (slope * m.exp(-m.square(x)),),
        latex=r"\operatorname{{erfc}}({0})",
        symbol="erfc",
    )
    yield operation
    del TABLE["complement"]


def test_a_new_operation_is_one_row(complement):
    def own(x):
        return apply(complement, x)

    x = Value(0.3, name="x")
    y = own(x)
    y.backward()
    slope = -2.0 / math.sqrt(math.pi) * math.exp(-0.09)
    assert y.data == pytest.approx(erfc(0.3), rel=1e-15)
    assert x.grad == pytest.approx(slope, rel=1e-15)
    assert derivative(y, x, order=2).data == pytest.approx(-0.6 * slope, rel=1e-14)
    assert own(0.3) == y.data
    assert "erfc" in draw(y).source
    assert "-1.128·e" in str(explain(y, x)) or "-1.128·exp" in str(explain(y, x))
    assert gradcheck(own, [0.3]).ok
    for backend in ("floats", "arrays"):
        value, gradient = compile(y, wrt=[x], backend=backend)()
        assert value == pytest.approx(y.data, rel=1e-15)
        assert gradient.tolist() == pytest.approx([slope], rel=1e-14)


def test_a_new_operation_is_written_out_too(complement):
    """As a method of a class of Values, in straight code like those of the library."""

    class Own(Value):
        def complement(self):
            """The plain method."""
            raise AssertionError("the written one takes its place")

    write_methods(Own, Value=Value, apply=apply, constant=autograd.value.constant)
    assert Own(0.3).complement().data == apply(complement, 0.3)
    assert Own(0.3).complement().op == "complement"


def test_the_rows_say_what_others_need_to_know():
    assert {name for name, each in TABLE.items() if each.is_operator} == {"add", "sub", "mul", "div", "pow", "neg"}
    assert {name for name, each in TABLE.items() if each.reduces} == {"sum", "prod", "max", "min"}
    for operation in TABLE.values():
        numbers = point(operation)
        if operation.commutative:
            backwards = FLOATS.evaluate(operation, numbers[::-1])
            assert backwards == pytest.approx(FLOATS.evaluate(operation, numbers), rel=1e-15)
        if operation.linear:
            elsewhere = [x + 0.25 for x in numbers]
            here, there = (
                FLOATS.partials(operation, FLOATS.evaluate(operation, xs), xs) for xs in (numbers, elsewhere)
            )
            assert list(here) == list(there)
        if operation.reduces:
            total = numbers[0]
            for x in numbers[1:]:
                total = FLOATS.evaluate(operation.reduces, [total, x])
            assert total == pytest.approx(FLOATS.evaluate(operation, numbers), rel=1e-15)


def test_ufuncs_give_the_same_at_every_argument():
    np = pytest.importorskip("numpy")
    for operation in TABLE.values():
        if operation.ufunc:
            numbers = point(operation)
            expected = getattr(np, operation.ufunc)(*map(np.float64, numbers))
            assert FLOATS.evaluate(operation, numbers) == pytest.approx(float(expected), rel=1e-15)


def test_a_row_that_is_not_the_librarys_is_no_built_in_one():
    assert ops.tanh.is_built_in
    assert not autograd.operation("tanh", lambda m, x: x * x, lambda m, y, x: (2 * x,)).operation.is_built_in
