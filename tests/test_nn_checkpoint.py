"""Checkpoints: a training that was stopped or killed goes on to the bit-identical result."""

import contextlib
import itertools
import json
import signal
import subprocess
import sys
import time
import types

import numpy as np
import pytest

import nn
import nn.training.checkpoint

ROWS = np.random.default_rng(0).normal(size=(10, 2))
SUMS = (2 * ROWS[:, 0] - ROWS[:, 1] + 0.5).tolist()


def train(
    epochs, checkpoint=None, optimizer=nn.Adam, loss=nn.mse, schedule=True, activation="tanh", data=None, **settings
):
    model = nn.MLP([2, 3, 1], activation, seed=0)
    optimizer = optimizer(model.parameters(), lr=0.05)
    schedule = nn.CosineAnnealingLR(optimizer, 40) if schedule else None
    history = nn.fit(
        model,
        *(data or (ROWS, SUMS)),
        loss=loss,
        optimizer=optimizer,
        schedule=schedule,
        epochs=epochs,
        checkpoint=checkpoint,
        **{"batch_size": 3, "seed": 1, **settings},
    )
    return model, history


def result(training):
    model, history = training
    return [p.data for p in model.parameters()], history.loss, history.validation_loss, history.step_sizes


class Killed(BaseException):
    """What stops the process in the middle of an epoch."""


def killed_after(calls, kind=Killed):
    left = calls

    def loss(outputs, target):
        nonlocal left
        left -= 1
        if left == 0:
            raise kind
        return nn.mse(outputs, target)

    return loss


@pytest.mark.parametrize("compile", [True, False])
@pytest.mark.parametrize("optimizer", [nn.SGD, nn.Adam, nn.AdamW, nn.RMSprop])
def test_a_longer_training_goes_on_exactly(tmp_path, optimizer, compile):
    path = tmp_path / "run.json"
    train(7, path, optimizer, compile=compile)
    resumed, whole = train(20, path, optimizer, compile=compile), train(20, None, optimizer, compile=compile)
    assert result(resumed) == result(whole)
    assert resumed[1].engine == ("compiled" if compile else "eager")


@pytest.mark.parametrize("compile", [True, False])
@pytest.mark.parametrize("kind", [Killed, KeyboardInterrupt, RuntimeError])
def test_a_training_that_was_stopped_in_an_epoch_goes_on_exactly(tmp_path, monkeypatch, kind, compile):
    """Each epoch has four steps; the optimiser fails in the thirtieth."""

    def failing(self, theta, gradient, memory):
        if self.steps == 30:
            raise kind
        return rule(self, theta, gradient, memory)

    path, rule = tmp_path / "run.json", nn.Adam.rule
    monkeypatch.setattr(nn.Adam, "rule", failing)
    with contextlib.suppress(Killed, RuntimeError):
        train(20, path, compile=compile)
    monkeypatch.undo()
    assert len(json.loads(path.read_text())["history"]["loss"]) == 7
    assert result(train(20, path, compile=compile)) == result(train(20, compile=compile))


def test_a_training_that_went_on_eagerly_stays_eager(tmp_path):
    """Which engine runs changes the last digits. A first part found that model and program differ, by chance."""
    path = tmp_path / "run.json"
    settings = {"validation": (ROWS[:2], [0.0, 0.0])}
    assert train(3, path, compile=False, **settings)[1].engine == "eager"
    resumed = train(20, path, **settings)
    assert (resumed[1].engine, resumed[1].why_eager) == ("eager", "compile=False was given")
    assert result(resumed) == result(train(20, compile=False, **settings))


def test_a_training_that_was_complete_says_that_nothing_ran(tmp_path):
    path = tmp_path / "run.json"
    first, again = train(5, path), train(5, path)
    assert result(again) == result(first)
    assert again[1].why_eager == "no epoch was computed, so no program was made"
    assert train(5, path, compile=False)[1].why_eager == "compile=False was given"
    assert train(9, path)[1].engine == "compiled"


def test_a_short_first_part_runs_the_same_engine(tmp_path):
    """Without a checkpoint, a training of so few graphs would be eager."""
    assert train(1, tmp_path / "run.json")[1].engine == "compiled"
    assert train(1)[1].engine == "eager"
    assert result(train(20, tmp_path / "run.json")) == result(train(20))


def test_validation_and_patience_go_on_exactly(tmp_path):
    settings = {"validation": (ROWS[:2], [0.0, 0.0]), "patience": 6}
    path = tmp_path / "run.json"
    whole = train(60, **settings)
    assert whole[1].stopped == "patience"
    for epochs in (2, len(whole[1]) - 1, 60, 60):
        part = train(epochs, path, **settings)
    assert result(part) == result(whole)
    assert part[1].stopped == "patience"


def test_a_finished_training_is_read_back(tmp_path):
    path = tmp_path / "run.json"
    first = train(5, path)
    assert result(train(5, path, loss=killed_after(1))) == result(first)


