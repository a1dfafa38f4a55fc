"""Every kind of picture that this library draws, on one page, each with the lines that make it.

    python -m demos.gallery --out out

Writes the pictures, in both themes, and `out/index.html`, which shows them with their code.
"""

import argparse
import csv
import html
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import nn
from autograd import Value, animate, derivative, draw, explain, gradcheck, operation

from .command_line import parsed_with_folder

START = {"w1": 2.74, "w2": -1.13, "b1": 0.0, "b2": 0.0, "w3": 0.36, "w4": 0.63, "b3": 0.0}
"""The parameters of the lecture's dosage network before training."""

FITTED = {"w1": -34.4, "w2": -2.52, "b1": 2.14, "b2": 1.29, "w3": -1.30, "w4": 2.28, "b3": -0.58}

DOSES, EFFECTS = [0.0, 0.5, 1.0], [0.0, 1.0, 0.0]
SPECIES = ["setosa", "versicolor", "virginica"]
THEMES = ("light", "dark")
PICTURE, PLOT, PAGE, TEXT = "picture", "plot", "page", "text"
IN_BOTH_THEMES = (PICTURE, PLOT)
"""These are made once for each theme, a page or text once."""

LINES = {
    PICTURE: 'picture = {call}\npicture.render(outfile=out / f"{name}-{{theme}}.svg")',
    PLOT: 'axes = {call}\naxes.figure.savefig(out / f"{name}-{{theme}}.svg")',
    PAGE: 'page = {call}\npage.save(out / "{name}.html")',
    TEXT: "text = {call}",
}
"""How an exhibit of each kind is made and saved; texts are saved by `make`, since a reader would print them."""


class Exhibit(NamedTuple):
    """A picture: what it shows, what it is made of, and the call that makes it."""

    name: str
    title: str
    made_of: Callable[[], dict[str, Any]]
    call: str
    kind: str = PICTURE

    @property
    def code(self) -> str:
        """The lines that make it, as the page shows them."""
        return LINES[self.kind].format(call=self.call, name=self.name)


def network(parameters: dict[str, float]) -> nn.Module:
    """The network of the lectures with these parameters."""
    model = nn.MLP([1, 2, 1], activation="softplus")
    for parameter, (name, number) in zip(model.parameters(), parameters.items(), strict=True):
        parameter.name, parameter.data = name, number
    return model


def dosage(parameters: dict[str, float]) -> dict[str, Any]:
    """The network and its sum of squared residuals over three doses."""
    model = network(parameters)
    loss = nn.ssr([model([dose]) for dose in DOSES], [[effect] for effect in EFFECTS])
    loss.name = "SSR"
    loss.backward()
    return {"model": model, "loss": loss, "w1": model.parameters()[0], "X": DOSES, "y": EFFECTS}


def one_dose() -> dict[str, Any]:
    """The squared residual of the fitted network for a dose of 0.5."""
    loss = nn.ssr(network(FITTED)([Value(0.5, name="dose")]), [1.0])
    loss.name = "loss"
    loss.backward()
    return {"loss": loss}


def neuron() -> dict[str, Any]:
    """One softplus neuron and its squared residual."""
    dose, observed = Value(0.5), Value(1.0)
    w, b = nn.Parameter(2.74, name="w"), nn.Parameter(-0.5, name="b")
    x = w * dose + b
    predicted = x.softplus()
    loss = (observed - predicted) ** 2
    loss.backward()
    names = {"dose": dose, "observed": observed, "x": x, "predicted": predicted, "loss": loss}
    return {"loss": loss, "w": w, "names": names}


def changed() -> dict[str, Any]:
    """The neuron after a step of gradient descent."""
    made = neuron()
    made["w"].data -= 0.1 * made["w"].grad
    return made


def softmax() -> dict[str, Any]:
    """The published flower: the gradient at the raw outputs is the probability minus the observed 0 or 1."""
    raw = [Value(output, name=name) for output, name in zip((1.43, -0.4, 0.23), SPECIES, strict=True)]
    probabilities = nn.softmax(raw)
    for probability, name in zip(probabilities, SPECIES, strict=True):
        probability.name = f"p_{name}"
    loss = -probabilities[0].log()
    loss.name = "CE"
    loss.backward()
    return {"loss": loss, "raw": raw}


