"""The pictures that this library draws, one of each kind.

    python -m demos.gallery --out out

Writes a neuron with its gradients, the lecture's dosage network as a diagram and as a graph, the derivative of cross
entropy by the raw outputs of a softmax, a batch of iris flowers folded to a few boxes, and a gradient explained by the
chain rule.
"""

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

import nn
from autograd import Value, animate, draw, explain

from .command_line import parsed_with_folder

DOSAGE = {"w1": -34.4, "w2": -2.52, "b1": 2.14, "b2": 1.29, "w3": -1.30, "w4": 2.28, "b3": -0.58}
OBSERVATIONS = [(0.0, 0.0), (0.5, 1.0), (1.0, 0.0)]
SPECIES = ["setosa", "versicolor", "virginica"]


def dosage_network() -> nn.Module:
    """The network of the first lecture with its fitted parameters."""
    model = nn.MLP([1, 2, 1], activation="softplus")
    for parameter, (name, number) in zip(model.parameters(), DOSAGE.items(), strict=True):
        parameter.name, parameter.data = name, number
    return model


def neuron(folder: Path) -> None:
    """One softplus neuron and its squared residual, as a picture in both themes and as an animation."""
    dose, observed = Value(0.5), Value(1.0)
    w, b = nn.Parameter(2.74, name="w"), nn.Parameter(-0.5, name="b")
    x = w * dose + b
    predicted = x.softplus()
    loss = (observed - predicted) ** 2
    loss.backward()
    for theme in ("light", "dark"):
        picture = draw(loss, names=locals(), theme=theme, caption="One softplus neuron and its squared residual")
        picture.render(outfile=folder / f"neuron-{theme}.svg")
    animate(loss, folder / "neuron.html", names=locals())


def dosage(folder: Path) -> None:
    """The dosage network as the lectures draw it, and its loss as a graph, with the network open and folded."""
    model = dosage_network()
    loss = nn.ssr([model([dose]) for dose, _ in OBSERVATIONS], [[observed] for _, observed in OBSERVATIONS])
    loss.name = "SSR"
    loss.backward()
    network = nn.diagram(model, [0.5], inputs=["dose"], outputs=["effectiveness"], caption="Dose 0.5 flows through")
    network.render(outfile=folder / "dosage-network.svg")
    draw(loss, caption="The sum of squared residuals of three doses").render(outfile=folder / "dosage-graph.svg")
    draw(loss, depth=0, caption="The same with the network folded").render(outfile=folder / "dosage-folded.svg")


def explained(folder: Path) -> None:
    """The derivative for w1 as the lectures write it, where every step has its name."""
    w = {name: Value(number, name=name) for name, number in DOSAGE.items()}

    def squared_residual(dose: float, observed: float) -> Value:
        x = Value(dose, name="input")
        x1, x2 = named(x * w["w1"] + w["b1"], "x1"), named(x * w["w2"] + w["b2"], "x2")
        y1, y2 = named(x1.softplus(), "y1"), named(x2.softplus(), "y2")
        predicted = named(y1 * w["w3"] + y2 * w["w4"] + w["b3"], "predicted")
        return (Value(observed, name="observed") - predicted) ** 2

    loss = named(sum(squared_residual(dose, observed) for dose, observed in OBSERVATIONS), "SSR")
    explanation = explain(loss, w["w1"])
    (folder / "dosage-explained.txt").write_text(f"{explanation}\n", encoding="utf-8")
    (folder / "dosage-explained.md").write_text(f"$$\n{explanation.latex()}\n$$\n", encoding="utf-8")


def named(value: Value, name: str) -> Value:
    """The value itself, with a name."""
    value.name = name
    return value


def softmax(folder: Path) -> None:
    """The published flower: the gradient at the raw outputs is the probability minus the observed 0 or 1."""
    raw = [Value(output, name=f"raw {name}") for output, name in zip((1.43, -0.4, 0.23), SPECIES, strict=True)]
    probabilities = nn.softmax(raw)
    for probability, name in zip(probabilities, SPECIES, strict=True):
        probability.name = f"p {name}"
    loss = -probabilities[0].log()
    loss.name = "cross entropy"
    loss.backward()
    drawing = draw(loss, caption="Cross entropy of a setosa: raw gradients are p - 1, p and p")
    drawing.render(outfile=folder / "softmax.svg")


def iris(folder: Path) -> None:
    """The loss of 150 flowers, thousands of nodes, folded to a picture that fits a slide."""
    with open(Path(__file__).with_name("iris.csv"), newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    model = nn.MLP([2, 4, 3], activation="relu", seed=0)
    flowers = [[Value(float(row[name]), name=name) for name in ("petal_width", "sepal_width")] for row in rows]
    outputs = [model(flower) for flower in flowers]
    loss = nn.cross_entropy(outputs, [SPECIES.index(row["species"]) for row in rows])
    loss.name = "loss"
    loss.backward()
    draw(loss, caption="The cross entropy of 150 flowers").render(outfile=folder / "iris-batch.svg")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m demos.gallery", description="Writes one picture of each kind.")
    folder: Path = parsed_with_folder(parser, arguments).out
    before = set(folder.iterdir())
    for write in (neuron, dosage, explained, softmax, iris):
        write(folder)
    for path in sorted(set(folder.iterdir()) - before):
        print(path)


if __name__ == "__main__":
    main()
