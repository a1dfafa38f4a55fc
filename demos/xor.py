"""Exclusive or: the smallest problem that needs a hidden layer.

    python -m demos.xor

Trains one network without and one with hidden nodes on the four rows of the truth table, prints what they answer, and
draws where each of them says yes.
"""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt

import nn
from autograd import no_grad, sigmoid

from .command_line import options

INPUTS = ((0, 0), (0, 1), (1, 0), (1, 1))
TARGETS = (0, 1, 1, 0)


def train(model: nn.Module, epochs: int, learning_rate: float) -> nn.History:
    """Makes the sigmoid of the output the probability of yes."""
    return nn.fit(
        model,
        INPUTS,
        TARGETS,
        loss=nn.binary_cross_entropy_with_logits,
        optimizer=nn.Adam(model.parameters(), lr=learning_rate),
        epochs=epochs,
    )


def probabilities(model: nn.Module) -> list[float]:
    """The probability of yes that the network gives each row of the truth table."""
    with no_grad():
        return [sigmoid(model(row)[0]).data for row in INPUTS]


def write_regions(models: dict[str, nn.Module], out: Path) -> None:
    """Where each network says yes."""
    figure, axes = plt.subplots(1, len(models), figsize=(9, 4), layout="constrained")
    for ax, (title, model) in zip(axes, models.items(), strict=True):
        nn.plot_decision_regions(model, INPUTS, TARGETS, ax, class_names=["no", "yes"])
        ax.set(title=title, xlabel="first input", ylabel="second input")
    figure.savefig(out / "xor.png", dpi=120)
    plt.close(figure)


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains, prints and draws."""
    chosen = options("xor", (__doc__ or "").splitlines()[0], arguments, epochs=300, learning_rate=0.2)
    models: dict[str, nn.Module] = {
        "no hidden nodes": nn.MLP([2, 1], seed=chosen.seed),
        "four hidden nodes": nn.MLP([2, 4, 1], "tanh", seed=chosen.seed),
    }
    print(f"{'a b':>5} {'a xor b':>8}" + "".join(f"{title:>20}" for title in models))
    histories = [train(model, chosen.epochs, chosen.learning_rate) for model in models.values()]
    answers = [probabilities(model) for model in models.values()]
    for (a, b), target, *row in zip(INPUTS, TARGETS, *answers, strict=True):
        print(f"  {a} {b} {target:>8}" + "".join(f"{p:>20.3f}" for p in row))
    print(f"{'cross entropy':>14}" + "".join(f"{history.loss[-1]:>20.3g}" for history in histories))
    write_regions(models, chosen.out)
    print(f"\nWrote {chosen.out / 'xor.png'}.")


if __name__ == "__main__":
    main()
