"""The summary of a module, with rich and without."""

import sys

import pytest

import nn


@pytest.fixture(params=["rich", "plain"])
def summary(request, monkeypatch):
    if request.param == "rich":
        pytest.importorskip("rich")
    else:
        monkeypatch.setitem(sys.modules, "rich.table", None)
    model = nn.MLP([2, 3, 1])
    model.shared = model[0].bias
    model[2].bias[0].trainable = False
    return model.summary()


def test_the_summary_counts_every_parameter_once(summary):
    lines = [line.split() for line in summary.splitlines()]
    assert ["path", "module", "parameters", "trainable"] in lines
    assert ["0", "Linear(in_features=2,", "out_features=3,", "bias=True)", "6", "6"] in lines
    assert ["2", "Linear(in_features=3,", "out_features=1,", "bias=True)", "4", "3"] in lines
    assert ["total", "13", "12"] in lines


def test_an_interactive_session_shows_it_as_it_is(summary):
    assert repr(summary) == str(summary)
    assert "\n" in repr(summary)