SCRIPT = """
import sys, time
from tests.test_nn_checkpoint import train, nn
def slow(outputs, target):
    time.sleep(0.0005)
    return nn.mse(outputs, target)
nn.training.checkpoint._SECONDS_BETWEEN_WRITES = 0.05
train(10_000, sys.argv[1], loss=slow)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_process_leaves_a_checkpoint_to_go_on_from(tmp_path):
    path = tmp_path / "run.json"
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(path)])
    try:
        while epochs_in(path) < 5:
            assert process.poll() is None  # it ends after its epochs if nothing is written
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()
    epochs = epochs_in(path) + 5
    assert result(train(epochs, path)) == result(train(epochs))


def epochs_in(path):
    return len(json.loads(path.read_text())["history"]["loss"]) if path.exists() else 0


def test_writes_are_some_seconds_apart(tmp_path, monkeypatch):
    written = []

    def write(path, content):
        written.append(len(json.loads(content)["history"]["loss"]))

    seconds = itertools.count()
    monkeypatch.setattr(nn.training.checkpoint, "write_atomically", write)
    monkeypatch.setattr(nn.training.checkpoint, "time", types.SimpleNamespace(monotonic=lambda: next(seconds)))
    train(20, tmp_path / "run.json")
    assert written == [1, 6, 11, 16, 20]  # with a second per epoch: after the first, every five, and at the end


@pytest.mark.parametrize(("changes", "message"), [
    ({"optimizer": nn.SGD}, "optimizer: 'Adam' there, 'SGD' here"),
    ({"batch_size": 5}, "batch_size: 3 there, 5 here"),
    ({"seed": 2}, "seed: 1 there, 2 here"),
    ({"schedule": False}, "schedule: 'CosineAnnealingLR' there, None here"),
    ({"validation": (ROWS, SUMS)}, "validation: 0 there, 10 here"),
    ({"validation": (ROWS, SUMS)}, "validation data: None there"),
    ({"loss": nn.mae}, "loss: 'mse' there, 'mae' here"),
    ({"activation": "relu"}, "model: 'MLP(\\n  (0): Linear(in_features=2, out_features=3, bias=True)\\n  (1): Tanh()"),
    ({"data": (ROWS, SUMS[::-1])}, "data: "),
    ({"data": (2 * ROWS, SUMS)}, "data: "),
])  # fmt: skip
def test_a_checkpoint_of_another_training(tmp_path, changes, message):
    path = tmp_path / "run.json"
    train(2, path)
    before = path.read_bytes()
    with pytest.raises(nn.StorageError, match="belongs to another training") as error:
        train(4, path, **changes)
    assert message in str(error.value)
    assert path.read_bytes() == before


def test_other_validation_data_of_the_same_length(tmp_path):
    train(2, tmp_path / "run.json", validation=(ROWS, SUMS))
    with pytest.raises(nn.StorageError, match=r"there, '\w+' here") as error:
        train(4, tmp_path / "run.json", validation=(-ROWS, SUMS))
    assert "\n  validation data: " in str(error.value)


def test_the_same_data_in_another_form_go_on(tmp_path):
    path = tmp_path / "run.json"
    rows = ROWS.round() + 0.0  # no -0.0, which is another number
    train(2, path, data=(rows, [[y] for y in SUMS]))
    ints = [tuple(int(x) for x in row) for row in rows.tolist()]
    assert len(train(4, path, data=(ints, np.array(SUMS)[:, None]))[1]) == 4


@pytest.mark.parametrize(("damage", "message"), [
    (lambda text: text.replace('"loss": [', '"loss": [1.0, '), "damaged: ValueError.*one number for each epoch"),
    (lambda text: text[:-30], "only a part of one"),
    (lambda text: "{}", "no checkpoint of nn.fit"),
    (lambda text: "[]", "no checkpoint of nn.fit"),
    (lambda text: "", "only a part of one"),
    (lambda text: text.replace('"best"', '"worst"'), "damaged: KeyError: 'best'"),
    (lambda text: text.replace('"PCG64"', '"other"'), "damaged: ValueError"),
    (lambda text: text.replace('"parameters": [', '"parameters": [0.5, '), "belongs to another|damaged: ValueError"),
    (lambda text: text.replace('"mean": [', '"mean": [1.0, '), "damaged: ValueError.*memory of mean"),
])  # fmt: skip
def test_damaged_checkpoints(tmp_path, damage, message):
    path = tmp_path / "run.json"
    train(2, path)
    text = path.read_text()
    assert damage(text) != text
    path.write_text(damage(text))
    with pytest.raises(nn.StorageError, match=f"(?s)run.json.*({message})"):
        train(4, path)


@pytest.mark.parametrize(("name", "kind", "message"), [
    ("nope/e.json", FileNotFoundError, "checkpoint '.*nope/e.json': make the directory '.*nope' first"),
    ("", IsADirectoryError, "is a directory; name a file in it"),
])  # fmt: skip
def test_a_checkpoint_that_cannot_be_written_fails_before_training(tmp_path, name, kind, message):
    with pytest.raises(kind, match=message):
        train(2, tmp_path / name, loss=killed_after(1))
