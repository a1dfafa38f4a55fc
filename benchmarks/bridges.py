"""How long translations take, and how many operations they record.

    python -m benchmarks.bridges

LeNet on one image of 28 by 28, from PyTorch: the time of the first translation in a process, the median of later ones
as a multiple of PyTorch's own forward and backward (interleaved), and nodes for each scalar operation that is needed:
one inner product and one sum for each output of a layer, one operation for each activation and pool.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import torch

from autograd import Value, draw, from_torch
from autograd.node import history
from demos.bridges import lenet


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def needed(model: torch.nn.Sequential, image: torch.Tensor) -> int:
    """The scalar operations of the model and of a cross entropy: a logsumexp, a difference and a sign."""
    count, x = 3, image
    for layer in model:
        x = layer(x)
        count += x.numel() * {"Conv2d": 2, "Linear": 2, "ReLU": 1, "MaxPool2d": 1, "Flatten": 0}[type(layer).__name__]
    return count


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bridges", description="Times translations of LeNet.")
    parser.add_argument("--repeats", type=int, default=5, help="how often to time each (default 5)")
    options = parser.parse_args(arguments)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model, image, digit = lenet(), torch.rand(1, 1, 28, 28).double(), torch.tensor([7])

    def loss() -> torch.Tensor:
        return torch.nn.functional.cross_entropy(model(image), digit)

    def translated() -> Value:
        found: Value = from_torch(loss, model=model)
        return found

    print(f"LeNet, first translation in this process        {seconds(translated):>8.2f} s    target 5 s")
    ours, theirs = [], []
    for _ in range(options.repeats):
        ours.append(seconds(translated))
        theirs.append(seconds(lambda: loss().backward()))
    median = statistics.median(ours)
    print(f"LeNet, later translations                       {median:>8.2f} s    target 5 s")
    print(f"  over PyTorch's forward and backward           {median / statistics.median(theirs):>8.0f}")
    graph = translated()
    ratio = len(history([graph])) / needed(model, image)
    print(f"  nodes over the scalar operations needed       {ratio:>8.3f}      target 1.05")
    graph.backward()
    print(f"LeNet, folded, drawn and rendered               {seconds(lambda: draw(graph).pipe(format='svg')):>8.2f} s")


if __name__ == "__main__":
    main()
