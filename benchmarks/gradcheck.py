"""Verdicts and speed of gradcheck, with torch's verdicts beside ours.

    pip install -e ".[bench]"
    python -m benchmarks.gradcheck

First the derivatives on which checks by differences fail: small ones, steep ones, kinks, and faults that an absolute
tolerance hides. Then random graphs, each as it is and with one fault planted: a right graph that is refused is a false
alarm, a fault that is not found at the right operation a false pass. Then the time for a graph of 1,000 operations and
50 inputs, and what the pytest plugin adds to the start of pytest.
"""

import argparse
import math
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import autograd
from autograd import GradcheckError, Value, gradcheck, operation, ops
from autograd.operation import Operation
from autograd.value import apply

OURS_WITH_A_FAULT = {
    "sigmoid' = 0": operation("flat_sigmoid", lambda m, x: m.sigmoid(x), lambda m, y, x: (0.0,)),
    "twice too large": operation("double", lambda m, x: 1e-6 * x * x, lambda m, y, x: (4e-6 * x,)),
    "sign": operation("minus_sin", lambda m, x: m.sin(x), lambda m, y, x: (-m.cos(x),)),
}

CASES: list[tuple[str, str, Callable[..., Any], list[float]]] = [
    # what it is, what it should be, the function of either library's numbers, where
    ("1/x at 1e-5", "pass", lambda x: 1 / x, [1e-5]),
    ("log at 1e-6", "pass", lambda x: x.log(), [1e-6]),
    ("x + 1e9", "pass", lambda x: x + 1e9, [1.0]),
    ("sigmoid at 12", "pass", lambda x: x.sigmoid(), [12.0]),
    ("exp at 30", "pass", lambda x: x.exp(), [30.0]),
    ("1e-6 x^2 at 1.5", "pass", lambda x: 1e-6 * x * x, [1.5]),
    ("relu at 0", "kink", lambda x: x.relu(), [0.0]),
    ("abs at 0", "kink", lambda x: x.abs(), [0.0]),
    ("maximum at a tie", "kink", lambda x, y: x.maximum(y), [1.0, 1.0]),
    ("x * detached x", "fail", lambda x: x * x.detach(), [3.0]),
]

FAULTS: list[tuple[str, str, float]] = [
    ("sigmoid with derivative 0 at 12", "sigmoid' = 0", 12.0),
    ("2 times too large at 1e-6", "twice too large", 1.5),
    ("sin with the wrong sign", "sign", 1.0),
]


def our_verdict(f: Callable[..., Any], point: Sequence[float]) -> str:
    try:
        verdicts = {entry.verdict for entry in gradcheck(f, list(point)).entries}
    except GradcheckError as error:
        blamed = next((entry.op for entry in error.report.entries if entry.op), None)
        return f"fail ({blamed})" if blamed else "fail"
    return "pass" if verdicts == {"ok"} else ", ".join(sorted(verdicts - {"ok"}))


def torch_verdict(torch: Any, f: Callable[..., Any], point: Sequence[float]) -> str:
    inputs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in point]
    try:
        return "pass" if torch.autograd.gradcheck(f, inputs) else "fail"
    except RuntimeError:
        return "fail"


def torch_faults(torch: Any) -> dict[str, Callable[..., Any]]:
    """The same wrong derivatives as operations of torch."""

    def faulty(forward: Callable[[Any], Any], derivative: Callable[[Any], Any]) -> Callable[..., Any]:
        class Faulty(torch.autograd.Function):  # type: ignore[misc]
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                ctx.save_for_backward(x)
                return forward(x)

            @staticmethod
            def backward(ctx: Any, cotangent: Any) -> Any:
                return cotangent * derivative(*ctx.saved_tensors)

        return Faulty.apply  # type: ignore[no-any-return]

    return {
        "sigmoid' = 0": faulty(lambda x: x.sigmoid(), lambda x: 0 * x),
        "twice too large": faulty(lambda x: 1e-6 * x * x, lambda x: 4e-6 * x),
        "sign": faulty(lambda x: x.sin(), lambda x: -x.cos()),
    }


def verdicts() -> None:
    try:
        import torch
    except ImportError:
        torch = None  # type: ignore[assignment]
        print('torch is not installed: pip install -e ".[bench]"')
    print(f"{'derivative':34} {'should':8} {'gradcheck':22} torch's gradcheck")
    for name, expected, f, point in CASES:
        theirs = torch_verdict(torch, f, point) if torch else "-"
        print(f"{name:34} {expected:8} {our_verdict(f, point):22} {theirs}")
    their_faults = torch_faults(torch) if torch else {}
    for name, key, x in FAULTS:
        theirs = torch_verdict(torch, their_faults[key], [x]) if torch else "-"
        print(f"{name:34} {'fail':8} {our_verdict(OURS_WITH_A_FAULT[key], [x]):22} {theirs}")


# Random graphs

