"""The benchmarks run; what they measure is no test."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("arguments", [["benchmarks.eager", "--turns", "1", "--steps", "1", "--length", "10000"]])
def test_a_benchmark_runs(arguments):
    run = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=True)
    assert "bytes a node" in run.stdout
