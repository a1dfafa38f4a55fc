"""Ctrl-C, wherever it comes, leaves no context behind."""

import gc
import itertools
import os
import signal
import sys
import threading

import pytest

import nn
from autograd import no_grad
from autograd.context import ContextChange, current_context
from nn.module import _outermost

MODEL = nn.Sequential(nn.Linear(1, 1, seed=0))


@pytest.fixture(autouse=True)
def interruptible():
    """Also where the tests run in the background, or JAX and others have callbacks of Python's collector.

    In a callback Python prints an error and goes on: Ctrl-C there ends nothing.
    """
    callbacks, handler = gc.callbacks[:], signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.callbacks.clear()
    yield
    signal.signal(signal.SIGINT, handler)
    gc.callbacks.extend(callbacks)


def is_interrupted_at(moment):
    """Predicts without recording; whether Ctrl-C came at this moment, which is the call of a function for instance."""
    moments = itertools.count()

    def trace(frame, event, arg):
        if event == "call" or frame.f_code.co_name == "__enter__":
            if next(moments) == moment:
                sys.settrace(None)
                raise KeyboardInterrupt
            return trace
        return None

    try:
        with ContextChange():
            before = sys.gettrace()
            sys.settrace(trace)
            try:
                with no_grad():
                    MODEL([1.0])
            finally:
                sys.settrace(before)
    except KeyboardInterrupt:
        return True
    return False


def test_contexts_end_at_ctrl_c():
    before = current_context()
    for moment in itertools.count():
        is_interrupted = is_interrupted_at(moment)
        assert (current_context(), _outermost.get()) == (before, None)
        if not is_interrupted:
            break
    assert moment > 20


def test_an_error_of_a_signal_is_told_as_it_is():
    """An alarm may raise any error, and as it comes inside a scope, that is cut off."""
    inside, before = ContextChange(), current_context()

    def late():
        inside.__enter__()
        raise TimeoutError("too late")

    with pytest.raises(TimeoutError, match="too late"), no_grad():
        late()
    assert current_context() is before


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs os.kill with signals")
@pytest.mark.parametrize("kind", [nn.SGD, nn.LBFGS, nn.LevenbergMarquardt])
@pytest.mark.parametrize("trial", range(10))
def test_an_interrupted_fit_returns_the_history_so_far(kind, trial):
    model, before = nn.MLP([1, 5, 1], activation="tanh", seed=trial), current_context()
    settings = {"lr": 1e-3} if kind is nn.SGD else {}
    timer = threading.Timer(0.01 + 0.002 * trial, lambda: os.kill(os.getpid(), signal.SIGINT))
    history = nn.fit(
        model, [0.1 * x for x in range(20)], [(x % 3) * (x % 7) for x in range(20)], loss=nn.mse, epochs=10**5,
        optimizer=kind(model.parameters(), **settings), compile=False, metrics={"error": nn.mae},
        on_epoch=lambda history: timer.start() if len(history) == 1 else None,
    )  # fmt: skip
    timer.join()
    assert history.stopped == "interrupted"
    assert len(history.loss) == len(history.times) == len(history.metrics.get("error", ()))
    assert (current_context(), model.training) == (before, True)
