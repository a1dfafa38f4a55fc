"""Each pass of the compiler by itself: what it makes of a small graph, as it prints."""

import cProfile
import itertools
import math
import threading
import time
import tracemalloc

import numpy as np
import pytest

import autograd
import nn
from autograd import Value, operation, ops
from autograd.compiler import arrays, plan
from autograd.compiler.costs import Choice, Size, choose, work
from autograd.compiler.differentiate import differentiate
from autograd.compiler.engines import float_text, places
from autograd.compiler.engines.expressions import ATOM, CONDITION, PRODUCT, SUM, Language, Spelling
from autograd.compiler.engines.scalars import Expression, Variable
from autograd.compiler.flatten import flatten
from autograd.compiler.grids import as_view, evenly_spaced, factored
from autograd.compiler.ir import Builder, View
from autograd.compiler.lower import for_arrays, lower
from autograd.compiler.pipeline import Request, complete, packed, traced, unpacked
from autograd.compiler.signatures import grouped
from autograd.compiler.simplify import simplify
from autograd.compiler.trace import trace

from .test_compiler import ARRAYS


@pytest.fixture
def leaves():
    return Value(2.0), Value(3.0), Value(5.0)


def test_trace(leaves):
    a, b, x = leaves
    graph = trace([(a * x + 1).exp()], [a, b], [[x]])
    assert str(graph).splitlines() == [
        "#0 = theta[0]",
        "#1 = theta[1]",
        "#2 = input 0[0]",
        "#3 = mul(#0, #2)",
        "#4 = 1.0",
        "#5 = add(#3, #4)",
        "#6 = exp(#5)",
        "return #6",
    ]


def test_simplify_folds_constants_and_repetitions(leaves):
    a, b, _ = leaves
    graph = simplify(trace([a.exp() * a.exp() + b.sin()], [a], []))
    assert [str(operation.name) for operation in graph.operations if operation] == ["exp", "mul", "add"]
    assert np.sin(3.0) in graph.data


@pytest.mark.parametrize(
    ("build", "results"),
    [
        (lambda a, b, two: a.exp() * a.exp(), 2),
        (lambda a, b, two: (a * b).exp() - (a * b).sin(), 4),
        (lambda a, b, two: autograd.prod([a, b, a]) + autograd.prod([a, b, a]), 2),
        (lambda a, b, two: a * two.exp(), 1),
        (lambda a, b, two: a * (two * two), 1),
        (lambda a, b, two: a * autograd.prod([two] * 3), 1),
        (lambda a, b, two: a * b + autograd.prod([a, b, two]), 3),
    ],
)
def test_simplify_finds_what_is_done_twice_or_with_constants_only(leaves, build, results):
    a, b, two = leaves
    loss = build(a, b, two)
    graph = simplify(trace([loss], [a, b], []))
    assert sum(operation is not None for operation in graph.operations) == results


@pytest.mark.parametrize("number", [0.0, 1.0, -1.0])
def test_simplify_leaves_numbers_alone(leaves, number):
    a, _, _ = leaves
    graph = simplify(trace([a * number], [a], []))
    assert [operation.name for operation in graph.operations if operation] == ["mul"]


def test_flatten(leaves):
    a, b, x = leaves
    graph = simplify(trace([a * x - (b + 2 * x) + autograd.dot([a, b], [x, b]) - 3], [a, b], [[x]]))
    [total] = flatten(graph).sums.values()
    assert total.constant == -3.0
    assert total.terms == ([], [1])
    assert [len(products) for products in total.products] == [3, 1]


def test_a_sum_that_is_used_twice_stays(leaves):
    a, b, _ = leaves
    shared = a + b
    assert len(flatten(simplify(trace([shared * shared + 1], [a, b], []))).sums) == 2


def layer(rows, width):
    weights = [[Value(float(i + j)) for j in range(width)] for i in range(rows)]
    x = [Value(0.5) for _ in range(width)]
    return weights, x, [autograd.dot(row, x).tanh() for row in weights]


def program(outputs, wrt, inputs):
    shapes = [(len(each),) for each in inputs]
    request = Request(outputs, len(outputs) > 1, wrt, inputs, shapes, True)
    graph = traced(request)
    return request, *packed(request, graph, grouped(graph, request.gives_gradient))


def test_pack_finds_the_matrix_product():
    weights, x, outputs = layer(3, 2)
    _, builder, output = program(outputs, [w for row in weights for w in row], [x])
    assert str(builder.program([output])).splitlines() == [
        "%0: 6 = theta()",
        "%1: batch x 2 = input 0()",
        "%2: 3 x 2 = view from 0 by 2, 1(%0)",
        "%3: batch x 3 = contract lk,k->l(%2, %1)",
        "%4: batch x 3 = map tanh(%3)",
        "return %4",
    ]


