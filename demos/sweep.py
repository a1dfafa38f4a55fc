"""Many trainings at once, on all cores: does it learn from every start, and with which learning rate?

    python -m demos.sweep

The network is compiled once and written as a module that needs NumPy only. Each process imports that module and trains
one start after the other with one learning rate after the other. Prints the spread of the losses, and draws them.
"""

import argparse
import importlib.util
import multiprocessing
import os
import statistics
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np

import nn
from autograd import Value, compile

from .cluster import rows
from .command_line import parsed_with_folder, positive

SIZES = (2, 6, 1)
ACTIVATION = "tanh"
LEARNING_RATES = (0.1, 1.0, 3.0, 10.0, 30.0)
ENOUGH = 0.1  # a loss at which nearly every point is on its side of the circle
COLOURS = ("#0072b2", "#56b4e9", "#009e73", "#e69f00", "#d55e00")  # Okabe and Ito (2008)


class Run(NamedTuple):
    """One training: its settings, and the loss before each step."""

    learning_rate: float
    seed: int
    losses: list[float]

    @property
    def final(self) -> float:
        """The last loss; inf for a training that diverged."""
        return self.losses[-1] if np.isfinite(self.losses[-1]) else np.inf


# In the parent


def save_program(path: Path) -> None:
    """Writes the loss of the network, for one point and whether it is inside the circle."""
    model = nn.MLP(list(SIZES), activation=ACTIVATION, seed=0)
    point, inside = [Value(0.0), Value(0.0)], Value(0.0)
    loss = nn.binary_cross_entropy_with_logits(model(point), [inside])
    compile(loss, wrt=list(model.parameters()), inputs=(point, inside)).save_source(path)


def start(seed: int) -> np.ndarray:
    """The parameters that a network starts with."""
    return np.array([parameter.data for parameter in nn.MLP(list(SIZES), ACTIVATION, seed=seed).parameters()])


def sweep(seeds: int, steps: int, points: int, processes: int) -> Iterator[Run]:
    """All trainings, each as soon as it is done."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the cores are taken: each process is one thread
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    data = rows(points, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "program.py")
        save_program(program)
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, context, load, (program, data, steps)) as pool:
            futures: list[Future[Run]] = [
                pool.submit(train, rate, seed, start(seed)) for seed in range(seeds) for rate in LEARNING_RATES
            ]
            for future in as_completed(futures):
                yield future.result()


# In each process

_program = ModuleType("program")
_data: Sequence[np.ndarray] = ()
_steps = 0


def load(path: Path, data: Sequence[np.ndarray], steps: int) -> None:
    """Imports the program; done once per process."""
    global _data, _steps
    spec = importlib.util.spec_from_file_location(_program.__name__, path)
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(_program)
    _data, _steps = data, steps


def train(learning_rate: float, seed: int, theta: np.ndarray) -> Run:
    """Gradient descent from one start."""
    _program.theta[:] = theta
    return Run(learning_rate, seed, _program.train(*_data, learning_rate=learning_rate, steps=_steps))


# Results


def shown(runs: Iterable[Run], number: int) -> list[Run]:
    """The runs, with a progress bar if rich is installed."""
    try:
        from rich.progress import track
    except ImportError:
        return list(runs)
    return list(track(runs, "training", total=number))


def by_rate(runs: Sequence[Run]) -> dict[float, list[Run]]:
    """The runs of each learning rate, in the order of seeds."""
    ordered = sorted(runs, key=lambda run: run.seed)
    return {rate: [run for run in ordered if run.learning_rate == rate] for rate in LEARNING_RATES}


def table(runs: Sequence[Run]) -> str:
    """What each learning rate ends with: over all starts, not from a lucky one."""
    lines = [f"{'learning rate':>13}{'best':>10}{'median':>10}{'worst':>10}{f'below {ENOUGH:g}':>14}"]
    for rate, group in by_rate(runs).items():
        finals = sorted(run.final for run in group)
        reached = f"{sum(final < ENOUGH for final in finals)} of {len(finals)}"
        lines.append(f"{rate:>13g}{finals[0]:>10.4f}{statistics.median(finals):>10.4f}{finals[-1]:>10.4f}{reached:>14}")
    return "\n".join(lines)


def draw(runs: Sequence[Run], path: Path) -> None:
    """The median loss with the band of the middle half of all starts, and every start's final loss."""
    import matplotlib.pyplot as plt

    figure, (curves, finals) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained", sharey=True)
    for position, ((rate, group), colour) in enumerate(zip(by_rate(runs).items(), COLOURS, strict=True)):
        losses = np.array([run.losses for run in group])
        low, median, high = np.quantile(losses, [0.25, 0.5, 0.75], axis=0)
        steps = np.arange(1, len(median) + 1)
        curves.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)
        curves.plot(steps, median, color=colour, label=f"{rate:g}")
        aside = position + np.linspace(-0.25, 0.25, len(group))
        finals.scatter(aside, [run.final for run in group], s=18, color=colour, alpha=0.8, linewidth=0)
        finals.hlines(median[-1], position - 0.35, position + 0.35, color="black", linewidth=1.5, zorder=3)
    curves.set(xscale="log", yscale="log", xlabel="step", ylabel="loss", title="Median and middle half of the starts")
    curves.legend(title="learning rate", frameon=False)
    finals.set(xlabel="learning rate", title=f"Each of {len(runs) // len(LEARNING_RATES)} starts at the end")
    finals.set_xticks(range(len(LEARNING_RATES)), [f"{rate:g}" for rate in LEARNING_RATES])
    for axes in (curves, finals):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains, prints and draws."""
    parser = argparse.ArgumentParser(prog="python -m demos.sweep", description=(__doc__ or "").splitlines()[0])
    cores = os.cpu_count() or 1
    for name, default in (("seeds", 20), ("steps", 2000), ("points", 200), ("processes", cores)):
        parser.add_argument(f"--{name}", type=positive(int), default=default, help=f"default {default}")
    chosen = parsed_with_folder(parser, arguments)
    number = chosen.seeds * len(LEARNING_RATES)
    runs = shown(sweep(chosen.seeds, chosen.steps, chosen.points, chosen.processes), number)
    print(table(runs))
    draw(runs, chosen.out / "sweep.png")
    print(f"\nWrote {chosen.out / 'sweep.png'}.")


if __name__ == "__main__":
    main()