def iris() -> dict[str, Any]:
    """The lecture's network of two inputs and three flowers, and its cross entropy for a setosa."""
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 3), nn.Softmax())
    weights = {"0.weight": [[-2.5, 0.6], [-1.5, 0.4]], "2.weight": [[-0.1, 1.5], [2.4, -5.2], [-2.2, 3.7]]}
    model.load_state_dict({**weights, "0.bias": [1.6, 0.7], "2.bias": [0.0, 0.0, 1.0]})
    x = [0.04, 0.42]
    nn.cross_entropy_of_probabilities(model(x), 0).backward()
    return {"model": model, "x": x, "inputs": ["petal width", "sepal width"], "species": SPECIES}


def flowers() -> tuple[list[list[float]], list[int]]:
    """Petal and sepal widths, and species."""
    with open(Path(__file__).with_name("iris.csv"), newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    widths = [[float(row["petal_width"]), float(row["sepal_width"])] for row in rows]
    return widths, [SPECIES.index(row["species"]) for row in rows]


def irises() -> dict[str, Any]:
    """The loss of 150 flowers, thousands of nodes."""
    widths, species = flowers()
    model = nn.MLP([2, 4, 3], activation="relu", seed=0)
    inputs = [[Value(x, name=name) for x, name in zip(row, ("petal", "sepal"), strict=True)] for row in widths]
    loss = nn.cross_entropy([model(row) for row in inputs], species)
    loss.name = "loss"
    loss.backward()
    return {"loss": loss}


def classifier() -> dict[str, Any]:
    """A network of four layers that classifies one observation."""
    model = nn.MLP([4, 8, 8, 3], activation="relu", seed=0)
    x = [0.1, 0.2, 0.3, 0.4]
    loss = nn.cross_entropy(model([Value(number) for number in x]), 1)
    loss.name = "loss"
    loss.backward()
    return {"model": model, "x": x, "loss": loss}


class Recurrent(nn.Module):
    """A network that reads a sequence number by number, with the same weights for each."""

    def __init__(self) -> None:
        self.cell = nn.Linear(2, 1, seed=0)
        self.bend = nn.Tanh()
        self.out = nn.Linear(1, 1, seed=1)

    def forward(self, xs: Sequence[Value]) -> Any:
        """The output after the last number."""
        state: Any = 0.0
        for x in xs:
            state = self.bend(self.cell([x, state]))[0]
        return self.out([state])


def recurrent() -> dict[str, Any]:
    """Six steps of a recurrent network."""
    loss = nn.ssr(Recurrent()([Value(0.1 * i) for i in range(6)]), [0.5])
    loss.name = "loss"
    loss.backward()
    return {"loss": loss}


def curvature() -> dict[str, Any]:
    """The second derivative of a neuron's loss is a graph too."""
    made = neuron()
    second = derivative(made["loss"], made["w"], order=2)
    second.name = "second derivative"
    return {"second": second, "names": made["names"]}


def wrong_operation() -> dict[str, Any]:
    """A check that finds the wrong derivative of an operation."""
    cube = operation("cube", lambda m, x: x * x * x, lambda m, y, x: (2 * x * x,))  # 3 x^2 would be right
    w = Value(0.5, name="w")
    try:
        gradcheck(lambda w: (cube(w) + w).tanh(), w)
    except AssertionError as error:
        return {"report": error.report}  # type: ignore[attr-defined]
    raise RuntimeError("gradcheck did not notice")


def fitted() -> dict[str, Any]:
    """The lecture's network after training."""
    return {"model": network(FITTED), "X": DOSES, "y": EFFECTS}


def trained() -> dict[str, Any]:
    """A network trained on 150 flowers."""
    X, y = flowers()  # noqa: N806  # the field's name
    model = nn.MLP([2, 4, 3], activation="relu", seed=0)
    measured = {"accuracy": nn.accuracy}
    history = nn.fit(model, X, y, loss=nn.cross_entropy, lr=0.3, epochs=100, metrics=measured, progress=False)
    return {"model": model, "X": X, "y": y, "species": SPECIES, "history": history}


EXHIBITS = (
    Exhibit(
        "neuron",
        "One softplus neuron and its squared residual",
        neuron,
        'draw(loss, names=names, size="column", theme=theme)',
    ),
    Exhibit(
        "neuron-compact",
        "The same in less room",
        neuron,
        "draw(loss, names=names, compact=True, constants=False, legend=False, theme=theme)",
    ),
    Exhibit(
        "neuron-changed",
        "After a step: the numbers that it was computed from, and what has changed since",
        changed,
        'draw(loss, names=names, size="column", theme=theme)',
    ),
    Exhibit(
        "neuron-steps",
        "Forward and backward, step by step",
        neuron,
        "animate(loss, names=names)",
        PAGE,
    ),
    Exhibit(
        "dosage-network",
        "The lecture's dosage network, fitted: what flows through it for a dose of 0.5",
        lambda: dosage(FITTED),
        'nn.diagram(model, [0.5], target=[1.0], inputs=["dose"], outputs=["effectiveness"], theme=theme)',
    ),
    Exhibit(
        "iris-network",
        "Two inputs, three classes, softmax: each output beside what was observed",
        iris,
        "nn.diagram(model, x, target=0, inputs=inputs, outputs=species, theme=theme)",
    ),
    Exhibit(
        "dosage-page",
        "A page on which one moves its weights and reads why the loss changes",
        lambda: dosage(START),
        'nn.playground(model, X, y, inputs=["dose"], outputs=["effectiveness"])',
        PAGE,
    ),
    Exhibit(
        "dosage-graph",
        "Its sum of squared residuals of three doses, for a column of text",
        lambda: dosage(FITTED),
        'draw(loss, size="column", theme=theme)',
    ),
    Exhibit(
        "dosage-slide",
        "The squared residual of one dose, for a slide",
        one_dose,
        'draw(loss, size="slide", theme=theme)',
    ),
    Exhibit(
        "dosage-explained",
        "The derivative for w1 at the lecture's start, 0.7609",
        lambda: dosage(START),
        "str(explain(loss, w1))",
        TEXT,
    ),
    Exhibit(
        "neuron-solution",
        "A worked solution: the whole backward pass, to hand out",
        neuron,
        "str(explain(loss, names=names))",
        TEXT,
    ),
    Exhibit(
        "neuron-latex",
        "The same chain rule in LaTeX",
        neuron,
        "explain(loss, w, names=names).latex()",
        TEXT,
    ),
    Exhibit(
        "softmax",
        "Cross entropy of a setosa: raw gradients are p - 1, p and p",
        softmax,
        'draw(loss, size="column", theme=theme)',
    ),
    Exhibit(
        "softmax-explained",
        "Why: the chain rule from the loss to a raw output",
        softmax,
        r'"\n\n".join(str(explain(loss, output)) for output in raw)',
        TEXT,
    ),
    Exhibit(
        "classifier",
        "A network of 139 parameters, folded",
        classifier,
        "draw(loss, theme=theme)",
    ),
    Exhibit(
        "classifier-network",
        "The same as a network",
        classifier,
        "nn.diagram(model, x, target=1, theme=theme)",
    ),
    Exhibit(
        "recurrent",
        "Six steps of a recurrent network with shared weights",
        recurrent,
        'draw(loss, size="column", theme=theme)',
    ),
    Exhibit(
        "recurrent-slide",
        "The same for a slide",
        recurrent,
        'draw(loss, size="slide", theme=theme)',
    ),
    Exhibit(
        "iris-batch",
        "The loss of 150 flowers: thousands of nodes in a few boxes",
        irises,
        'draw(loss, size="column", theme=theme)',
    ),
    Exhibit(
        "curvature",
        "A second derivative is a graph like any other",
        curvature,
        'draw(second, names=names, show=("data", "local"), compact=True, constants=False, size="column", theme=theme)',
    ),
    Exhibit(
        "check",
        "A gradient check: the operation whose derivative is wrong, in red",
        wrong_operation,
        "report.draw(theme)",
    ),
    Exhibit(
        "check-table",
        "What the check says",
        wrong_operation,
        "str(report)",
        TEXT,
    ),
    Exhibit(
        "mermaid",
        "A picture as text, for Markdown pages",
        neuron,
        'draw(loss, names=names, show=("data", "grad"), compact=True).mermaid()',
        TEXT,
    ),
    Exhibit(
        "fit-start",
        "Before training: the squiggle and its residuals",
        lambda: {"model": network(START), "X": DOSES, "y": EFFECTS},
        'nn.plot_fit(model, X, y, inputs=["dose"], outputs=["effectiveness"], theme=theme)',
        PLOT,
    ),
    Exhibit(
        "fit",
        "After training: the curves that add up to the squiggle",
        fitted,
        'nn.plot_fit(model, X, y, inputs=["dose"], outputs=["effectiveness"], theme=theme)',
        PLOT,
    ),
    Exhibit(
        "history",
        "The loss and the accuracy of a training, epoch by epoch",
        trained,
        'history.plot(title="Training on 150 flowers", theme=theme)',
        PLOT,
    ),
    Exhibit(
        "regions",
        "Which flower is predicted where",
        trained,
        "nn.plot_decision_regions(model, X, y, class_names=species, "
        'inputs=["petal width", "sepal width"], theme=theme)',
        PLOT,
    ),
)


def make(exhibit: Exhibit, folder: Path) -> list[Path]:
    """Runs the lines of an exhibit; returns the files that they wrote."""
    files = []
    for theme in THEMES if exhibit.kind in IN_BOTH_THEMES else ("light",):
        names = {"nn": nn, "draw": draw, "explain": explain, "animate": animate, "out": folder, "theme": theme}
        names |= exhibit.made_of()
        exec(exhibit.code, names)
        if exhibit.kind is TEXT:
            files.append(folder / f"{exhibit.name}.txt")
            files[-1].write_text(f"{names['text']}\n", encoding="utf-8")
        else:
            suffix = ".html" if exhibit.kind is PAGE else f"-{theme}.svg"
            files.append(folder / f"{exhibit.name}{suffix}")
    return files


def section(exhibit: Exhibit, files: Sequence[Path]) -> str:
    """An exhibit on the page: title, picture or text, and code."""
    first = html.escape(files[0].name)
    if exhibit.kind is TEXT:
        shown = f"<pre class='shown'>{html.escape(files[0].read_text(encoding='utf-8').rstrip())}</pre>"
    elif exhibit.kind is PAGE:
        shown = f"<p><a href='{first}'>Open the page</a></p>"
    else:
        dark = html.escape(files[1].name)
        source = f"<source media='(prefers-color-scheme: dark)' srcset='{dark}'>"
        shown = f"<picture>{source}<img src='{first}' alt='{html.escape(exhibit.title, quote=True)}'></picture>"
    title, code = html.escape(exhibit.title), html.escape(exhibit.code)
    return f"<section id='{exhibit.name}'>\n<h2>{title}</h2>\n{shown}\n<pre><code>{code}</code></pre>\n</section>\n"


PAGE_HEAD = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Pictures that explain themselves</title>
<style>
:root { color-scheme: light dark; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; font-family: Helvetica, Arial, sans-serif; }
h2 { margin-top: 3rem; font-size: 1.1rem; }
nav ul { columns: 20rem; padding-left: 1.2rem; }
img { max-width: 100%; height: auto; }
pre { padding: 0.7rem; border: 1px solid #8888; border-radius: 0.4rem; white-space: pre-wrap; overflow-wrap: anywhere; }
@media (prefers-color-scheme: dark) { body { background: #0d1117; } }
</style>
<h1>Pictures that explain themselves</h1>
<p>Each with the lines that make it. All of it is written by <code>python -m demos.gallery</code>.</p>
"""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m demos.gallery", description="Writes one picture of each kind.")
    folder: Path = parsed_with_folder(parser, arguments).out
    sections = []
    for exhibit in EXHIBITS:
        files = make(exhibit, folder)
        sections.append(section(exhibit, files))
        print(*files, sep="\n")
    index = folder / "index.html"
    links = "".join(f"<li><a href='#{each.name}'>{html.escape(each.title)}</a></li>\n" for each in EXHIBITS)
    contents = f"<nav aria-label='pictures'><ul>\n{links}</ul></nav>\n"
    index.write_text(f"{PAGE_HEAD}{contents}{''.join(sections)}</html>\n", encoding="utf-8")
    print(index)


if __name__ == "__main__":
    main()
