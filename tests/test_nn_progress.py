"""The progress bar: silent unless the output is a terminal and rich is there."""

import io
import sys
import types

import pytest

import nn
from nn.training.progress import progress_bar


class Terminal(io.StringIO):
    """A text stream that claims to be a terminal."""

    def isatty(self):
        return True


def train(**settings):
    return nn.fit(nn.Linear(1, 1, seed=0), [1.0, 2.0], [1.0, 2.0], loss=nn.mse, epochs=3, **settings)


def test_it_is_silent_when_the_output_is_no_terminal(capsys):
    train()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("progress", [True, False])
def test_a_terminal_shows_epochs_loss_and_engine_if_wanted(monkeypatch, progress):
    pytest.importorskip("rich")
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    train(progress=progress)
    shown = sys.stdout.getvalue()
    assert ("3/3" in shown and "loss" in shown and "eager" in shown) == progress
    assert bool(shown) == progress


def test_without_rich_it_is_silent(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    with progress_bar(True, 3) as show:
        show(1, 0.5, "eager")
    assert sys.stdout.getvalue() == ""


def test_without_an_output_it_is_silent(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert len(train()) == 3


def test_a_notebook_shows_the_last_epoch(monkeypatch):
    shown = []

    class Handle:
        def update(self, html):
            shown.append(html)

    display = types.ModuleType("IPython.display")
    display.HTML = str
    display.display = lambda html, display_id: Handle()
    notebook = types.ModuleType("IPython")
    notebook.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    history = nn.fit(nn.Linear(1, 1, seed=0), [0.0, 1.0], [1.0, 2.0], loss=nn.mse, epochs=50)
    assert "epoch 50/50" in shown[-1]
    assert f"loss {history.loss[-1]:.6g} compiled" in shown[-1]
    shown.clear()
    nn.fit(nn.Linear(1, 1, seed=0), [0.0, 1.0], [1.0, 2.0], loss=nn.mse, epochs=50, progress=False)
    notebook.get_ipython = lambda: types.SimpleNamespace()  # a terminal
    nn.fit(nn.Linear(1, 1, seed=0), [0.0, 1.0], [1.0, 2.0], loss=nn.mse, epochs=50)
    assert shown == []
