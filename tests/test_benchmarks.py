"""The benchmarks run; what they measure is no test."""

import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["benchmarks.eager", "--turns", "1", "--steps", "1", "--length", "10000"]])
def test_a_benchmark_runs(arguments):
    run = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=True)
    assert "bytes a node" in run.stdout


@pytest.mark.slow
def test_the_benchmark_of_pictures_runs():
    arguments = ["benchmarks.draw", "--repeats", "1", "--large", "2000"]
    run = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=True)
    assert run.stdout.count(" ms   target ") == 3


@pytest.mark.slow
def test_the_benchmark_of_jax_runs():
    pytest.importorskip("jax", reason="JAX is not installed: pip install 'chainrule[jax]'")
    arguments = ["-W", "error", "-m", "benchmarks.jax_engine", "--quick"]
    run = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)
    assert run.stdout.count(" us ") >= 4


@pytest.mark.slow
def test_the_benchmark_of_programs_runs():
    arguments = ["benchmarks.compile", "--quick", "--alone"]
    run = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=True)
    assert run.stdout.count("\n  compile ") == 6
    assert "rows of W1's network in one call" in run.stdout


@pytest.mark.slow
def test_the_benchmark_of_programs_runs_with_peers():
    """They agree on losses and gradients, or it fails."""
    pytest.importorskip("torch")
    pytest.importorskip("casadi")
    arguments = ["benchmarks.compile", "--quick", "W5", "W6", "W7"]
    run = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=True)
    assert run.stdout.count("torch eager") == 6
    assert run.stdout.count("CasADi") == 2


@pytest.mark.slow
def test_the_benchmark_of_bridges_runs():
    pytest.importorskip("torch")
    arguments = ["benchmarks.bridges", "--repeats", "1"]
    run = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=True)
    ratio = next(line for line in run.stdout.splitlines() if "nodes over" in line)
    assert float(ratio.split()[6]) <= 1.05


@pytest.mark.slow
def test_the_benchmark_of_training_runs():
    arguments = ["benchmarks.training", "--quick"]
    run = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=True)
    assert run.stdout.count("ours is") == 5
