"""Many trainings at once: each is the one that a single process would do, and the spread is told."""

import re

import numpy as np
import pytest

import nn
from demos import sweep

pytest.importorskip("matplotlib")
import matplotlib

matplotlib.use("Agg")


def test_a_process_trains_the_network_that_it_is_told_to(tmp_path):
    data = sweep.rows(30, seed=0)
    sweep.save_program(tmp_path / "program.py")
    sweep.load(tmp_path / "program.py", data, steps=4)
    model = nn.MLP(list(sweep.SIZES), activation=sweep.ACTIVATION, seed=5)
    history = nn.fit(
        model,
        *data,
        loss=lambda outputs, inside: nn.binary_cross_entropy_with_logits(outputs, [inside]),
        lr=0.3,
        epochs=3,
        progress=False,
    )
    for _ in range(2):  # the second training starts anew
        run = sweep.train(0.3, 5, sweep.start(5))
        assert run.seed == 5
        np.testing.assert_allclose(run.losses[:3], history.loss, rtol=1e-9)


def test_the_table_and_the_picture(tmp_path):
    """A training that diverged is among the worst."""
    ends = [0.05, 0.2, np.nan]
    runs = [
        sweep.Run(rate, seed, [0.7, end * rate]) for seed, end in enumerate(ends) for rate in sweep.LEARNING_RATES[::-1]
    ]
    lines = [line.split() for line in sweep.table(runs).splitlines()[1:]]
    assert [float(line[0]) for line in lines] == list(sweep.LEARNING_RATES)
    assert lines[1][1:] == ["0.0500", "0.2000", "inf", "1", "of", "3"]
    sweep.draw(runs, tmp_path / "sweep.png")
    assert (tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_all_of_it(tmp_path, capsys):
    sweep.main(["--seeds", "3", "--steps", "20", "--points", "40", "--processes", "2", "--out", str(tmp_path)])
    output = capsys.readouterr().out
    assert len(re.findall(r"^ +[\d.]+(?: +[\d.]+){3} +\d of 3$", output, flags=re.MULTILINE)) == 5
    assert (tmp_path / "sweep.png").exists()
