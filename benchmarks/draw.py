"""How long pictures take: DOT text, rendering, and folding.

    python -m benchmarks.draw

Prints medians. The graphs are losses of small networks on batches of points, as people draw them.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable, Sequence

import nn
from autograd import Value, draw
from autograd.node import nodes as values_of


def loss_of(nodes: int, sizes: Sequence[int], seed: int = 0) -> Value:
    """The mean cross entropy of so many points that its graph has about so many nodes, after `backward`."""
    rng = random.Random(seed)
    model = nn.MLP(sizes, activation="relu", seed=seed)

    def loss(points: int) -> Value:
        inputs = [[Value(rng.gauss(0, 1)) for _ in range(sizes[0])] for _ in range(points)]
        outputs = [model(x) for x in inputs]
        return nn.cross_entropy(outputs, [rng.randrange(sizes[-1]) for _ in range(points)])

    one, two = (len(values_of([loss(points)])) for points in (1, 2))
    result = loss(max(1, round((nodes - one) / (two - one)) + 1))
    result.backward()
    return result


def median_seconds(function: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.draw", description="Times DOT text, rendering, folding."
    )
    parser.add_argument("--repeats", type=int, default=5, help="how often to time each (default 5)")
    parser.add_argument("--large", type=int, default=100_000, help="nodes of the graph that is folded (default 100000)")
    options = parser.parse_args(arguments)

    def report(what: str, seconds: float, target: float) -> None:
        print(f"{what:<58}{seconds * 1e3:>9.0f} ms   target {target * 1e3:.0f} ms")

    loss = loss_of(1000, [4, 8, 3])
    count = len(values_of([loss]))
    text = median_seconds(lambda: draw(loss, max_nodes=count).source, options.repeats)
    report(f"DOT text of {count} nodes", text * 1000 / count, 0.05)

    loss = loss_of(400, [4, 8, 3])
    count = len(values_of([loss]))
    report(
        f"{count} nodes drawn and rendered as SVG",
        median_seconds(lambda: draw(loss, max_nodes=count).pipe(format="svg"), 1),
        3.0,
    )

    loss = loss_of(options.large, [4, 16, 3])
    count = len(values_of([loss]))
    report(f"{count} nodes folded, drawn and rendered", median_seconds(lambda: draw(loss).pipe(format="svg"), 1), 3.0)


if __name__ == "__main__":
    main()
