"""The guard against HIPS autograd in the same folder, with a package that stands in for it."""

import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent
SENTENCE = "chainrule and HIPS autograd cannot share an environment"
THEIR_INIT = "from .differential_operators import grad\nfrom .core import make_vjp\n"
THEIR_FILES = {
    "core.py": "from .tracer import trace\nmake_vjp = None\n",
    "differential_operators.py": "grad = None\n",
    "tracer.py": "trace = None\n",
    "numpy/__init__.py": "",
}


def install_theirs(folder, files):
    for name, text in files.items():
        path = folder / "autograd" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def install_ours(folder):
    for package in ("autograd", "nn"):
        shutil.copytree(ROOT / package, folder / package, dirs_exist_ok=True)


def imported(folder, name):
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(folder)!r}); import {name}; print('in')"]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


@pytest.mark.parametrize("name", ["autograd", "nn"])
def test_ours_installed_over_theirs(tmp_path, name):
    install_theirs(tmp_path, {"__init__.py": THEIR_INIT, **THEIR_FILES})
    install_ours(tmp_path)
    run = imported(tmp_path, name)
    assert run.returncode != 0
    assert SENTENCE in run.stderr
    assert "pip uninstall" in run.stderr


@pytest.mark.parametrize("name", ["autograd", "nn"])
def test_theirs_installed_over_ours(tmp_path, name):
    install_ours(tmp_path)
    install_theirs(tmp_path, {"__init__.py": THEIR_INIT, **THEIR_FILES})
    run = imported(tmp_path, name)
    assert run.returncode != 0
    assert SENTENCE in run.stderr


def test_nn_notices_another_init_alone(tmp_path):
    install_ours(tmp_path)
    install_theirs(tmp_path, {"__init__.py": '"""Somebody else\'s."""\n'})
    assert SENTENCE in imported(tmp_path, "nn").stderr


def test_an_intact_package_is_imported(tmp_path):
    install_ours(tmp_path)
    assert imported(tmp_path, "nn").stdout == "in\n"