def test_pack_gathers_what_is_in_no_order():
    weights, x, outputs = layer(3, 2)
    shuffled = [weights[i][j] for i, j in ((2, 1), (0, 0), (1, 1), (0, 1), (2, 0), (1, 0))]
    _, builder, output = program(outputs, shuffled, [x])
    ops = [each.op for each in builder.program([output]).instructions]
    assert ops.count("take") == 2  # the weights, and the outputs in their own order again
    assert ops.count("contract") == 1


def test_differentiate_makes_two_products_of_one():
    weights, x, outputs = layer(3, 2)
    request, builder, output = program([autograd.sum(outputs)], [w for row in weights for w in row], [x])
    theta = next(each for each in builder.instructions if each.op == "theta")
    gradient = differentiate(builder, output, theta)
    contractions = [each.data for each in builder.program([gradient]).instructions if each.op == "contract"]
    assert contractions == ["lk,k->l", "l,k->lk"]  # nobody asks for the gradient of the inputs
    assert complete(request, builder, output).outputs[1] is gradient


NUMBERS = [0.0, -0.0, 1.0, -1.0, 2.0, 3.5, math.inf, -math.inf, math.nan]
FOLDED = [ops.add, ops.sub, ops.mul, ops.div, ops.neg, ops.pow, ops.where, ops.maximum]


def evaluated(instruction, numbers):
    """Element 0 of what an instruction of literals, operations and inputs gives, and that of other operands."""
    if instruction.op == "map":
        return ops.FLOATS.evaluate(instruction.data, [evaluated(each, numbers) for each in instruction.operands])
    if instruction.op == "input":
        return numbers[instruction.data]
    return float(np.ravel(instruction.data)[0])


@pytest.mark.parametrize("row", FOLDED, ids=lambda row: row.name)
def test_what_is_folded_gives_the_same_bits(row):
    """For a number, an array of constants or a negated operand in any position, and all numbers for the others."""
    for position in range(row.arity):
        for kind, constant in itertools.product(("number", "array", "negative", "scaled"), NUMBERS):
            builder = Builder()
            operands = [builder.make("input", (), i, (2,), True) for i in range(row.arity)]
            x = operands[position]
            operands[position] = {
                "number": builder.number(constant),
                "array": builder.numbers([constant, 7.0]),
                "negative": builder.map(ops.neg, x),
                "scaled": builder.map(ops.mul, builder.numbers([constant, 7.0]), x),
            }[kind]
            result = builder.map(row, *operands)
            for numbers in itertools.product(NUMBERS, repeat=row.arity):
                expected = ops.FLOATS.evaluate(row, [evaluated(each, numbers) for each in operands])
                found = evaluated(result, numbers)
                is_same = found == expected and math.copysign(1.0, found) == math.copysign(1.0, expected)
                assert is_same or (found != found and expected != expected), (operands, numbers)


def test_instructions_are_made_once_for_the_same_bits():
    builder = Builder()
    assert builder.number(0.0) is builder.number(0.0)
    assert builder.number(0.0) is not builder.number(-0.0)
    assert builder.numbers([0.0, 1.0]) is builder.numbers([0.0, 1.0])
    assert builder.numbers([0.0, 1.0]) is not builder.numbers([-0.0, 1.0])


def test_constants_are_told_apart_to_the_last_bit():
    """Two rows of weights that are equal, but for the signs of their zeros, are no rows of one matrix product."""
    x, y = [Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]
    rows = [([2.0, 3.0], x), ([2.0, 3.0], y), ([0.0, 1.0], x), ([-0.0, 1.0], y)]
    _, builder, output = program([autograd.dot([Value(c) for c in row], z) for row, z in rows], [], [x + y])
    numbers = [each.data for each in builder.program([output]).instructions if each.op == "literal"]
    assert any(np.signbit(np.asarray(each)).any() for each in numbers)


def test_lower_keeps_what_numpy_has():
    builder = Builder()
    x = builder.make("input", (), 0, (), True)
    y = builder.map(autograd.ops.softplus, builder.map(autograd.ops.exp, x))
    names = [str(each.data) for each in lower(builder.program([y]), Builder(), for_arrays).instructions]
    assert "<operation softplus>" not in names
    assert "<operation log1p>" in names


