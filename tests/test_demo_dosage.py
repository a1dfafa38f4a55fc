"""The main job: the dosage network learns, and its pictures are written."""

import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from demos import dosage

pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install 'chainrule[plots]'")


def test_it_learns_and_draws(tmp_path, capsys):
    dosage.main(["--out", str(tmp_path / "pictures")])
    printed = capsys.readouterr().out
    assert "predicts 1.03 for a dose of 0.5" in printed
    last_step = next(line for line in printed.splitlines() if line.strip().startswith("1000 "))
    assert float(last_step.split()[1]) < 1e-5
    assert len(last_step.split()) == 2 + 7
    assert ET.parse(tmp_path / "pictures" / "gradient.svg").getroot().tag.endswith("svg")
    for name in ("gradient.png", "fit.png", "loss.png"):
        assert (tmp_path / "pictures" / name).read_bytes().startswith(b"\x89PNG")


def test_the_start_is_reproducible():
    first, again, other = (dosage.network(seed).state_dict() for seed in (3, 3, 4))
    assert str(first) == str(again)
    assert str(first) != str(other)


def test_the_parameters_are_named_as_in_the_lectures():
    assert {p.name for p in dosage.network(0).parameters()} == set(dosage.PUBLISHED)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--steps", "0"], "--steps: expected a whole number above 0, got '0'"),
        (["--steps", "1.5"], "--steps: expected a whole number above 0, got '1.5'"),
        (["--learning-rate", "fast"], "--learning-rate: expected a number above 0, got 'fast'"),
        (["--learning-rate", "inf"], "--learning-rate: expected a number above 0"),
        (["--seed", "-1"], "--seed: expected 0 or more, got -1"),
        (["--out", __file__], "cannot make the folder"),
        (["--speed", "9"], "unrecognized arguments"),
    ],
)
def test_a_bad_option_is_one_clear_error(arguments, message, capsys):
    with pytest.raises(SystemExit):
        dosage.main(arguments)
    assert message in capsys.readouterr().err


def test_a_learning_rate_that_is_too_large_says_so(tmp_path):
    with pytest.raises(SystemExit, match=r"after .* steps; try a smaller learning rate"):
        dosage.main(["--learning-rate", "100", "--out", str(tmp_path)])


def test_help():
    run = subprocess.run([sys.executable, "-m", "demos.dosage", "--help"], capture_output=True, text=True, check=True)
    assert "--learning-rate" in run.stdout
