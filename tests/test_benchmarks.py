"""The benchmarks run; what they measure is no test."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("arguments", [["benchmarks.eager", "--turns", "1", "--steps", "1", "--length", "10000"]])
def test_a_benchmark_runs(arguments):
    run = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=True)
    assert "bytes a node" in run.stdout


def test_the_benchmark_of_pictures_runs():
    arguments = ["benchmarks.draw", "--repeats", "1", "--large", "2000"]
    run = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=True)
    assert run.stdout.count(" ms   target ") == 3


@pytest.mark.slow
def test_the_benchmark_of_bridges_runs():
    pytest.importorskip("torch")
    arguments = ["benchmarks.bridges", "--repeats", "1"]
    run = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=True)
    ratio = next(line for line in run.stdout.splitlines() if "nodes over" in line)
    assert float(ratio.split()[6]) <= 1.05
