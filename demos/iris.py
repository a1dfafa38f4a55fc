"""The lectures' iris network, figure by figure, and one that is trained on the 150 real flowers.

    python -m demos.iris

Prints raw outputs, softmax, its derivatives and cross entropies of the published network beside the published figures,
then trains a network with softmax and cross entropy, prints its accuracy, and draws which species it sees where.

The flowers are in `iris.csv`: petal and sepal width in centimetres of the Iris data set (R. A. Fisher, "The use of
multiple measurements in taxonomic problems", Annals of Eugenics 7, 1936; measured by E. Anderson), as distributed with
scikit-learn. The lectures scale both widths to the range from 0 to 1, and so does this demo.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt

import nn
from autograd import Value, derivative, no_grad

from .command_line import options

SPECIES = ("setosa", "versicolor", "virginica")
PUBLISHED_STATE = {
    "0.weight": [[-2.5, 0.6], [-1.5, 0.4]],
    "0.bias": [1.6, 0.7],
    "2.weight": [[-0.1, 1.5], [2.4, -5.2], [-2.2, 3.7]],
    "2.bias": [0.0, 0.0, 1.0],
}
# petal and sepal width, species, and the published: raw outputs, softmax, cross entropy
PUBLISHED_FLOWERS = (
    (0.04, 0.42, "setosa", "1.04 0.0 0.14", "0.57 0.20 0.23", "0.56"),
    (1.0, 0.54, "virginica", "0 0 1", "0.22 0.22 0.58", "0.54"),
    (0.50, 0.37, "versicolor", "0.09 0.86 0.1", "0.24 0.52 0.24", "0.65"),
)


def published_network() -> nn.MLP:
    """The lectures' network: two inputs, two ReLU nodes, three raw outputs."""
    model = nn.MLP([2, 2, 3], activation="relu")
    model.load_state_dict(PUBLISHED_STATE)
    return model


def print_published_figures(model: nn.Module) -> None:
    """Every figure of the lectures beside what the library computes."""
    print(f"{'petal sepal':<13}{'figure':<28}{'published':<18}computed")

    def row(place: str, figure: str, published: str, numbers: Sequence[object]) -> None:
        print(f"{place:<13}{figure:<28}{published:<18}" + " ".join(f"{float(x) + 0.0:.3f}" for x in numbers))

    raw = model([0.0, 1.0])
    p = nn.softmax(raw)
    row("0.00  1.00", "raw outputs", "1.43 -0.4 0.23", raw)
    row("", "argmax", "1 0 0", nn.ArgMax()(raw))
    row("", "softmax", "0.69 0.10 0.21", p)
    row("", "d p(setosa) / d raw", "0.21 -0.07 -0.15", derivative(p[0], raw))
    total = Value(0.0)
    for petal, sepal, species, raw_text, softmax_text, cross_entropy_text in PUBLISHED_FLOWERS:
        raw = model([petal, sepal])
        loss = nn.cross_entropy(raw, SPECIES.index(species))
        total += loss
        row(f"{petal:.2f}  {sepal:.2f}", "raw outputs", raw_text, raw)
        row("", "softmax", softmax_text, nn.softmax(raw))
        row("", f"cross entropy, {species}", cross_entropy_text, [loss])
    row("", "total cross entropy", "1.75", [total])
    print("The lectures round or cut each figure and go on with it: that is the difference in the last digits.")


def flowers() -> tuple[list[list[float]], list[int]]:
    """Petal and sepal width of the 150 flowers, scaled to 0 to 1, and their species."""
    with open(Path(__file__).with_name("iris.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    columns = [scaled([float(row[name]) for row in rows]) for name in ("petal_width", "sepal_width")]
    return [list(pair) for pair in zip(*columns, strict=True)], [SPECIES.index(row["species"]) for row in rows]


def scaled(widths: Sequence[float]) -> list[float]:
    """From 0 for the narrowest to 1 for the widest."""
    low, high = min(widths), max(widths)
    return [(width - low) / (high - low) for width in widths]


def correct(model: nn.Module, inputs: Sequence[Sequence[float]], species: Sequence[int]) -> int:
    """How many flowers have their largest output at their own species."""
    with no_grad():
        return sum(nn.argmax(model(row)) == observed for row, observed in zip(inputs, species, strict=True))


def write_regions(model: nn.Module, inputs: Sequence[Sequence[float]], species: Sequence[int], out: Path) -> None:
    """Which species the network sees where, and the flowers."""
    axes = nn.plot_decision_regions(model, inputs, species, class_names=SPECIES)
    axes.set(title="Three species of iris", xlabel="petal width (scaled)", ylabel="sepal width (scaled)")
    axes.figure.savefig(out / "iris.png", dpi=120)
    plt.close(axes.figure)


def main(arguments: Sequence[str] | None = None) -> None:
    """Compares, trains, prints and draws."""
    chosen = options("iris", (__doc__ or "").splitlines()[0], arguments, epochs=150, learning_rate=0.05)
    published = published_network()
    print_published_figures(published)

    inputs, species = flowers()
    model = nn.MLP([2, 4, 3], activation="relu", seed=chosen.seed)
    history = nn.fit(
        model,
        inputs,
        species,
        loss=nn.cross_entropy,
        optimizer=nn.Adam(model.parameters(), lr=chosen.learning_rate),
        epochs=chosen.epochs,
        batch_size=30,
        seed=chosen.seed,
    )
    print(f"\n{len(species)} real flowers: mean cross entropy {history.loss[0]:.3f} in the first epoch, ", end="")
    print(f"{history.loss[-1]:.3f} in the last of {len(history)}")
    for name, network in (("the lectures' network", published), ("the trained network", model)):
        right = correct(network, inputs, species)
        print(f"{name:<22} {right} of {len(species)} right, accuracy {right / len(species):.1%}")
    write_regions(model, inputs, species, chosen.out)
    print(f"\nWrote {chosen.out / 'iris.png'}.")


if __name__ == "__main__":
    main()
