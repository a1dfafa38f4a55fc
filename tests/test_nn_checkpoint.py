"""Checkpoints: a training that was stopped or killed goes on to the bit-identical result."""

import contextlib
import hashlib
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
import types

import numpy as np
import pytest

import autograd.files
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


@pytest.mark.parametrize("then", ["frozen", "free again"])
def test_what_on_epoch_froze_stays_so(tmp_path, then):
    def run(path, epochs):
        model = nn.MLP([1, 4, 1], "tanh", seed=0)
        first, last = model[0].parameters(), model[2].parameters()
        for parameter in last if then == "free again" else ():
            parameter.trainable = False

        def change(history):
            if len(history) == 3:
                for parameter in first:
                    parameter.trainable = False
                for parameter in last:
                    parameter.trainable = True

        x = np.linspace(-1.0, 1.0, 10)
        nn.fit(
            model, x, x**2, loss=nn.mse, optimizer=nn.Adam(model.parameters(), lr=0.05), epochs=epochs, batch_size=3,
            seed=1, checkpoint=tmp_path / path, on_epoch=change,
        )  # fmt: skip
        return [(parameter.data, parameter.trainable) for parameter in model.parameters()]

    run("parts", 5)
    assert run("parts", 9) == run("whole", 9)


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
    ({"schedule": False}, "schedule: 'CosineAnnealingLR(T_max=40, eta_min=0.0)' there, None here"),
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


def sealed(text):
    """The text of a checkpoint with the digest that goes with it: as if a program had written it so."""
    open_text = re.sub(r'"digest": "[0-9a-f]+"', f'"digest": "{"0" * 64}"', text)
    return open_text.replace("0" * 64, hashlib.sha256(open_text.encode()).hexdigest(), 1)


def test_a_sealed_checkpoint_is_what_was_written(tmp_path):
    train(2, tmp_path / "run.json")
    text = (tmp_path / "run.json").read_text()
    assert sealed(text) == text


def within(text, *keys, to):
    document = json.loads(text)
    part = document
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = to
    return json.dumps(document)


def test_a_checkpoint_may_say_more_than_is_read(tmp_path):
    """As those that said whether a program had been guarded against infinite outputs."""
    path = tmp_path / "run.json"
    train(2, path)
    path.write_text(sealed(within(path.read_text(), "state", "guarded", to=[True, False])))
    assert result(train(4, path)) == result(train(4))