@pytest.mark.parametrize("rows", [1, 31, 128, 496, 1000])
@pytest.mark.parametrize(("length", "width"), [(32, 128), (128, 32), (300, 100), (1, 64), (5, 1)])
def test_products_of_many_rows(rows, length, width):
    """In pieces or not, of transposed factors or not, they are what NumPy's product is."""
    rng = np.random.default_rng(rows)
    x, y, z = (rng.normal(size=shape) for shape in ((rows, length), (width, length), (rows, width)))
    results = np.empty((rows, width)), np.empty((rows, length)), np.empty((width, length))
    arrays.product_by_rows(rows, length, width)(x, y.T, out=results[0])
    arrays.product_by_rows(rows, width, length)(z, y, out=results[1])
    arrays.product_over_rows(width, rows, length)(z.T, x, out=results[2])
    for result, (left, right) in zip(results, [(x, y.T), (z, y), (z.T, x)], strict=True):
        np.testing.assert_allclose(result, left @ right, rtol=1e-12, atol=1e-12)


def test_programs_multiply_many_rows_in_pieces(monkeypatch):
    model, x = nn.MLP([64, 80, 56], activation="tanh", seed=0), [Value(0.0) for _ in range(64)]
    loss = autograd.sum([y * y for y in model(x)])
    batch = np.random.default_rng(0).normal(size=(128, 64))
    expected = autograd.compile(loss, wrt=model.parameters(), inputs=(x,), backend="arrays")(batch)
    pieces, counted = [], arrays._pieces
    monkeypatch.setattr(arrays, "_PIECE", 400_000)
    monkeypatch.setattr(arrays, "_pieces", lambda *given, least: pieces.append(counted(*given, least)) or pieces[-1])
    found = autograd.compile(loss, wrt=model.parameters(), inputs=(x,), backend="arrays")(batch)
    assert pieces == [2, 2, 2, 2, 2]  # forwards, of two layers; and backwards, where the first has but one product
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-13)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("left", "right", "shape"),
    [
        ([[0, 1], [2, 3], [0, 1], [2, 3]], [[4, 5], [4, 5], [6, 7], [6, 7]], (1, 2, 2)),
        ([[0, 1], [2, 3], [4, 5]], [[6, 7]] * 3, (1, 1, 3)),
        ([[0, 1], [2, 3], [0, 1]], [[4, 5], [4, 5], [6, 7]], None),  # a pair is missing
        ([[0, 1], [2, 3]], [[4, 5], [6, 7]], None),  # row by row
        ([[0], [1], [2], [3]] * 2, [[4], [4], [5], [5], [6], [6], [7], [7]], None),
        (
            [[0, 1], [2, 3], [0, 1], [2, 3], [8, 9], [10, 11], [8, 9], [10, 11]],
            [[4, 5], [4, 5], [6, 7], [6, 7], [12, 13], [12, 13], [14, 15], [14, 15]],
            (2, 2, 2),
        ),
    ],
)
def test_factored(left, right, shape):
    found = factored(np.array(left), np.array(right))
    assert (found and found[1]) == shape


def test_as_view():
    grid = np.arange(24).reshape(4, 6)
    assert as_view(grid[1:3, ::2]) == View(6, (2, 3), (6, 2))
    assert as_view(grid.T) == View(0, (6, 4), (1, 6))
    assert as_view(np.array([3, 3, 3])) == View(3, (3,), (0,))
    assert as_view(np.array([0, 1, 3])) is None
    assert evenly_spaced(np.array([0, 1, 10, 11, 20, 21])) == (3, 2)


def test_costs_choose_floats_for_small_graphs_and_arrays_for_packable_ones():
    assert choose(Size(15, 15, 15, groups=8, parts=12, gradient=True, batched=False)).floats_below
    many = Size(120_000, 120_000, 400, groups=12, parts=18, gradient=True, batched=True)
    assert choose(many) == Choice(packs=True, floats_below=0)
    assert choose(many, has_native=True) == Choice(packs=True, floats_below=0, fused_from=1)
    irregular = choose(Size(2000, 2000, 2000, groups=1950, parts=3000, gradient=True, batched=True))
    assert not irregular.packs
    assert 1 < irregular.floats_below < 100


@pytest.mark.parametrize(
    ("numbers", "rows", "pays"),
    [
        ((2433, 16431, 1513, 169, 264), 32, True),  # a recurrent network, in many groups: 346 us instead of 411
        ((1320, 1320, 70, 10, 14), 100, False),  # a dense network, mostly products: 58 us instead of 36
        ((79498, 79498, 132, 7, 10), 32, False),  # one for images: 1467 us instead of 186
        ((436480, 436480, 13129, 36, 44), 32, False),  # a transformer: 13,820 us instead of 1905
    ],
)
def test_costs_choose_machine_code_where_elements_count_more_than_products(numbers, rows, pays):
    choice = choose(Size(*numbers, gradient=True, batched=True), has_native=True)
    assert (choice.native_from <= rows < choice.native_below) == pays


