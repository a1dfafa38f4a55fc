"""The package as a whole: what it imports, what it exports."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import nn
from autograd.node import Node

# Diagrams and pages are put together from the same parts as the pictures of `draw`, and belong to them.
FOLDER = Path(nn.__file__).parent
PICTURES = FOLDER / "pictures"
SOURCES = [path for path in sorted(FOLDER.rglob("*.py")) if path.parent != PICTURES or path.name == "plots.py"]
ALLOWED = (
    "autograd",
    "autograd.compiler",
    "autograd.collector",
    "autograd.context",
    "autograd.drawing.mermaid",
    "autograd.drawing.theme",
    "autograd.extras",
    "autograd.files",
    "autograd.node",
    "autograd.operation",
    "autograd.structures",
    "autograd.value",
)  # about any extra, file, graph, nested list, and an operation of the table to be recorded

INNER = {*Node.__slots__} - {"operation", "gradient"}  # autograd.operation is public, and a Slope has a gradient


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_only_public_names_of_autograd_are_used(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert not any(name.name.startswith("autograd.") for name in node.names)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("autograd"):
            assert node.module in ALLOWED
            assert not any(name.name.startswith("_") for name in node.names)
        if isinstance(node, ast.Attribute):
            assert node.attr not in INNER
            if isinstance(node.value, ast.Name) and node.value.id == "autograd":
                assert not node.attr.startswith("_")


def test_every_name_is_exported():
    assert all(hasattr(nn, name) for name in nn.__all__)
    assert len(set(nn.__all__)) == len(nn.__all__)


def test_without_scikit_learn_a_star_brings_the_rest():
    program = (
        "import sys, pydoc; sys.modules['sklearn'] = None\n"
        "from nn import *; import nn\n"
        "print(MLP is nn.MLP, 'MLPRegressor' in dir(nn), bool(pydoc.render_doc(nn)))"
    )
    assert output_of(program) == "True False True\n"
    stub = "import sys, types; sys.modules['sklearn'] = types.ModuleType('sklearn'); import nn; print('MLP' in dir(nn))"
    assert output_of(stub) == "True\n"


def test_functions_are_not_hidden_by_modules_of_their_name():
    program = (
        "import nn, nn.training.fit, nn.pictures.diagram, nn.pictures.plots\n"
        "print(callable(nn.fit), callable(nn.diagram), callable(nn.plot_fit))"
    )
    assert output_of(program) == "True True True\n"


def test_no_heavy_library_is_imported_before_it_is_needed():
    heavy = ("graphviz", "pygraphviz", "matplotlib", "rich", "safetensors", "torch", "autograd.drawing", "nn.pictures")
    program = f"import sys, nn; print([name for name in sys.modules if name.startswith({heavy})])"
    assert output_of(program) == "[]\n"


def test_pictures_load_when_asked_for():
    assert set(nn.__all__) <= set(dir(nn))
    program = (
        "import sys, nn\n"
        "drawing = nn.diagram(nn.Linear(1, 1))\n"
        "print('graphviz' in sys.modules, 'matplotlib' in sys.modules, type(drawing).__name__)"
    )
    assert output_of(program) == "True False PositionedDrawing\n"
    with pytest.raises(AttributeError, match="module 'nn' has no attribute 'plot_fits'"):
        _ = nn.plot_fits


def output_of(program):
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
