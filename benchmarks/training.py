"""Training beside PyTorch's loop, scikit-learn and SciPy: CPU time, medians, one thread.

    pip install -e ".[bench]"
    python -m benchmarks.training             # all
    python -m benchmarks.training digits lm   # some: digits, images, metrics, predict, lm
    python -m benchmarks.training --quick     # sees that all runs; its numbers mean nothing

The contenders of a work take turns within one process, so that a busy machine slows all of them alike. Peers that are
not installed are left out.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import nn
from autograd import Value, compile

from . import peer

Contenders = dict[str, Callable[[], object]]


torch, sklearn, scipy = peer("torch"), peer("sklearn.neural_network"), peer("scipy.optimize")
if torch:
    torch.set_num_threads(1)


def compared(title: str, contenders: Contenders, turns: int) -> None:
    """Prints the median CPU time of each, and the first's as a ratio to it."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for run in contenders.values():
        run()
    for turn in range(turns):
        names = list(contenders) if turn % 2 else list(contenders)[::-1]
        for name in names:
            start = time.process_time()
            contenders[name]()
            times[name].append(time.process_time() - start)
    medians = {name: statistics.median(each) for name, each in times.items()}
    ours = next(iter(medians.values()))
    print(f"\n{title}\n  {'':<34}{'CPU ms':>10}{'ours is':>10}")
    for name, median in medians.items():
        print(f"  {name:<34}{median * 1e3:>10.2f}{ours / median:>8.2f} x")


def pictures(name: str, quick: bool) -> tuple[Any, Any, list[int]]:
    """Images, classes, and the sizes of a network for them."""
    if name == "digits":
        rng = np.random.default_rng(0)
        digits = peer("sklearn.datasets")
        x, y = digits.load_digits(return_X_y=True) if digits else (rng.random((1797, 64)), rng.integers(0, 10, 1797))
        return x / 16.0, y, [64, 32, 10]
    rng = np.random.default_rng(0)
    images = 640 if quick else 60_000
    return rng.random((images, 784)), rng.integers(0, 10, images), [784, 50, 10]


