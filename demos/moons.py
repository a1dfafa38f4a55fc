"""Two moons, told apart by micrograd's demo network: two inputs, two hidden layers of 16 ReLU nodes, one score.

    python -m demos.moons

Hinge loss with a little weight decay, plain gradient descent with a learning rate that falls from 1.0 to 0.1, as in
micrograd's notebook. Prints loss and accuracy, and draws the boundary between the moons.
"""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import nn
from autograd import no_grad

from .command_line import options

POINTS = 100
WEIGHT_DECAY = 2e-4  # the derivative of 1e-4 times the sum of the squared parameters, which micrograd adds to the loss


class Falling(nn.Schedule):
    """A learning rate that falls in a straight line, by nine tenths over all epochs."""

    def __init__(self, optimizer: nn.Optimizer, epochs: int) -> None:
        super().__init__(optimizer)
        self.epochs = epochs

    def rate(self, epoch: int) -> float:
        """The learning rate in an epoch."""
        return self.first * (1.0 - 0.9 * epoch / self.epochs)


def moons(number: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points on two half circles that reach into each other, with some noise; labelled 1 and -1."""
    labels = np.where(np.arange(number) % 2, 1, -1)
    angles = rng.uniform(0.0, np.pi, number)
    upper = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    lower = np.stack([1.0 - np.cos(angles), 0.5 - np.sin(angles)], axis=1)
    points = np.where(labels[:, None] == 1, upper, lower)
    return points + rng.normal(0.0, 0.1, points.shape), labels


def accuracy(model: nn.Module, points: np.ndarray, labels: np.ndarray) -> float:
    """The share of points whose score has the sign of their label."""
    with no_grad():
        return float(
            np.mean([(model(point)[0] > 0) == (label > 0) for point, label in zip(points, labels, strict=True)])
        )


def write_boundary(model: nn.Module, points: np.ndarray, labels: np.ndarray, out: Path) -> None:
    """The moons and where the network draws the line."""
    axes = nn.plot_decision_regions(model, points, labels)
    axes.set(title="Two moons", aspect="equal")
    axes.figure.savefig(out / "moons.png", dpi=120)
    plt.close(axes.figure)


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains, prints and draws."""
    chosen = options("moons", (__doc__ or "").splitlines()[0], arguments, epochs=100, learning_rate=1.0)
    points, labels = moons(POINTS, np.random.default_rng(chosen.seed))
    model = nn.MLP([2, 16, 16, 1], "relu", seed=chosen.seed)
    optimizer = nn.SGD(model.parameters(), lr=chosen.learning_rate, weight_decay=WEIGHT_DECAY)
    schedule = Falling(optimizer, chosen.epochs)
    before = accuracy(model, points, labels)
    history = nn.fit(model, points, labels, loss=nn.hinge, optimizer=optimizer, schedule=schedule, epochs=chosen.epochs)
    print(f"{len(model.parameters())} parameters, {POINTS} points")
    print(f"{'epoch':>6} {'hinge loss':>11} {'learning rate':>14}")
    for epoch in range(0, chosen.epochs, max(1, chosen.epochs // 10)):
        print(f"{epoch + 1:>6} {history.loss[epoch]:>11.4f} {history.learning_rates[epoch]:>14.3f}")
    print(f"accuracy {before:.0%} before, {accuracy(model, points, labels):.0%} after")
    write_boundary(model, points, labels, chosen.out)
    print(f"\nWrote {chosen.out / 'moons.png'}.")


if __name__ == "__main__":
    main()
