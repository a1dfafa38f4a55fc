"""The demos run, print what they promise, and write their pictures."""

import re
import subprocess
import sys

import pytest

pytest.importorskip("matplotlib")
import matplotlib

matplotlib.use("Agg")

import nn
from demos import iris, moons, xor

PNG = b"\x89PNG\r\n"


def run(demo, tmp_path, capsys, *arguments):
    demo.main([*arguments, "--out", str(tmp_path / "out")])
    return capsys.readouterr().out


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_xor_is_learned_with_hidden_nodes_and_not_without(tmp_path, capsys, seed):
    output = run(xor, tmp_path, capsys, "--seed", str(seed))
    rows = [line.split() for line in output.splitlines() if re.match(r"  [01] [01] ", line)]
    assert [row[:3] for row in rows] == [["0", "0", "0"], ["0", "1", "1"], ["1", "0", "1"], ["1", "1", "0"]]
    for _, _, target, without, with_hidden in rows:
        assert abs(float(without) - 0.5) < 0.05
        assert abs(float(with_hidden) - float(target)) < 0.05
    assert (tmp_path / "out" / "xor.png").read_bytes().startswith(PNG)


def test_the_iris_table_shows_the_published_figures_beside_the_computed(tmp_path, capsys):
    output = run(iris, tmp_path, capsys, "--epochs", "1")
    lines = output[: output.index("The lectures round")].splitlines()[1:]
    figures = [re.split(r"\s{2,}", line[13:].strip()) for line in lines]
    assert len(figures) == 14
    for line, (published, computed) in zip(lines, (figure[-2:] for figure in figures), strict=True):
        pairs = zip(published.split(), computed.split(), strict=True)
        assert all(abs(float(p) - float(c)) < 0.05 for p, c in pairs), line


def test_the_iris_data_are_those_of_fisher():
    inputs, species = iris.flowers()
    assert len(inputs) == 150
    assert [species.count(c) for c in range(3)] == [50, 50, 50]
    assert {min(column) for column in zip(*inputs, strict=True)} == {0.0}
    assert {max(column) for column in zip(*inputs, strict=True)} == {1.0}
    assert inputs[0] == pytest.approx([(0.2 - 0.1) / 2.4, (3.5 - 2.0) / 2.4])


def test_the_published_network_knows_the_real_flowers():
    assert iris.correct(iris.published_network(), *iris.flowers()) == 143


def test_iris_is_above_95_percent(tmp_path, capsys):
    output = run(iris, tmp_path, capsys)
    (accuracy,) = re.findall(r"the trained network .* accuracy ([\d.]+)%", output)
    assert float(accuracy) > 95.0
    assert (tmp_path / "out" / "iris.png").read_bytes().startswith(PNG)


@pytest.mark.slow
def test_the_moons_are_told_apart(tmp_path, capsys):
    output = run(moons, tmp_path, capsys, "--epochs", "60")
    (accuracy,) = re.findall(r"([\d.]+)% after", output)
    assert float(accuracy) >= 98.0
    assert "337 parameters, 100 points" in output
    assert (tmp_path / "out" / "moons.png").read_bytes().startswith(PNG)


def test_the_falling_rate_is_that_of_micrograd():
    schedule = moons.Falling(nn.SGD([nn.Parameter(0.0)], lr=1.0), 100)
    assert [schedule.rate(k) for k in (0, 50, 99)] == pytest.approx([1.0, 0.55, 1.0 - 0.9 * 99 / 100])


@pytest.mark.parametrize("demo", ["xor", "iris", "moons"])
def test_each_runs_alone(demo):
    shown = subprocess.run(
        [sys.executable, "-m", f"demos.{demo}", "--help"], capture_output=True, text=True, check=True
    )
    assert f"python -m demos.{demo}" in shown.stdout
    for option in ("--epochs", "--learning-rate", "--seed", "--out"):
        assert option in shown.stdout


@pytest.mark.parametrize(("arguments", "message"), [
    (["--epochs", "0"], "argument --epochs: expected a whole number above 0, got '0'"),
    (["--epochs", "1.5"], "expected a whole number above 0, got '1.5'"),
    (["--learning-rate", "nan"], "argument --learning-rate: expected a number above 0"),
    (["--seed", "-1"], "argument --seed: expected 0 or more, got -1"),
    (["--out", __file__], "cannot make the folder"),
])  # fmt: skip
def test_bad_options(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        xor.main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err