def classification(name: str, quick: bool) -> None:
    """`fit` beside PyTorch's loop and scikit-learn's MLPClassifier: SGD, batches of 32, ReLU.

    Below what a training takes at least are its five matrix products, and the rows of each batch from memory.
    """
    x, y, sizes = pictures(name, quick)
    epochs = 1 if quick or name == "images" else 50

    def ours() -> None:
        model = nn.MLP(sizes, "relu", seed=0)
        nn.fit(model, x, y, loss=nn.cross_entropy, lr=0.1, epochs=epochs, batch_size=32, seed=0, progress=False)

    def pytorch() -> None:
        rows, classes = torch.tensor(x, dtype=torch.float64), torch.tensor(y)
        layers = torch.nn.Linear(*sizes[:2]), torch.nn.ReLU(), torch.nn.Linear(*sizes[1:])
        model = torch.nn.Sequential(*layers).double()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(epochs):
            order = torch.randperm(len(rows))
            for first in range(0, len(rows), 32):
                batch = order[first : first + 32]
                loss = torch.nn.functional.cross_entropy(model(rows[batch]), classes[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    def scikit_learn() -> None:
        model = sklearn.MLPClassifier(
            (sizes[1],), solver="sgd", batch_size=32, max_iter=epochs, momentum=0.0, learning_rate_init=0.1,
            tol=0.0, n_iter_no_change=epochs + 1, random_state=0, alpha=0.0,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it did not converge
            model.fit(x, y)

    def products() -> None:
        inputs, hidden, outputs = sizes
        first, second = np.zeros((hidden, inputs)), np.zeros((outputs, hidden))
        rng = np.random.default_rng(0)
        for _ in range(epochs):
            order = rng.permutation(len(x))
            for start in range(0, len(x), 32):
                rows = x.take(order[start : start + 32], axis=0)
                h = rows @ first.T
                flowing = h @ second.T
                np.matmul(flowing.T, h)
                np.matmul((flowing @ second).T, rows)

    contenders: Contenders = {"nn.fit": ours}
    contenders |= {"PyTorch's loop": pytorch} if torch else {}
    contenders |= {"scikit-learn's MLPClassifier": scikit_learn} if sklearn else {}
    contenders |= {"products and rows alone, NumPy": products}
    title = f"{name}: {len(x):,} images, {'-'.join(map(str, sizes))}, batch 32, epochs: {epochs}"
    compared(title, contenders, 1 if quick else 3 if name == "images" else 5)


def metrics(quick: bool) -> None:
    """What metrics and validation add to a training on digits."""
    x, y, sizes = pictures("digits", quick)
    held_out = len(x) // 5

    def run(**options: Any) -> Callable[[], object]:
        def trained() -> object:
            model = nn.MLP(sizes, "relu", seed=0)
            rows, classes = x[held_out:], y[held_out:]
            return nn.fit(
                model, rows, classes, loss=nn.cross_entropy, lr=0.1, epochs=2 if quick else 50, batch_size=32,
                seed=0, progress=False, **options,
            )  # fmt: skip

        return trained

    options = {"metrics": {"accuracy": nn.accuracy}, "validation": (x[:held_out], y[:held_out])}
    compared("digits, with accuracy and validation", {"with": run(**options), "without": run()}, 1 if quick else 5)


def predict(quick: bool) -> None:
    """`predict` of 10,000 rows beside the program that it runs."""
    rows = np.random.default_rng(0).random((10_000, 64))
    model = nn.MLP([64, 32, 10], "relu", seed=0)
    for module in (model[0], model[2]):
        nn.init.normal(module.bias, seed=1)  # a program would leave out biases of 0
    inputs = [Value(0.0) for _ in range(64)]
    program = compile(model(inputs), inputs=(inputs,))
    contenders = {"model.predict(X)": lambda: model.predict(rows), "the program itself": lambda: program(rows)}
    compared("predict, 10,000 rows through 64-32-10", contenders, 3 if quick else 99)


def least_squares(quick: bool) -> None:
    """Levenberg-Marquardt on a curve of 60 points, 1-8-1, beside SciPy's with a Jacobian by hand."""
    x = np.linspace(-1.0, 1.0, 60)
    y = np.sin(3.0 * x) + 0.5 * x**2
    start = nn.MLP([1, 8, 1], "tanh", seed=1).state_dict()
    theta = np.concatenate([np.ravel(start[name]) for name in ("0.weight", "0.bias", "2.weight", "2.bias")])
    found: dict[str, float] = {}

    def ours() -> None:
        model = nn.MLP([1, 8, 1], "tanh", seed=1)
        optimizer = nn.LevenbergMarquardt(model.parameters())
        history = nn.fit(model, x, y, loss=nn.mse, optimizer=optimizer, epochs=20 if quick else 400, progress=False,
                         on_epoch=lambda history: history.loss[-1] < 1e-9)  # fmt: skip
        found["nn.LevenbergMarquardt"] = history.loss[-1]

    def hidden(parameters: Any) -> Any:
        return np.tanh(np.outer(x, parameters[:8]) + parameters[8:16])

    def residuals(parameters: Any) -> Any:
        return (hidden(parameters) @ parameters[16:24] + parameters[24] - y) / np.sqrt(60)

    def jacobian(parameters: Any) -> Any:
        h = hidden(parameters)
        bent = (1.0 - h * h) * parameters[16:24]
        return np.hstack([bent * x[:, None], bent, h, np.ones((60, 1))]) / np.sqrt(60)

    def theirs() -> None:
        result = scipy.least_squares(residuals, theta, jacobian, method="lm", max_nfev=20 if quick else 400,
                                     ftol=1e-15, xtol=1e-15, gtol=1e-15)  # fmt: skip
        found["scipy.optimize.least_squares"] = 2.0 * result.cost

    contenders: Contenders = {"nn.LevenbergMarquardt": ours}
    contenders |= {"scipy.optimize.least_squares": theirs} if scipy else {}
    compared("a curve of 60 points, 1-8-1, least squares", contenders, 1 if quick else 15)
    print("  mean squared errors: " + ", ".join(f"{name} {error:.1e}" for name, error in found.items()))


WORKS: dict[str, Callable[[bool], None]] = {
    "digits": lambda quick: classification("digits", quick),
    "images": lambda quick: classification("images", quick),
    "metrics": metrics,
    "predict": predict,
    "lm": least_squares,
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="training beside PyTorch, scikit-learn and SciPy")
    parser.add_argument("works", nargs="*", help=", ".join(WORKS))
    parser.add_argument("--quick", action="store_true", help="only see that it runs")
    chosen = parser.parse_args(arguments)
    for name in chosen.works or WORKS:
        WORKS[name](chosen.quick)


if __name__ == "__main__":
    main()
