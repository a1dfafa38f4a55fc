"""Writes a compiled program as a Python module that needs NumPy only."""

from __future__ import annotations

import ast
import inspect
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

from . import arrays, calls
from .ir import tuple_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

    import numpy as np

    from .kernels import ArrayKernel

_HEAD = '''"""Compiled from a graph of scalars by autograd; needs NumPy only.

{contents}
"""

from __future__ import annotations

{imports}
import numpy as np

theta = {theta}
'''

_PREDICTED = "`step` gives the outputs."
_TRAINED = """`step` gives the loss and its gradient with respect to `theta`, the vector of parameters, which may be
changed in place or assigned; `train` moves it down the gradient."""

_GRADIENT_STEP = '''def step({names}):
    """{loss} and its gradient with respect to theta.

{takes}    """
    global theta
    if theta is not _program.theta:  # another one was assigned
        copy_into(_program.theta, theta)
        theta = _program.theta
    arrays = _arguments.checked([{names}])
    return _program.run(arrays, {batch})
'''

_OUTPUTS_STEP = '''def step({names}):
    """{outputs}.

{takes}    """
    arrays = _arguments.checked([{names}])
    batch = {batch}
    return shaped(_program.run(arrays, batch), {shape}, theta.dtype)
'''

_TRAIN = '''@np.errstate(all="ignore")
def train({first_names}learning_rate, steps):
    """Gradient descent: each step adds -learning_rate * gradient to theta.

    Args:
{arguments}        learning_rate: how far theta goes down the gradient.
        steps: how often.

    Returns:
        The losses before each step.
    """
    losses = []
    for _ in range(steps):
        loss, gradient = step({names})
        theta[:] -= learning_rate * gradient
        losses.append(loss)
    return losses
'''

_COMMON = "# What modules of this kind have in common\n"

_END = """_constants = [{constants}]
_arguments = Arguments({shapes}, theta.dtype)
_program = ArrayProgram(prepare, theta, _constants, [], mean={mean}, block={block})
"""


def module_text(
    kernel: ArrayKernel, shapes: Sequence[tuple[int, ...]], outputs: tuple[int, ...] | None, mean: bool
) -> str:
    """The module's text: what users call, the program, and the functions that these need."""
    words = _words(shapes, outputs or (), mean)
    called = [_OUTPUTS_STEP] if outputs is not None else [_GRADIENT_STEP, _TRAIN]
    program = [*[template.format(**words) for template in called], kernel.source]
    constants = "".join(f"\n    {_array_text(constant)}," for constant in kernel.constants)
    end = _END.format(constants=constants + "\n" * bool(constants), shapes=list(shapes), mean=mean, block=kernel.block)
    imports, helpers = _needed_by("\n".join([*program, end]))
    head = _HEAD.format(
        contents=_TRAINED if outputs is None else _PREDICTED,
        imports="".join(imports),
        theta=_array_text(kernel.theta),
    )
    return "\n\n".join([head, *program, _COMMON, *helpers, end])


def _words(shapes: Sequence[tuple[int, ...]], outputs: tuple[int, ...], mean: bool) -> dict[str, str]:
    """What fills the templates of the functions."""
    names = [f"x{k}" for k in range(len(shapes))]
    arguments = "".join(
        f"        {name}: array of shape {tuple_text(['batch', *map(str, shape)])}.\n"
        for name, shape in zip(names, shapes, strict=True)
    )
    shape = tuple_text([*["batch"] * bool(names), *map(str, outputs)])
    over = f", {'averaged' if mean else 'added'} over the batch," if names else ""
    return {
        "names": ", ".join(names),
        "first_names": "".join(f"{name}, " for name in names),
        "arguments": arguments,
        "takes": f"    Args:\n{arguments}" if names else "    The data are part of the program.\n",
        "batch": "len(arrays[0])" if names else "1",
        "loss": f"The loss{over}",
        "outputs": "The output, a number" if shape == "()" else f"The outputs, an array of shape {shape}",
        "shape": shape,
    }


class _Statement(NamedTuple):
    """A top-level statement: its text, and the names that it defines and uses."""

    text: str
    is_import: bool
    defines: set[str]
    uses: set[str]


def _needed_by(text: str) -> tuple[list[str], list[str]]:
    """The imports, except NumPy's, and the definitions in `calls` and `arrays` that a text needs."""
    statements = [*_statements(calls), *_statements(arrays)]
    needed = _used_in(ast.parse(text))
    while more := {name for each in statements if each.defines & needed for name in each.uses - needed}:
        needed |= more
    found = [each for each in statements if each.defines & needed]
    imports = {each.text for each in found if each.is_import and each.text != "import numpy as np\n"}
    return sorted(imports, key=lambda line: (line.startswith("from"), line)), [
        each.text for each in found if not each.is_import
    ]


def _statements(module: ModuleType) -> Iterator[_Statement]:
    source = inspect.getsource(module)
    lines = source.splitlines(keepends=True)
    for node in ast.parse(source).body:
        text = "".join(lines[node.lineno - 1 : node.end_lineno])
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield _Statement(text, True, {alias.asname or alias.name for alias in node.names}, set())
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield _Statement(text, False, {node.name}, _used_in(node))
        elif isinstance(node, ast.Assign):
            yield _Statement(text, False, {ast.unparse(target) for target in node.targets}, _used_in(node))


def _used_in(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _array_text(array: np.ndarray) -> str:
    """The array, exactly."""
    numbers = ", ".join(_element_text(x) for x in array.ravel().tolist())
    shaped = "" if array.ndim == 1 else f".reshape({array.shape})"
    kind = "bool_" if array.dtype == bool else str(array.dtype)  # the other name is younger
    return f"np.array([{numbers}], dtype=np.{kind}){shaped}"


def _element_text(x: float) -> str:
    return repr(x) if isfinite(x) else f"float('{x}')"