def test_a_negative_sum_is_a_sum():
    builder = Builder()
    x = builder.make("input", (), 0, (3,), True)
    total = builder.total(builder.map(ops.neg, x), 0.5)
    assert (total.op, total.operands, total.data) == ("total", (x,), -0.5)


def test_costs_count_the_operations_of_wide_nodes():
    """A dot product is one node, but no cheaper for that."""
    weights, x = [[Value(0.1) for _ in range(500)] for _ in range(2)]
    step = autograd.compile(autograd.dot(weights, x), wrt=weights, inputs=(x,))
    assert "floats below" not in repr(step)
    assert step._plan.size == Size(1, 999, 1, groups=1, parts=1, gradient=True, batched=True)


def test_work_is_counted():
    inputs, hidden = 5, 3
    weights = [Value(0.1) for _ in range(inputs * hidden)]
    x = [Value(0.0) for _ in range(inputs)]
    sums = [autograd.dot(weights[j * inputs : (j + 1) * inputs], x) for j in range(hidden)]
    request = Request([autograd.sum([s.exp() for s in sums])], False, weights, [x], [(inputs,)], mean=False)
    graph = traced(request)
    counts = work(complete(request, *packed(request, graph, grouped(graph, request.gives_gradient))))
    assert counts.products == 2  # there and back
    forward, exponentials, total, backward = 2 * inputs * hidden, hidden, hidden, 2 * inputs * hidden
    value = 1  # added up over the rows
    assert counts.row_flops == forward + exponentials + total + backward + value
    assert counts.call_flops == 0


def test_repr_tells_what_was_made_and_why(leaves):
    a, b, x = leaves
    lines = repr(autograd.compile((a * x + b) ** 2, wrt=[a, b], inputs=(x,))).splitlines()
    assert lines[0] == "<compiled program: 3 nodes in 2 groups, 2 parameters"
    counts = "11 instructions, 0 products, 9 flops a row + 1 flops a call, 9 NumPy calls"
    assert lines[1] == f"  one array per node: {counts}"
    assert lines[2].startswith("  floats below ")
    assert lines[3].startswith("  estimated for 32 rows: arrays ")


def test_repr_without_inputs_knows_no_rows(leaves):
    a, b, _ = leaves
    text = repr(autograd.compile((a * 3.0 + b) ** 2, wrt=[a, b]))
    assert "flops a call" in text
    assert "row" not in text


@pytest.mark.parametrize("backend", ["floats", "arrays"])
def test_repr_names_inputs_that_nothing_depends_on(leaves, backend):
    a, b, x = leaves
    y = [Value(1.0), Value(2.0)]
    assert "nothing depends on inputs[0], inputs[2]" in repr(
        autograd.compile(a * x, wrt=[a], inputs=(b, x, y), backend=backend)
    )
    assert "nothing depends" not in repr(autograd.compile(a * x + y[1], wrt=[a], inputs=(x, y), backend=backend))


def test_the_weights_of_a_program_that_predicts_are_in_the_order_of_the_layers():
    """So that no elements need to be taken by number between two products."""
    weights = np.random.default_rng(0).normal(size=(3, 4, 4)).tolist()
    x = outputs = [Value(0.0) for _ in range(4)]
    for layer in weights:
        outputs = [autograd.dot(row, outputs).tanh() for row in layer]
    assert "take" not in autograd.compile(outputs, inputs=(x,), backend="arrays").source


@pytest.mark.parametrize(("rows", "made"), [(1, ["floats"]), (1000, ["arrays"])])
def test_kernels_are_made_at_their_first_use(leaves, rows, made, monkeypatch):
    a, b, x = leaves
    log = []
    for kind, kernel in (("floats", plan.FloatKernel), ("arrays", plan.ArrayKernel)):
        monkeypatch.setattr(
            plan, kernel.__name__, lambda *args, kind=kind, kernel=kernel: log.append(kind) or kernel(*args)
        )
    step = autograd.compile((a * x + b) ** 2, wrt=[a, b], inputs=(x,))
    assert log == []
    for _ in range(2):
        step(np.ones(rows))
        assert log == made
    assert "def prepare(" in step.source
    assert sorted(log) == ["arrays", "floats"]


