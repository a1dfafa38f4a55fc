"""History: what happened in training, epoch by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..checks import array_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PER_EPOCH = ("loss", "validation_loss", "step_sizes", "learning_rates", "times")


class History:
    """What happened in training.

    Attributes:
        loss: per epoch, the loss over all observations, each taken before the step it was part of.
        validation_loss: per epoch, the loss of the validation data after it; empty without validation.
        step_sizes: per epoch, the largest absolute change of a parameter in one step; the lectures call
            `derivative * learning rate` the step size.
        learning_rates: per epoch, the learning rate.
        times: per epoch, the seconds it took.
        stopped: why training ended: "epochs" (all were done), "tolerance", "patience" or "interrupted".
        engine: what computed the losses and gradients of this run: "eager" (graphs), "compiled" (a program made by
            `autograd.compile`) or "compiled, then eager" (the program once differed from the graph).
        why_eager: why there was no program, or no longer; names the line of code that prevented it, if one did. Empty
            if there was one.
    """

    def __init__(self, engine: str = "eager") -> None:
        self.loss: list[float] = []
        self.validation_loss: list[float] = []
        self.step_sizes: list[float] = []
        self.learning_rates: list[float] = []
        self.times: list[float] = []
        self.stopped = "epochs"
        self.engine = engine
        self.why_eager = ""

    def __len__(self) -> int:
        return len(self.loss)

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
        for name in PER_EPOCH:
            del getattr(self, name)[len(self.loss) :]

    def state_dict(self, epochs: int | None = None) -> dict[str, list[float]]:
        """The lists, or their parts from the first `epochs` epochs."""
        return {name: getattr(self, name)[:epochs] for name in PER_EPOCH}

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
        vars(self).update({name: array_of(state[name], (len(state[name]),)).tolist() for name in PER_EPOCH})

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draws the loss over the epochs, on a logarithmic scale if all losses are positive.

        Raises:
            ImportError: matplotlib is not installed.
        """
        from ..pictures.plots import plot_losses

        return plot_losses(self.loss, self.validation_loss, ax)

    def __repr__(self) -> str:
        if not self.loss:
            return "History(no epochs)"
        return (
            f"History({len(self)} epochs in {sum(self.times):.3g} s, {self.engine}, "
            f"loss {self.loss[0]:.6g} to {self.loss[-1]:.6g}, stopped by {self.stopped})"
        )
