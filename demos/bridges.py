"""Graphs of PyTorch and JAX with all their numbers: drawn, explained and checked.

    python -m demos.bridges

Writes pictures to `out/`. Frameworks that are not installed are left out. The networks are those of the lectures: a
neuron with softplus, and a convolutional network on one image of a digit.
"""

import argparse
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autograd import Value, draw, explain, from_jax, from_torch, gradcheck
from autograd.node import history, leaves

from .command_line import parsed_with_folder


def parameters(loss: Value) -> dict[str, Value]:
    """The leaves that a loss depends on, by name."""
    return {str(leaf.name): leaf for leaf in leaves([loss]) if not leaf.is_constant}


def small_in_torch(out: Path) -> None:
    """A network of two hidden nodes, small enough to see every number."""
    import torch

    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(1, 2), torch.nn.Softplus(), torch.nn.Linear(2, 1)).double()
    dose, observed = torch.tensor([0.5]).double(), torch.tensor([1.0]).double()

    loss = from_torch(lambda: torch.nn.functional.mse_loss(model(dose), observed), model=model)
    loss.backward()
    torch.nn.functional.mse_loss(model(dose), observed).backward()
    weight = parameters(loss)["0.weight[1][0]"]
    print(f"torch: d loss / d 0.weight[1][0] is {weight.grad:.6f}, PyTorch says {model[0].weight.grad[1, 0]:.6f}")
    print(explain(loss, weight))
    print(gradcheck(loss, wrt=list(parameters(loss).values())).summary)
    draw(loss).render(outfile=str(out / "bridge-torch.svg"))


def lenet() -> Any:
    """The convolutional network of LeCun et al. (1998), with the activations of today."""
    from torch import nn

    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    ).double()


def large_in_torch(out: Path) -> None:
    """A network of 15,000 operations, folded to a picture of its modules."""
    import torch

    torch.manual_seed(0)
    model, image = lenet(), torch.rand(1, 1, 28, 28).double()
    loss = from_torch(lambda: torch.nn.functional.cross_entropy(model(image), torch.tensor([7])), model=model)
    loss.backward()
    draw(loss).render(outfile=str(out / "bridge-lenet.svg"))
    print(f"LeNet: {len(history([loss])):,} operations and {len(parameters(loss)):,} parameters, folded to its modules")


def in_jax(out: Path) -> None:
    """Two steps of a recurrent network, from a scan."""
    from jax import lax, nn, numpy as jnp

    def loss(w: Any, inputs: Any) -> Any:
        def step(memory: Any, x: Any) -> Any:
            memory = nn.softplus(w["input"] * x + w["memory"] * memory)
            return memory, memory

        last, _ = lax.scan(step, 0.0, inputs)
        return jnp.square(last - 1.0)

    weights = {"input": jnp.float32(0.5), "memory": jnp.float32(-0.25)}
    found = from_jax(loss, weights, jnp.array([1.0, 2.0]))
    found.backward()
    memory = parameters(found)["w.memory"]
    print(f"jax: d loss / d w.memory is {memory.grad:.6f}, through {len(explain(found, memory).paths)} paths")
    print(gradcheck(found, wrt=list(parameters(found).values())).summary)
    draw(found).render(outfile=str(out / "bridge-jax.svg"))


def main(arguments: Sequence[str] | None = None) -> None:
    chosen = parsed_with_folder(argparse.ArgumentParser(prog="python -m demos.bridges"), arguments)
    for framework, parts in {"torch": (small_in_torch, large_in_torch), "jax": (in_jax,)}.items():
        if importlib.util.find_spec(framework) is None:
            print(f"{framework} is not installed")
            continue
        for part in parts:
            part(chosen.out)
    print(f"wrote pictures to {chosen.out}")


if __name__ == "__main__":
    main()