def test_threads_make_one_kernel(leaves, monkeypatch):
    a, b, x = leaves
    log = []
    kernel = plan.ArrayKernel
    monkeypatch.setattr(plan, "ArrayKernel", lambda *args: log.append(args) or time.sleep(0.05) or kernel(*args))
    step = autograd.compile((a * x + b) ** 2, wrt=[a, b], inputs=(x,), backend="arrays")
    start = threading.Barrier(4)

    def work():
        start.wait()
        step([1.0])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(log) == 1


@pytest.mark.parametrize("backend", ["floats", "arrays", None])
def test_partials_that_do_not_fit_fail_when_the_graph_is_compiled(leaves, backend):
    a, b, _ = leaves
    wrong = operation(
        f"one too few in test_compiler_passes on {backend}",
        lambda m, x, y: x * y,
        lambda m, z, x, y: (y, x) if isinstance(x, float) else (y,),
    )
    with pytest.raises(ValueError, match="zip"):
        autograd.compile(wrong(a, b), wrt=[a, b], backend=backend)


def test_expressions_in_another_language():
    """Where JavaScript needs parentheses is found as for Python, from a table of its spellings."""
    javascript = Language(
        {
            ops.add: Spelling("{0} + {1}", SUM, (SUM, PRODUCT)),
            ops.mul: Spelling("{0} * {1}", PRODUCT, (PRODUCT, ATOM)),
            ops.neg: Spelling("-{0}", PRODUCT, (ATOM,)),
            ops.exp: Spelling("Math.exp({all})"),
            "positive_part": Spelling("{0} <= 0 ? 0 : {0}", CONDITION, (ATOM,)),
        },
        number=str,
        variable=lambda variable: f"{variable.array}[{variable.element}]",
    )
    x = Variable("theta", 3)
    total = Expression(ops.add, (x, Expression(ops.add, (2.0, "t0"))))
    part = Expression("positive_part", (x,))
    assert javascript.text(Expression(ops.mul, (total, part))) == (
        "(theta[3] + (2.0 + t0)) * (theta[3] <= 0 ? 0 : theta[3])"
    )
    assert (
        javascript.text(Expression(ops.exp, (Expression(ops.neg, (total,)),))) == "Math.exp(-(theta[3] + (2.0 + t0)))"
    )


def cost_of_a_chain(length, backend):
    """Function calls and peak memory of compiling and running a chain in which hardly any two nodes are alike."""
    rng = np.random.default_rng(0)
    weights = [Value(float(x)) for x in rng.normal(size=20)]
    x = y = Value(0.3)
    for kind, i in zip(rng.integers(0, 4, length).tolist(), rng.integers(0, 20, length).tolist(), strict=True):
        w = weights[i]
        y = [lambda y, w: (y * w).sin(), lambda y, w: y + w, lambda y, w: y.tanh(), lambda y, w: y * w - y][kind](y, w)
    profile = cProfile.Profile()
    tracemalloc.start()
    try:
        profile.runcall(lambda: autograd.compile(y, wrt=weights, inputs=(x,), backend=backend)([0.3, 0.4]))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return sum(entry.callcount for entry in profile.getstats()), peak


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["floats", *ARRAYS])
def test_irregular_graphs_cost_in_proportion_to_their_size(backend, monkeypatch):
    for module in (float_text, places):
        monkeypatch.setattr(module, "LONG", 500)
    cost_of_a_chain(100, backend)
    (calls, memory), (more_calls, more_memory) = (cost_of_a_chain(length, backend) for length in (300, 1200))
    assert more_calls < 4.5 * calls
    assert more_memory < 4.5 * memory


@pytest.mark.parametrize("function", [autograd.softmax, nn.log_softmax])
@pytest.mark.parametrize("packs", [True, False])
def test_all_shares_of_a_row_are_computed_and_differentiated_together(function, packs):
    """The instructions per operand, which are all of their own kinds, do not grow with the number of operands."""
    counts = []
    for number in (10, 40):
        x = [Value(0.1 * i) for i in range(number)]
        operands = [*itertools.accumulate(x, lambda before, z: (before * z).tanh())]
        loss = autograd.sum([share * (1.0 + i) for i, share in enumerate(function(operands))])
        request = Request([loss], False, x, [], [], True)
        graph = traced(request)
        outputs = packed(request, graph, grouped(graph, request.gives_gradient)) if packs else unpacked(request, graph)
        counts.append(len(complete(request, *outputs).instructions))
    assert counts[1] < 4.5 * counts[0]


def test_one_share_of_a_row_does_not_compute_the_others():
    x = [Value(0.1 * i) for i in range(9)]
    request = Request([nn.log_softmax(x)[4]], False, x, [], [], True)
    _, output = unpacked(request, traced(request))
    assert output.data is ops.log_softmax
