"""Eager speed and memory against micrograd, on micrograd's own demo step.

    pip install -e ".[bench]"
    python -m benchmarks.eager

The step is the one of micrograd's demo notebook: a 2-16-16-1 network of relu neurons on 100 points of two moons, hinge
loss plus L2 penalty, backward, update. The network is written here once, from plain Values, exactly as micrograd's `nn`
writes it, and runs on either library's Value class. The libraries take turns in one process: each turn starts from a
collected heap and runs a few steps, of which the first is not timed. Printed are medians over all timed steps.
"""

import argparse
import gc
import itertools
import math
import random
import statistics
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import autograd

Moons = tuple[list[list[float]], list[int]]


class Neuron:
    def __init__(self, value: type, inputs: int, bent: bool, rng: random.Random) -> None:
        self.weights = [value(rng.uniform(-1, 1)) for _ in range(inputs)]
        self.bias = value(0)
        self.bent = bent

    def __call__(self, xs: Sequence[Any]) -> Any:
        total = sum((w * x for w, x in zip(self.weights, xs, strict=True)), self.bias)
        return total.relu() if self.bent else total


class Network:
    def __init__(self, value: type, sizes: Sequence[int], rng: random.Random) -> None:
        self.layers = [
            [Neuron(value, inputs, bent=i + 2 < len(sizes), rng=rng) for _ in range(outputs)]
            for i, (inputs, outputs) in enumerate(itertools.pairwise(sizes))
        ]
        self.parameters = [p for layer in self.layers for neuron in layer for p in (*neuron.weights, neuron.bias)]

    def __call__(self, xs: Sequence[Any]) -> Any:
        for layer in self.layers:
            xs = [neuron(xs) for neuron in layer]
        return xs[0]


def moons(number: int, rng: random.Random) -> Moons:
    """Points on two interleaved half circles with noise, labelled -1 and 1."""
    points, labels = [], []
    for i in range(number):
        angle = rng.uniform(0, math.pi)
        upper = i % 2
        x = math.cos(angle) if upper else 1 - math.cos(angle)
        y = math.sin(angle) if upper else 0.5 - math.sin(angle)
        points.append([x + rng.gauss(0, 0.1), y + rng.gauss(0, 0.1)])
        labels.append(2 * upper - 1)
    return points, labels


def loss_of(value: type, network: Network, data: Moons) -> Any:
    points, labels = data
    scores = [network(list(map(value, point))) for point in points]
    losses = [(1 + -label * score).relu() for label, score in zip(labels, scores, strict=True)]
    data_loss = sum(losses) * (1.0 / len(losses))
    return data_loss + 1e-4 * sum(p * p for p in network.parameters)


def step(value: type, network: Network, data: Moons) -> float:
    """Forward, backward, update, and the release of the graph."""
    total = loss_of(value, network, data)
    for p in network.parameters:
        p.grad = 0
    total.backward()
    for p in network.parameters:
        p.data -= 0.1 * p.grad
    return float(total.data)


def timed_steps(run: Callable[[], object], steps: int) -> list[float]:
    gc.collect()
    run()
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return times


def compare(values: dict[str, type], turns: int, steps: int) -> None:
    data = moons(100, random.Random(0))
    networks = {name: Network(value, [2, 16, 16, 1], random.Random(1)) for name, value in values.items()}
    print("micrograd's demo step: forward, backward, update, free")
    for collector in (True, False):
        times: dict[str, list[float]] = {name: [] for name in values}
        (gc.enable if collector else gc.disable)()
        for _ in range(turns):
            for name, value in values.items():
                times[name] += timed_steps(lambda v=value, n=networks[name]: step(v, n, data), steps)
        gc.enable()
        medians = {name: statistics.median(ts) for name, ts in times.items()}
        ours = medians["autograd"]
        for name, median in medians.items():
            print(f"  {_collector(collector):18} {name:10} {median * 1e3:8.1f} ms   {median / ours:5.1f} x")


def bytes_per_node() -> None:
    data = moons(100, random.Random(0))
    network = Network(autograd.Value, [2, 16, 16, 1], random.Random(1))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    total = loss_of(autograd.Value, network, data)
    recorded = tracemalloc.get_traced_memory()[0] - before
    total.backward()
    differentiated = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    count = count_results(total)
    print(f"memory of that graph, {count} results")
    print(f"  recorded           {recorded / count:8.1f} bytes a node")
    print(f"  after backward     {differentiated / count:8.1f} bytes a node")


def count_results(root: autograd.Value) -> int:
    seen, stack = {root}, [root]
    while stack:
        for parent in stack.pop().parents:
            if parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return sum(bool(node.parents) for node in seen)


def chain(length: int) -> float:
    """Seconds per operation to build, differentiate and free a chain."""
    start = time.perf_counter()
    y = x = autograd.Value(1.0)
    for _ in range(length):
        y = y * x
    y.backward()
    del y, x
    return (time.perf_counter() - start) / length


def depth(short: int, long: int) -> None:
    """A long chain against short ones. The collector, if on, walks through the growing graph again and again."""
    print("a chain of products: build, backward, free")
    for collector in (True, False):
        (gc.enable if collector else gc.disable)()
        seconds: dict[int, list[float]] = {short: [], long: []}
        for _ in range(5):
            for length in seconds:
                gc.collect()
                seconds[length].append(statistics.median(chain(length) for _ in range(long // length // 5 or 1)))
        medians = {length: statistics.median(times) for length, times in seconds.items()}
        for length, median in medians.items():
            print(
                f"  {_collector(collector):18} {length:9,} operations {median * 1e9:8.0f} ns each"
                f"   {median / medians[short]:5.2f} x"
            )
    gc.enable()


def _collector(enabled: bool) -> str:
    return "default collector" if enabled else "collector off"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=4, help="how often each library has its turn (default 4)")
    parser.add_argument("--steps", type=int, default=4, help="timed steps in a turn (default 4)")
    parser.add_argument("--length", type=int, default=1_000_000, help="of the long chain (default 1000000)")
    options = parser.parse_args()
    values: dict[str, type] = {"autograd": autograd.Value}
    try:
        from micrograd.engine import Value as MicrogradValue
    except ImportError:
        print('micrograd is not installed: pip install -e ".[bench]"')
    else:
        values["micrograd"] = MicrogradValue
    compare(values, options.turns, options.steps)
    bytes_per_node()
    depth(options.length // 100, options.length)


if __name__ == "__main__":
    # micrograd's backward recurses once per operation in a chain.
    sys.setrecursionlimit(100_000)
    threading.stack_size(512 * 1024 * 1024)
    thread = threading.Thread(target=main)
    thread.start()
    thread.join()