PLAIN = [ops.TABLE[name] for name in ("exp", "sin", "cos", "arctan", "tanh", "sigmoid", "softplus", "relu", "silu")]
PLAIN += [ops.TABLE[name] for name in ("gelu", "erf", "abs", "square", "sqrt", "log", "reciprocal", "elu", "log1p")]
PAIRS = [ops.TABLE[name] for name in ("add", "sub", "mul", "div", "maximum", "logaddexp", "hypot", "arctan2", "pow")]
MANY = [ops.TABLE[name] for name in ("sum", "mean", "prod", "logsumexp", "max")]

MISTAKES: dict[str, Callable[[Any, Any], Any]] = {
    "sign": lambda m, partial: -partial,
    "factor": lambda m, partial: 2.0 * partial,
    "zero": lambda m, partial: 0.0,
    "missing": lambda m, partial: None,
    "off by 1e-4": lambda m, partial: partial * (1.0 + 1e-4),
}


def random_graph(rng: random.Random, operations: int) -> list[Value]:
    known = [Value(rng.uniform(-3.0, 3.0), name=name) for name in "xyz"]
    while len(known) < 3 + operations:
        row = rng.choice(rng.choice([PLAIN, PAIRS, MANY]))
        count = row.arity or (1 if row.formula.__defaults__ else rng.randint(2, 4))
        operands = [rng.choice(known[-8:]) for _ in range(count)]
        if is_within(row, operands):
            result = apply(row, *operands)
            if math.isfinite(result.data) and abs(result.data) < 1e4:
                known.append(result)
    return known


def is_within(row: Operation, operands: Sequence[Value]) -> bool:
    intervals = [row.domain[min(i, len(row.domain) - 1)] for i in range(len(operands))]
    return all(low <= x.data <= high for x, (low, high) in zip(operands, intervals, strict=True))


def planted(rng: random.Random, known: Sequence[Value]) -> tuple[Value, str] | None:
    """The graph with one more operation whose derivative is wrong; None if its operand suits no operation."""
    operand = rng.choice([value for value in known if abs(value.data) > 1e-3])
    row = rng.choice([row for row in PLAIN if is_within(row, [operand])] or [ops.sin])
    mistake = rng.choice(sorted(MISTAKES))
    change = MISTAKES[mistake]
    x = Value(operand.data)
    apply(row, x).backward()
    if abs(x.grad) < 1e-300:
        return None
    name = f"faulty {row.name}"
    wrong = Operation(
        name,
        row.formula,
        lambda m, y, x: (change(m, row.partials(m, y, x)[0]),),
        kinks=row.kinks,
        domain=row.domain,
    )
    return known[-1] + apply(wrong, operand), name


def random_graphs(number: int) -> None:
    rng = random.Random(0)
    alarms = passes = faults = 0
    counts: dict[str, int] = {}
    start = time.perf_counter()
    for i in range(number):
        known = random_graph(rng, rng.randint(3, 30))
        try:
            entries = gradcheck(known[-1]).entries
        except GradcheckError as error:
            alarms += 1
            print(f"false alarm in graph {i}:\n{error}")
        else:
            for entry in entries:
                counts[entry.verdict] = counts.get(entry.verdict, 0) + 1
        fault = planted(rng, known)
        if fault is not None:
            faults += 1
            passes += not is_found(*fault)
    seconds = time.perf_counter() - start
    print(f"\n{number} random graphs: {alarms} false alarms; {faults} planted faults: {passes} false passes")
    print(f"  verdicts {counts}, {seconds / max(number + faults, 1) * 1e3:.1f} ms a check")


def is_found(root: Value, name: str) -> bool:
    try:
        gradcheck(root)
    except GradcheckError as error:
        return [fault.node.op for fault in error.report.faults] == [name]
    return False


# Arrays: thousands of components, with SciPy and torch in turn


def layer_loss() -> tuple[Callable[[Any], Any], Callable[[Any], Any], Any, list[int]]:
    """A loss of 10,000 weights, its gradient, the weights, and a counter of its calls."""
    import numpy as np

    rng = np.random.default_rng(0)
    x, y, weights = rng.normal(size=(32, 100)), rng.normal(size=(32, 100)), rng.normal(size=(100, 100)) / 10.0
    calls = [0]

    def f(w: Any) -> Any:
        calls[0] += 1
        return ((np.tanh(x @ w) - y) ** 2).mean()

    def df(w: Any) -> Any:
        h = np.tanh(x @ w)
        return x.T @ (2 * (h - y) * (1 - h * h) / h.size)

    return f, df, weights, calls


