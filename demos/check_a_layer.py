"""The backward of a layer, written by hand in NumPy, torch and JAX, each with a mistake that people make.

    python -m demos.check_a_layer

Frameworks that are not installed are left out.
"""

import argparse
import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import GradcheckError, Report, check_backward

RNG = np.random.default_rng(0)


def report_of(*arguments: Any, **options: Any) -> Report:
    """What the check says, whether it passes or not."""
    try:
        return check_backward(*arguments, **options)
    except GradcheckError as error:
        return error.report


# NumPy: softmax with cross entropy, averaged over the batch

TARGETS = np.eye(5)[RNG.integers(5, size=8)]


def cross_entropy(x: Any, W: Any, b: Any) -> Any:
    logits = x @ W + b
    return np.mean(np.log(np.exp(logits).sum(axis=1)) - (logits * TARGETS).sum(axis=1))


def cross_entropy_backward(cotangent: Any, x: Any, W: Any, b: Any) -> tuple[Any, Any, Any]:
    logits = x @ W + b
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    d = cotangent * (shares - TARGETS)  # the mean over the batch is forgotten
    return d @ W.T, x.T @ d, d.sum(axis=0)


def in_numpy() -> Report:
    return report_of(
        cross_entropy, cross_entropy_backward, *map(RNG.normal, [0.0] * 3, [1.0] * 3, [(8, 4), (4, 5), (5,)])
    )


# torch: a gate whose backward forgets the cotangent


def in_torch() -> Report:
    import torch

    class Gate(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, W: Any) -> Any:
            ctx.save_for_backward(x, W)
            return torch.sigmoid(x @ W)

        @staticmethod
        def backward(ctx: Any, cotangent: Any) -> Any:  # type: ignore[override]
            x, W = ctx.saved_tensors
            y = torch.sigmoid(x @ W)
            d = y * (1 - y)  # sum() passes a cotangent of ones, so a test with sum() does not see it
            return d @ W.T, x.T @ d

    torch.manual_seed(0)
    return report_of(Gate.apply, torch.randn(6, 4), torch.randn(4, 3))


# JAX: attention scores whose backward has lost a factor


def in_jax() -> Report:
    import jax
    import jax.numpy as jnp

    @jax.custom_vjp
    def scores(q: Any, k: Any) -> Any:
        return q @ k.T / jnp.sqrt(q.shape[1])

    def backward(saved: Any, cotangent: Any) -> Any:
        q, k = saved
        return cotangent @ k / jnp.sqrt(q.shape[1]), cotangent.T @ q

    scores.defvjp(lambda q, k: (scores(q, k), (q, k)), backward)
    return report_of(scores, *(jax.random.normal(jax.random.PRNGKey(i), (5, 7)) for i in range(2)))


LAYERS: dict[str, Callable[[], Report]] = {"numpy": in_numpy, "torch": in_torch, "jax": in_jax}


def main(arguments: Sequence[str] | None = None) -> None:
    """Checks each layer and prints the first lines of its report."""
    argparse.ArgumentParser(prog="python -m demos.check_a_layer", description=__doc__.splitlines()[0]).parse_args(
        arguments
    )
    for name, check in LAYERS.items():
        if importlib.util.find_spec(name) is None:
            print(f"{name} is not installed\n")
            continue
        print(f"{name}: {str(check()).partition(chr(10) + 'input')[0].strip()}\n")


if __name__ == "__main__":
    main()
