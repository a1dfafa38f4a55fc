"""What a page calls things: inputs, outputs, observations, and the Values of its graph."""

from __future__ import annotations

from collections.abc import Sequence

from autograd import Value
from autograd.drawing.stand_ins import Roles
from autograd.drawing.theme import formatted

from .subject import Subject, loss_name, names_for


class Wording:
    """The names on a page, the same in all panels.

    Args:
        subject: the graph, whose Values get names.
        inputs: what to call the inputs, or None.
        outputs: what to call the outputs, or None.

    Attributes:
        inputs: the names of the inputs.
        outputs: the names of the outputs.
        loss: what formulas call the loss.
        boundary: at which output a network of one output is undecided between two classes; None without classes.
    """

    def __init__(self, subject: Subject, inputs: Sequence[str] | None, outputs: Sequence[str] | None) -> None:
        self._subject = subject
        self.loss = loss_name(subject.function)
        self.inputs = names_for(inputs, len(subject.x), "input", "inputs")
        self.outputs = names_for(outputs, len(subject.outputs), "predicted", "outputs")
        targets = subject.targets.tolist()
        self._kinds = sorted({float(target[0]) for target in targets})
        self._is_one_hot = all(sorted(target) == [0.0] * (len(target) - 1) + [1.0] for target in targets)
        self.boundary = self._found_boundary()
        self._name_values()
        self._roles = Roles([subject.loss], lambda value: value.name or "").names
        if len(subject.outputs) == 1:
            self._roles.setdefault(subject.outputs[0], "predicted")

    def name(self, value: Value) -> str:
        """What formulas call a Value; empty for steps between those with names."""
        return value.name or self._roles.get(value, "")

    def slope(self, top: Value, bottom: Value) -> str:
        """The derivative of one Value by another."""
        return f"d{self.name(top)}/d{self.name(bottom)}"

    def about_loss(self, value: Value) -> str:
        """The derivative of a cross entropy as the lectures write it; empty for other losses."""
        if self._subject.classes != "logits":
            return ""
        if value in self._subject.outputs:
            name = self.outputs[self._subject.outputs.index(value)]
            return f"p {name} − observed {name}"
        return f"the sum over classes of (p − observed) × d raw/d{self.name(value)}"

    def label(self, k: int) -> str:
        """What tells an observation from others: number, inputs and class."""
        row = self._subject.rows[k].tolist()
        known = [f"{name} {formatted(x, 3)}" for name, x in zip(self.inputs[:3], row, strict=False)]
        observed = self.class_of(k)
        if observed is not None and len(self.outputs) > 1:
            known.append(self.outputs[observed])
        return f"{k + 1}: {', '.join(known)}"

    def class_of(self, k: int) -> int | None:
        """The class of an observation; None if observations have none."""
        targets: list[float] = self._subject.targets[k].tolist()
        if len(self._subject.outputs) > 1:
            return targets.index(max(targets)) if self._subject.classes or self._is_one_hot else None
        return None if self.boundary is None or len(self._kinds) != 2 else self._kinds.index(targets[0])

    def _found_boundary(self) -> float | None:
        if len(self._subject.outputs) > 1 or len(self._subject.y) != 1:
            return None
        if self.loss == "hinge" or "logits" in getattr(self._subject.function, "__name__", ""):
            return 0.0
        return sum(self._kinds) / 2.0 if self._kinds in ([0.0, 1.0], [-1.0, 1.0]) else None

    def _name_values(self) -> None:
        """Names for the graph, which is the page's own."""
        subject, many = self._subject, len(self._subject.outputs) > 1
        observed = [f"observed {name}" for name in self.outputs] if many else ["observed"]
        if len(subject.y) != len(observed):
            observed = [f"observed{k}" for k in range(1, len(subject.y) + 1)]
        pairs = [*zip(subject.x, self.inputs, strict=True), *zip(subject.y, observed, strict=True)]
        for leaf, name in pairs:
            leaf.name = name
        stem = "raw " if subject.classes == "logits" else ""
        for output, name in zip(subject.outputs, self.outputs, strict=True):
            if many and output.parents and output is not subject.loss:
                output.name = f"{stem}{name}"
        subject.loss.name = self.loss
