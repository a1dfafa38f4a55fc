"""Pages on which one moves the weights of the lectures' networks, and an index in the lectures' order.

    python -m demos.playground

Writes `out/index.html` and the pages that it leads through. Each is one file that works without a network.
"""

import argparse
import html
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import nn
from autograd import Page, Value

from .command_line import parsed_with_folder

DOSES, EFFECTS = [0.0, 0.5, 1.0], [0.0, 1.0, 0.0]
NAMES = ("w1", "w2", "b1", "b2", "w3", "w4", "b3")
START = (2.74, -1.13, 0.0, 0.0, 0.36, 0.63, 0.0)
"""The published start of the dosage network."""
FITTED = (-34.4, -2.52, 2.14, 1.29, -1.30, 2.28, -0.58)
"""Its published parameters after training."""
BENT = (1.70, 12.6, -0.85, 0.0, -40.8, 2.7, -16.0)
"""Those of the same network with ReLU, also behind the output."""
SPECIES = ["setosa", "versicolor", "virginica"]


def dosage(parameters: Sequence[float], trained: Sequence[str] = NAMES) -> nn.Sequential:
    """The network of one input and two softplus nodes; only some parameters are trained."""
    return _named(nn.MLP([1, 2, 1], activation="softplus"), parameters, trained)


def bent() -> nn.Sequential:
    """The network with ReLU."""
    return _named(nn.Sequential(nn.MLP([1, 2, 1], activation="relu"), nn.ReLU()), BENT)


def iris() -> nn.Sequential:
    """The network of two inputs, two ReLU nodes and three raw outputs, with the published parameters."""
    parameters = (-2.5, 0.6, -1.5, 0.4, 1.6, 0.7, -0.1, 1.5, 2.4, -5.2, -2.2, 3.7, 0.0, 0.0, 1.0)
    return _named(nn.MLP([2, 2, 3], activation="relu"), parameters)


def _named(model: nn.Sequential, parameters: Sequence[float], trained: Sequence[str] = ()) -> nn.Sequential:
    """The model with these parameters, which are called w1, w2, ..., b1, b2, ... in their order."""
    counts = {"w": 0, "b": 0}
    for (path, parameter), number in zip(model.named_parameters(), parameters, strict=True):
        letter = "w" if "weight" in path else "b"
        counts[letter] += 1
        parameter.name = f"{letter}{counts[letter]}"
        parameter.data = number
        parameter.trainable = not trained or parameter.name in trained
    return model


def flowers() -> tuple[list[list[float]], list[int]]:
    """Petal and sepal width of the 150 flowers, scaled to 0 to 1, and their species."""
    lines = Path(__file__).with_name("iris.csv").read_text(encoding="utf-8").split()
    head, *rows = [line.split(",") for line in lines]
    columns = [[float(row[head.index(name)]) for row in rows] for name in ("petal_width", "sepal_width")]
    scaled = [[(x - min(column)) / (max(column) - min(column)) for x in column] for column in columns]
    return [list(pair) for pair in zip(*scaled, strict=True)], [SPECIES.index(row[-1]) for row in rows]


def dosage_page(title: str, model: nn.Module, lr: float = 0.1) -> Page:
    return nn.playground(model, DOSES, EFFECTS, inputs=["dose"], outputs=["effectiveness"], title=title, lr=lr)


def iris_page(title: str, model: nn.Module, loss: Callable[..., Value] | None = None) -> Page:
    inputs, species = flowers()
    names = ["petal width", "sepal width"]
    targets = species if loss is None else [nn.one_hot(each, 3) for each in species]
    return nn.playground(model, inputs, targets, loss=loss, inputs=names, outputs=SPECIES, title=title, lr=0.5)


class Chapter(NamedTuple):
    """A step on the way: what it is about, the page to open, and what to try on it."""

    title: str
    page: str
    task: str


CHAPTERS = (
    Chapter(
        "The squiggle",
        "squiggle",
        "The fitted network. Move w3 and w4: each stretches one of the bent curves, and the squiggle is their sum.",
    ),
    Chapter(
        "Gradient descent",
        "descent",
        "Only b3 is trained, all else is fitted. Press Step: steps shrink as the slope does, and stop at the bottom.",
    ),
    Chapter(
        "The chain rule",
        "dosage",
        "At the published start dSSR/dw1 is 0.7609. The table says why; point at a factor to see where it is.",
    ),
    Chapter(
        "All parameters at once",
        "dosage",
        "Press Run. Then reset, and try a learning rate of 1: the page says what goes wrong.",
    ),
    Chapter(
        "ReLU",
        "relu",
        "The same network with sharp bends. Where a ReLU is flat its derivative is 0, and so is the whole product.",
    ),
    Chapter(
        "Several outputs",
        "iris",
        "Two inputs, three outputs, 150 flowers: the largest raw output decides the colour of a point.",
    ),
    Chapter(
        "ArgMax and softmax",
        "iris",
        "Choose a flower near a border. Softmax turns raw outputs into shares, which have derivatives to train by.",
    ),
    Chapter(
        "Cross entropy against SSR",
        "iris-ssr",
        "The same network with softmax and squared residuals. Where it is badly wrong, cross entropy pushes harder.",
    ),
)


def pages() -> dict[str, Page]:
    """The pages by name."""
    with_softmax = nn.Sequential(iris(), nn.Softmax())
    return {
        "squiggle": dosage_page("The squiggle: two bent curves and their sum", dosage(FITTED), lr=0.01),
        "descent": dosage_page("Gradient descent on one parameter", dosage((*FITTED[:-1], 0.0), ["b3"])),
        "dosage": dosage_page("Backpropagation: why dSSR/dw1 is 0.76", dosage(START)),
        "relu": dosage_page("ReLU in action", bent(), lr=0.0001),
        "iris": iris_page("Iris: softmax and cross entropy", iris()),
        "iris-ssr": iris_page("Iris: softmax and squared residuals", with_softmax, nn.ssr),
    }


INDEX_HEAD = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Neural networks to play with</title>
<style>
:root { color-scheme: light dark; }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, Helvetica, Arial, sans-serif; }
li { margin: 0 0 1rem; }
a { display: inline-block; min-height: 2.5rem; font-size: 1.1rem; font-weight: 600; }
</style>
<main>
<h1>Neural networks to play with</h1>
<p>In the order of <a href="https://statquest.org">StatQuest</a>'s lectures. Every page works without a network.</p>
<ol>
"""


def index() -> str:
    """The page that leads through the others."""
    items = [
        f'<li><a href="{chapter.page}.html">{html.escape(chapter.title)}</a><br>{html.escape(chapter.task)}</li>\n'
        for chapter in CHAPTERS
    ]
    return f"{INDEX_HEAD}{''.join(items)}</ol>\n</main>\n</html>\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the pages."""
    parser = argparse.ArgumentParser(prog="python -m demos.playground", description=(__doc__ or "").splitlines()[0])
    folder: Path = parsed_with_folder(parser, arguments).out
    for name, page in pages().items():
        print(page.save(folder / f"{name}.html"))
    (folder / "index.html").write_text(index(), encoding="utf-8")
    print(folder / "index.html")


if __name__ == "__main__":
    main()
