"""The package as a whole: what it imports, what it exports."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import autograd
import nn

# A diagram is put together from the same parts as the pictures of `draw`, and belongs to them.
SOURCES = [path for path in sorted(Path(nn.__file__).parent.glob("*.py")) if path.name != "diagrams.py"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_only_public_names_of_autograd_are_used(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert not any(name.name.startswith("autograd.") for name in node.names)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("autograd"):
            assert node.module in ("autograd", "autograd.files")  # the latter is about files alone
            assert not any(name.name.startswith("_") for name in node.names)
        if isinstance(node, ast.Attribute):
            assert node.attr not in autograd.Value.__slots__
            if isinstance(node.value, ast.Name) and node.value.id == "autograd":
                assert not node.attr.startswith("_")


def test_every_name_is_exported():
    assert all(hasattr(nn, name) for name in nn.__all__)
    assert len(set(nn.__all__)) == len(nn.__all__)


def test_no_heavy_library_is_imported_before_it_is_needed():
    program = "import sys, nn; print([m for m in ('matplotlib', 'rich', 'safetensors', 'torch') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "[]\n"
