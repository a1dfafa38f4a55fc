"""History: what happened in training, epoch by epoch."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any

from ..checks import array_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PER_EPOCH = ("loss", "validation_loss", "step_sizes", "learning_rates", "times")
METRICS = ("metrics", "validation_metrics")
_SMALL = 1e-12


class History:
    """What happened in training.

    Attributes:
        loss: per epoch, the loss over all observations, each taken before the step it was part of.
        validation_loss: per epoch, the loss of the validation data after it; empty without validation.
        step_sizes: per epoch, the largest absolute change of a parameter in one step; the lectures call
            `derivative * learning rate` the step size.
        learning_rates: per epoch, the learning rate.
        times: per epoch, the seconds it took.
        metrics: by name, the averages over all observations after each epoch.
        validation_metrics: the same of the validation data.
        stopped: why training ended: "epochs" (all were done), "tolerance", "patience", "on_epoch", "interrupted",
            or "converged" (LBFGS or LevenbergMarquardt found no better step).
        engine: what computed the losses and gradients of this run: "eager" (graphs), "compiled" (a program made by
            `autograd.compile`) or "compiled, then eager" (the program once differed from the graph).
        errors: what `standard_errors` returns, or why it cannot.
        why_eager: why there was no program, or no longer; names the line of code that prevented it, if one did. Empty
            if there was one.

    >>> import nn
    >>> model = nn.MLP([1, 2, 1], seed=3)
    >>> history = nn.fit(model, [0, 0.5, 1], [0, 1, 0], loss=nn.ssr, lr=0.05, epochs=20)
    >>> len(history.loss), history.loss[-1] < history.loss[0], history.engine, history.stopped
    (20, True, 'compiled', 'epochs')
    """

    def __init__(self, engine: str = "eager") -> None:
        self.loss: list[float] = []
        self.validation_loss: list[float] = []
        self.step_sizes: list[float] = []
        self.learning_rates: list[float] = []
        self.times: list[float] = []
        self.metrics: dict[str, list[float]] = {}
        self.validation_metrics: dict[str, list[float]] = {}
        self.stopped = "epochs"
        self.engine = engine
        self.why_eager = ""
        self.errors: dict[str, float] | str = "only nn.LevenbergMarquardt gives them"

    def __setstate__(self, state: dict[str, Any]) -> None:
        """From a pickle; one of version 0.1 has no metrics."""
        vars(self).update(vars(History()) | state)

    def __len__(self) -> int:
        return len(self.loss)

    @property
    def best_epoch(self) -> int | None:
        """The epoch with the lowest validation loss, or loss if there is none, counted from 0; None before the first.

        With `patience`, the parameters are those of this epoch.
        """
        losses = self.validation_loss or self.loss
        return min(range(len(losses)), key=lambda epoch: (math.isnan(losses[epoch]), losses[epoch]), default=None)

    @property
    def diverged(self) -> str:
        """A sentence if the loss grew to more than ten times what it was at first; else empty."""
        if len(self.loss) < 2 or self.loss[-1] - self.loss[0] <= 9.0 * max(abs(self.loss[0]), _SMALL):
            return ""
        return (
            f"the training diverged: the loss rose from {self.loss[0]:.6g} to {self.loss[-1]:.6g}; "
            "a smaller learning rate may help"
        )

    def standard_errors(self) -> dict[str, float]:
        """By name, the standard error of each parameter after a training by `LevenbergMarquardt`.

        They are the square roots of the diagonal of the Gauss-Newton covariance `s^2 (J'J)^-1`, where J holds the
        derivatives of the residuals and `s^2` is the sum of their squares divided by the number of residuals minus that
        of parameters (Seber and Wild, Nonlinear Regression, 1989, section 2.1). That assumes that residuals are
        independent, of equal variance (or inverse to the sample weights), and that the network is close to linear in
        its parameters within such errors. A parameter that the data do not determine has an infinite error.

        Raises:
            ValueError: another optimiser was used, or there are no more residuals than parameters.
        """
        if isinstance(self.errors, str):
            raise ValueError(f"no standard errors: {self.errors}")
        return dict(self.errors)

    def read(self, *metrics: dict[str, float]) -> None:
        """Notes the metrics of the epoch to be added next, and those of the validation data if there are some."""
        for lists, found in zip((self.metrics, self.validation_metrics), metrics, strict=False):
            for name, number in found.items():
                lists.setdefault(name, []).append(number)

    def add(self, loss: float, validation_loss: float | None, step_size: float, lr: float, seconds: float) -> None:
        """Adds an epoch."""
        if validation_loss is not None:
            self.validation_loss.append(validation_loss)
        self.step_sizes.append(step_size)
        self.learning_rates.append(lr)
        self.times.append(seconds)
        self.loss.append(loss)

    def trim(self) -> None:
        """Drops what an interruption left of an epoch that was being added."""
        for numbers in (*(getattr(self, name) for name in PER_EPOCH), *self._by_name()):
            del numbers[len(self.loss) :]

    def state_dict(self, epochs: int | None = None) -> dict[str, Any]:
        """The lists, or their parts from the first `epochs` epochs."""
        state: dict[str, Any] = {name: getattr(self, name)[:epochs] for name in PER_EPOCH}
        for kind in METRICS:
            if getattr(self, kind):
                state[kind] = {name: numbers[:epochs] for name, numbers in getattr(self, kind).items()}
        return state

    def _by_name(self) -> list[list[float]]:
        return [numbers for kind in METRICS for numbers in getattr(self, kind).values()]

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over the lists of another history.

        Raises:
            ValueError: they are missing, differ in length or hold something other than numbers; nothing was changed.
        """
        if not isinstance(state, dict) or not all(isinstance(state.get(name), list) for name in PER_EPOCH):
            raise ValueError(f"a history must have the lists {', '.join(PER_EPOCH)}")
        lengths = {name: len(state[name]) for name in PER_EPOCH if state[name] or name != "validation_loss"}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"each list of a history has one number for each epoch, but their lengths are {lengths}")
        epochs = len(state["loss"])
        metrics = {}
        for kind in METRICS:
            lists = state.get(kind, {})
            if not isinstance(lists, dict):
                raise ValueError(f"{kind} of a history must be lists by name")
            metrics[kind] = {name: array_of(numbers, (epochs,)).tolist() for name, numbers in lists.items()}
        lists = {name: array_of(state[name], (len(state[name]),)).tolist() for name in PER_EPOCH}
        vars(self).update({**lists, **metrics})

    def plot(self, ax: Axes | None = None, *, title: str | None = None, theme: str = "light") -> Axes:
        """Draws the losses over the epochs, on a logarithmic scale if all are positive, and the metrics to the right.

        Args:
            ax: where to draw; by default a new figure.
            title: a line above the plot.
            theme: "light" or "dark".

        Returns:
            Where the losses were drawn.

        Raises:
            ImportError: matplotlib is not installed.
        """
        from ..pictures.plots import plot_history

        losses = {"training": self.loss} | ({"validation": self.validation_loss} if self.validation_loss else {})
        validation = {f"validation {name}": numbers for name, numbers in self.validation_metrics.items()}
        return plot_history(losses, self.metrics | validation, ax, title, theme)

    def __repr__(self) -> str:
        if not self.loss:
            return "History(no epochs)"
        return (
            f"History({len(self)} epochs in {sum(self.times):.3g} s, {self.engine}, "
            f"loss {self.loss[0]:.6g} to {self.loss[-1]:.6g}, stopped by {self.stopped})"
        ) + (f"; {self.diverged}" if self.diverged else "")

    def _repr_html_(self) -> str:
        """What notebooks show: a table of the first, the best and the last epoch, and the curve of the loss."""
        if not self.loss:
            return "<p>History: no epochs</p>"
        columns = {"loss": self.loss, "validation loss": self.validation_loss, **self.metrics}
        columns |= {f"validation {name}": numbers for name, numbers in self.validation_metrics.items()}
        columns = {name: numbers for name, numbers in columns.items() if numbers}
        best = self.best_epoch or 0
        rows = {"first": 0, "best": best, "last": len(self) - 1}
        head = "".join(f"<th>{escape(name)}</th>" for name in ("epoch", "", *columns))
        body = "".join(
            f"<tr><td>{epoch}</td><th>{kind}</th>"
            + "".join(f"<td>{numbers[epoch]:.6g}</td>" for numbers in columns.values())
            + "</tr>"
            for kind, epoch in rows.items()
        )
        notes = [repr(self), *([f"eager because {self.why_eager}"] if self.why_eager else [])]
        said = "".join(f"<p>{escape(note)}</p>" for note in notes)
        return f"<div>{said}<table><tr>{head}</tr>{body}</table>{_curve(self.loss)}</div>"


def _curve(losses: list[float]) -> str:
    """The losses as a small SVG, on a logarithmic scale if all are positive."""
    heights = [math.log(loss) for loss in losses] if min(losses) > 0 else losses
    low, high = min(heights), max(heights)
    step = max(1, len(heights) // 300)
    points = [
        (300.0 * epoch / max(len(heights) - 1, 1), 60.0 - 56.0 * (heights[epoch] - low) / ((high - low) or 1.0))
        for epoch in range(0, len(heights), step)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (points if len(points) > 1 else [(0.0, 30.0), (310.0, 30.0)]))
    return (
        '<svg width="310" height="64" viewBox="0 0 310 64" role="img" aria-label="the loss over the epochs">'
        f'<polyline points="{line}" fill="none" stroke="#1f6feb" stroke-width="1.5"/></svg>'
    )