def many_components(turns: int) -> None:
    f, df, weights, calls = layer_loss()

    def wrong(w: Any) -> Any:
        found = df(w)
        found[37, 61] *= 1.01
        return found

    def ours(derivative: Callable[[Any], Any]) -> str:
        try:
            return str(autograd.check_gradient(f, derivative, weights).summary)
        except GradcheckError as error:
            return error.report.summary

    rows: dict[str, Callable[[], str]] = {
        "check_gradient, right": lambda: ours(df),
        "check_gradient, one wrong": lambda: ours(wrong),
        **peers_of_arrays(f, df, weights),
    }
    times: dict[str, list[float]] = {name: [] for name in rows}
    found, counts = {}, {}
    for turn in range(turns):
        for name, run in rows.items():
            if turn == 0 or name.startswith("check_gradient"):  # the peers take too long for more
                calls[0], start = 0, time.perf_counter()
                found[name] = run()
                times[name].append(time.perf_counter() - start)
                counts[name] = calls[0]
    print("\n10,000 components")
    for name in rows:
        print(f"  {name:26} {statistics.median(times[name]):8.3f} s {counts[name]:7} calls  {found[name]}")


def peers_of_arrays(f: Callable[[Any], Any], df: Callable[[Any], Any], weights: Any) -> dict[str, Callable[[], str]]:
    peers: dict[str, Callable[[], str]] = {}
    try:
        from scipy.optimize import check_grad
    except ImportError:
        print("SciPy is not installed")
    else:
        peers["SciPy check_grad"] = lambda: f"{check_grad(_flat(f), _flat_gradient(df), weights.ravel()):.2e}"
    try:
        import torch
    except ImportError:
        return peers
    start = torch.from_numpy(weights).requires_grad_()
    rng = torch.Generator().manual_seed(0)
    x, y = (torch.randn(32, 100, generator=rng, dtype=torch.float64) for _ in range(2))

    def loss(w: Any) -> Any:
        return ((torch.tanh(x @ w) - y) ** 2).mean()

    for name, fast in (("torch gradcheck, fast", True), ("torch gradcheck, slow", False)):
        peers[name] = lambda fast=fast: str(torch.autograd.gradcheck(loss, start, fast_mode=fast, atol=1e-9))  # type: ignore
    return peers


def _flat(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda w: f(w.reshape(100, 100))


def _flat_gradient(df: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda w: df(w.reshape(100, 100)).ravel()


def wrong_components(number: int) -> None:
    """Faults of 1 % in one component of 10,000: found and named?"""
    import numpy as np

    f, df, weights, _ = layer_loss()
    named = 0
    for seed in range(number):
        row, column = np.random.default_rng(seed).integers(100, size=2)

        def bad(w: Any, row: int = row, column: int = column) -> Any:
            found = df(w)
            found[row, column] *= 1.01
            return found

        try:
            autograd.check_gradient(f, bad, weights, seed=seed)
        except GradcheckError as error:
            wrong = [entry.input for entry in error.report.entries if entry.verdict == "wrong"]
            named += wrong == [f"w[{row}, {column}]"]
    print(f"  {named} of {number} faults of 1 % in one component found and named")


# Speed


def network(xs: Sequence[Value]) -> Value:
    """About 1,000 operations on 50 inputs."""
    rng = random.Random(0)
    known = list(xs)
    for _ in range(950):
        a, b = rng.choice(known[-60:]), rng.choice(known[-60:])
        kind = rng.randrange(6)
        known.append([a * b, a + b, a - b, a.tanh(), a.softplus(), a / (b.square() + 1.0)][kind])
    return autograd.sum(known[-60:])


def speed(turns: int) -> None:
    rng = random.Random(1)
    xs = [rng.uniform(-2.0, 2.0) for _ in range(50)]
    times = []
    for _ in range(turns):
        start = time.perf_counter()
        report = gradcheck(network, [xs])
        times.append(time.perf_counter() - start)
    print(f"\n{report.summary}\n  {statistics.median(times):.2f} s")


PLUGIN_IMPORT = """
import sys, time
import pytest
start = time.perf_counter()
import autograd.pytest_plugin
seconds = time.perf_counter() - start
print(seconds, *{"numpy", "mpmath", "graphviz", "pygraphviz", "autograd.checking"} & set(sys.modules))
"""


def plugin_start(turns: int) -> None:
    """What importing the plugin adds to a process that has imported pytest: whole runs differ more than that."""
    runs = [
        subprocess.run([sys.executable, "-c", PLUGIN_IMPORT], check=True, capture_output=True, text=True).stdout.split()
        for _ in range(turns)
    ]
    seconds = statistics.median(float(found) for found, *_ in runs)
    heavy = ", ".join(runs[0][1:]) or "nothing heavy"
    print(f"\nthe plugin adds {seconds * 1e3:.0f} ms to the start of pytest, and imports {heavy}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--graphs", type=int, default=10_000, help="how many random graphs (default 10000)")
    parser.add_argument("--faults", type=int, default=200, help="how many faults in one component (default 200)")
    parser.add_argument("--turns", type=int, default=5, help="how often to measure times (default 5)")
    options = parser.parse_args()
    verdicts()
    random_graphs(options.graphs)
    many_components(options.turns)
    wrong_components(options.faults)
    speed(options.turns)
    plugin_start(options.turns)


if __name__ == "__main__":
    main()
