"""The lecture's network learns its three points, and everything about it is drawn.

    python -m demos.dosage

One input, two softplus nodes, one output, seven parameters; gradient descent on all of them at once from a random
start. Prints how they change and writes pictures of the gradient, of the fitted curve and of the loss.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import nn
from autograd import Value, draw, no_grad

from .command_line import options

DOSES = (0.0, 0.5, 1.0)
EFFECTIVENESS = (0.0, 1.0, 0.0)
NAMES = ("w1", "w2", "b1", "b2", "w3", "w4", "b3")
PUBLISHED = {"w1": -34.4, "b1": 2.14, "w2": -2.52, "b2": 1.29, "w3": -1.30, "w4": 2.28, "b3": -0.58}


def network(seed: int) -> nn.Sequential:
    """The network of the lectures, its parameters named as there."""
    model = nn.Sequential(nn.Linear(1, 2, seed=seed), nn.Softplus(), nn.Linear(2, 1, seed=seed + 1))
    for parameter, name in zip(model.parameters(), NAMES, strict=True):
        parameter.name = name
    return model


def published_network() -> nn.Sequential:
    """The network with the fitted parameters of the first lecture."""
    model = network(seed=0)
    for parameter in model.parameters():
        parameter.data = PUBLISHED[parameter.name]
    return model


def predictions(model: nn.Module) -> list[Value]:
    """What the network makes of each dose."""
    return [model([Value(dose, name="dose")])[0] for dose in DOSES]


def train(model: nn.Module, steps: int, learning_rate: float, report: Callable[[int, float], None]) -> list[float]:
    """Gradient descent on the sum of squared residuals; returns it for each step.

    Raises:
        ArithmeticError: it is no longer finite; the parameters are then those of the last finite step.
    """
    optimizer = nn.SGD(model.parameters(), lr=learning_rate)
    history = []
    for step in range(steps + 1):
        loss = nn.ssr(predictions(model), EFFECTIVENESS)
        if not math.isfinite(loss.data):
            raise ArithmeticError(f"the SSR is {loss.data} after {step} steps; try a smaller learning rate")
        history.append(loss.data)
        report(step, loss.data)
        if step < steps:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return history


def print_training(model: nn.Module, steps: int, learning_rate: float) -> list[float]:
    """Trains, with some ten rows of a table: step, SSR, parameters."""
    print(f"{'step':>6} {'SSR':>10}" + "".join(f"{name:>8}" for name in NAMES))
    every = max(1, steps // 10)

    def report(step: int, ssr: float) -> None:
        if step % every == 0 or step == steps:
            print(f"{step:>6} {ssr:>10.6f}" + "".join(f"{p.data:>8.2f}" for p in model.parameters()))

    return train(model, steps, learning_rate, report)


def print_predictions(model: nn.Module) -> None:
    """Predicted against observed effectiveness."""
    print(f"\n{'dose':>6} {'predicted':>10} {'observed':>9}")
    with no_grad():
        for dose, predicted, observed in zip(DOSES, predictions(model), EFFECTIVENESS, strict=True):
            print(f"{dose:>6} {predicted.data:>10.3f} {observed:>9}")


def write_gradient_graph(model: nn.Module, out: Path) -> None:
    """The gradient of the loss on every edge of its graph; for the dose of 0.5 alone, to fit on a slide."""
    loss = nn.ssr(model([Value(DOSES[1], name="dose")]), EFFECTIVENESS[1:2])
    loss.name = "SSR"
    loss.backward()
    picture = draw(loss)
    for kind in ("svg", "png"):
        picture.render(outfile=str(out / f"gradient.{kind}"))


def write_loss_curve(history: Sequence[float], out: Path) -> None:
    """The sum of squared residuals over the steps."""
    import matplotlib.pyplot as plt  # with the extra `plots`, which nn.plot_fit has asked for by now

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    axes.semilogy(history, color="tab:green")
    axes.set(xlabel="step", ylabel="SSR", title="Sum of squared residuals")
    figure.savefig(out / "loss.png", dpi=120)
    plt.close(figure)


def write_fit(model: nn.Module, out: Path) -> None:
    """The fitted curve through the data, and the two curves that it is the sum of."""
    import matplotlib.pyplot as plt  # as above

    axes = nn.plot_fit(model, DOSES, EFFECTIVENESS)
    axes.set(xlabel="dose", ylabel="effectiveness")
    axes.figure.savefig(out / "fit.png", dpi=120)
    plt.close(axes.figure)


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains, prints and draws."""
    description = (__doc__ or "").splitlines()[0]
    chosen = options("dosage", description, arguments, steps=1000, learning_rate=0.05, seed=3)
    published = published_network()
    (predicted,) = published([Value(0.5)])
    print(f"The lecture's fitted network predicts {predicted:.2f} for a dose of 0.5.\n")

    model = network(chosen.seed)
    write_gradient_graph(model, chosen.out)
    try:
        history = print_training(model, chosen.steps, chosen.learning_rate)
    except ArithmeticError as error:
        raise SystemExit(f"demos.dosage: {error}") from None
    print_predictions(model)
    write_fit(model, chosen.out)
    write_loss_curve(history, chosen.out)
    names = ("gradient.svg", "gradient.png", "fit.png", "loss.png")
    print("\nWrote " + ", ".join(str(chosen.out / name) for name in names) + ".")


if __name__ == "__main__":
    main()
