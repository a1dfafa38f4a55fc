"""History: what it tells, keeps and drops."""

import pytest

import nn


def filled():
    history = nn.History()
    history.add(4.0, 5.0, 0.1, 0.5, 0.001)
    history.add(0.25, 0.5, 0.01, 0.5, 0.002)
    return history


def test_it_tells_what_happened():
    assert repr(filled()) == "History(2 epochs in 0.003 s, eager, loss 4 to 0.25, stopped by epochs)"
    assert repr(nn.History()) == "History(no epochs)"


def test_it_goes_through_a_state():
    twin = nn.History()
    twin.load_state_dict(filled().state_dict())
    assert twin.state_dict() == filled().state_dict()
    assert (twin.loss, twin.validation_loss) == ([4.0, 0.25], [5.0, 0.5])


def test_an_interrupted_entry_is_dropped():
    history = filled()
    history.validation_loss.append(9.0)
    history.step_sizes.append(9.0)
    history.trim()
    assert {len(entries) for entries in history.state_dict().values()} == {2}


@pytest.mark.parametrize("name", ["loss", "validation_loss", "step_sizes", "learning_rates", "times"])
def test_lists_of_different_lengths_are_no_history(name):
    state = filled().state_dict()
    state[name] = state[name][:1]
    history = nn.History()
    with pytest.raises(ValueError, match=f"lengths are .*'{name}': 1"):
        history.load_state_dict(state)
    assert len(history.times) == 0