HUGE = 10**400
DAMAGES = {
    "a history of another length": (
        lambda text: text.replace('"loss": [', '"loss": [1.0, '),
        "damaged: ValueError.*one number for each epoch",
    ),
    "cut off": (lambda text: text[:-30], "only a part of one"),
    "an empty object": (lambda text: "{}", "no checkpoint of nn.fit"),
    "a list": (lambda text: "[]", "no checkpoint of nn.fit"),
    "nothing": (lambda text: "", "only a part of one"),
    "no best": (lambda text: text.replace('"best"', '"worst"'), "damaged: KeyError: 'best'"),
    "other numbers": (lambda text: text.replace('"PCG64"', '"other"'), "damaged: ValueError"),
    "more parameters": (
        lambda text: text.replace('"parameters": [', '"parameters": [0.5, '),
        "belongs to another|damaged: ValueError",
    ),
    "more memory": (
        lambda text: text.replace('"mean": [', '"mean": [1.0, '),
        "damaged: ValueError.*memory of mean",
    ),
    "a huge parameter": (lambda text: within(text, "state", "parameters", 3, to=HUGE), "damaged: ValueError"),
    "a huge loss": (lambda text: within(text, "history", "loss", 1, to=HUGE), "damaged: ValueError"),
    "a loss of text": (lambda text: within(text, "history", "loss", 1, to="1.5"), "damaged: ValueError"),
    "no losses": (lambda text: within(text, "history", "loss", to=None), "damaged: ValueError: a history"),
    "a history of nothing": (lambda text: within(text, "history", to=None), "damaged: ValueError: a history"),
    "a state of nothing": (lambda text: within(text, "state", to=None), "damaged: TypeError"),
    "a huge rate": (lambda text: within(text, "state", "optimizer", "lr", to=HUGE), "damaged: ValueError.*lr must"),
    "huge steps": (lambda text: within(text, "state", "optimizer", "steps", to=HUGE), "damaged: ValueError.*steps"),
    "negative squares": (
        lambda text: within(text, "state", "optimizer", "memory", "mean_square", 2, to=-1.0),
        "damaged: ValueError.*memory of mean_square: expected numbers that are not negative",
    ),
    "a schedule of text": (lambda text: within(text, "state", "schedule", "epoch", to="2"), "epoch must be an integer"),
    "a huge schedule": (lambda text: within(text, "state", "schedule", "first", to=HUGE), "first must be finite"),
    "no schedule": (lambda text: within(text, "state", "schedule", to=None), "damaged: TypeError"),
    "huge random numbers": (
        lambda text: within(text, "state", "random numbers", "state", "state", to=HUGE),
        "damaged: OverflowError|damaged: ValueError",
    ),
    "a best epoch to come": (lambda text: within(text, "state", "best", 1, to=3), "the best epoch is too large"),
    "a reason that is none": (lambda text: within(text, "state", "why eager", to=[1, 2]), "expected two texts"),
    "control characters": (
        lambda text: within(text, "settings", "\x1b[31mred", to="\x1b"),
        r"belongs to another training.*\\x1b\[31mred: '\\x1b' there",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_checkpoints_change_nothing(tmp_path, name):
    damage, message = DAMAGES[name]
    path = tmp_path / "run.json"
    train(2, path)
    text = path.read_text()
    damaged = damage(text)
    assert damaged != text
    model = nn.MLP([2, 3, 1], "tanh", seed=0)
    optimizer = nn.Adam(model.parameters(), lr=0.05)
    schedule = nn.CosineAnnealingLR(optimizer, 40)
    before = json.dumps([optimizer.state_dict(), schedule.state_dict(), [p.data for p in model.parameters()]])
    for content, problem in ((sealed(damaged), message), (damaged, "")):
        path.write_text(content)
        with pytest.raises(nn.StorageError, match=f"(?s)run.json.*({problem})") as error:
            nn.fit(
                model, ROWS, SUMS, loss=nn.mse, optimizer=optimizer, schedule=schedule, batch_size=3, seed=1, epochs=4,
                checkpoint=path,
            )  # fmt: skip
        assert "\x1b" not in str(error.value)
        assert len(str(error.value)) < 3000
        assert (
            json.dumps([optimizer.state_dict(), schedule.state_dict(), [p.data for p in model.parameters()]]) == before
        )


def test_every_flipped_byte_is_noticed(tmp_path):
    path = tmp_path / "run.json"
    train(2, path)
    content = path.read_bytes()
    for position in np.random.default_rng(0).choice(len(content), 150, replace=False).tolist():
        flipped = bytearray(content)
        flipped[position] ^= 1 << position % 8
        path.write_bytes(flipped)
        with pytest.raises(nn.StorageError, match=r"run\.json"):
            train(4, path)


def test_a_checkpoint_of_version_0_1_goes_on(tmp_path):
    """It had no digest, and neither settings nor the present learning rate of the schedule."""
    path = tmp_path / "run.json"
    train(3, path)
    document = json.loads(path.read_text())
    del document["digest"]
    document["format"] = "chainrule checkpoint 1"
    document["settings"]["schedule"] = "CosineAnnealingLR"
    document["state"]["schedule"] = {name: document["state"]["schedule"][name] for name in ("first", "epoch")}
    path.write_text(json.dumps(document))
    assert result(train(9, path)) == result(train(9))


@pytest.mark.parametrize(("first", "second"), [
    (lambda o: nn.StepLR(o, 3, 0.5), lambda o: nn.StepLR(o, 3, 0.2)),
    (lambda o: nn.StepLR(o, 3, 0.5), lambda o: nn.StepLR(o, 4, 0.5)),
    (lambda o: nn.CosineAnnealingLR(o, 40), lambda o: nn.CosineAnnealingLR(o, 40, 1e-3)),
])  # fmt: skip
def test_other_settings_of_a_schedule_are_refused(tmp_path, first, second):
    def run(make):
        model = nn.Linear(2, 1, seed=0)
        optimizer = nn.SGD(model.parameters(), 0.1)
        schedule = make(optimizer)
        checkpoint = tmp_path / "run.json"
        nn.fit(model, ROWS, SUMS, loss=nn.mse, optimizer=optimizer, schedule=schedule, epochs=4, checkpoint=checkpoint)

    run(first)
    run(first)
    with pytest.raises(nn.StorageError, match=r"belongs to another training.*\n  schedule: '\w+\("):
        run(second)


@pytest.mark.parametrize("call", ["fsync", "open"])
def test_a_checkpoint_that_cannot_be_written_stops_before_the_first_step(tmp_path, monkeypatch, call):
    def fail(*arguments, **settings):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((os, "fsync") if call == "fsync" else (autograd.files, "open")), fail, raising=False)
    with pytest.raises(OSError, match="No space left"):
        train(2, tmp_path / "run.json", loss=killed_after(1))
    assert os.listdir(tmp_path) == []


def test_a_finished_training_is_read_from_where_nothing_can_be_written(tmp_path, monkeypatch):
    path = tmp_path / "run.json"
    first = train(3, path)
    monkeypatch.setattr(os, "fsync", None)
    assert result(train(3, path)) == result(first)


def test_a_disk_that_is_full_in_mid_run_is_a_warning(tmp_path, monkeypatch):
    def fail(descriptor):
        raise OSError(28, "No space left on device")

    def loss(outputs, target):
        monkeypatch.setattr(os, "fsync", fail)
        return nn.mse(outputs, target)

    path = tmp_path / "run.json"
    with pytest.warns(RuntimeWarning, match="the checkpoint could not be written.*No space left"):
        trained = train(6, path, loss=loss)
    assert result(trained) == result(train(6, loss=loss))
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_no_checkpoint(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(nn.StorageError, match="is a pipe, not a file"):
        train(2, tmp_path / "pipe", loss=killed_after(1))


def test_a_checkpoint_far_too_large_is_not_read(tmp_path):
    path = tmp_path / "run.json"
    with path.open("wb") as file:
        file.truncate(1_000_000_000)
    with pytest.raises(nn.StorageError, match="1,000,000,000 bytes are too many"):
        train(2, path)


@pytest.mark.parametrize("path", [3, b"run.json", ["run.json"]])
def test_a_checkpoint_is_a_path(path):
    with pytest.raises(TypeError, match="checkpoint must be the path of a file"):
        train(2, path)


@pytest.mark.parametrize(("name", "kind", "message"), [
    ("nope/e.json", FileNotFoundError, "checkpoint '.*nope/e.json': make the directory '.*nope' first"),
    ("", IsADirectoryError, "is a directory; name a file in it"),
])  # fmt: skip
def test_a_checkpoint_that_cannot_be_written_fails_before_training(tmp_path, name, kind, message):
    with pytest.raises(kind, match=message):
        train(2, tmp_path / name, loss=killed_after(1))
