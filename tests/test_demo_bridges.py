"""The demo of bridges: its numbers are the frameworks', and its pictures are written."""

import pytest

from demos import bridges


def test_a_network_of_torch(tmp_path, capsys):
    pytest.importorskip("torch")
    bridges.small_in_torch(tmp_path)
    printed = capsys.readouterr().out
    ours, theirs = printed.splitlines()[0].partition(" is ")[2].split(", PyTorch says ")
    assert float(ours) == float(theirs) != 0.0
    assert "gradcheck: 7 derivatives and 10 operations ok" in printed
    assert "0.weight[1][0]" in (tmp_path / "bridge-torch.svg").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_large_network_of_torch(tmp_path, capsys):
    pytest.importorskip("torch")
    bridges.large_in_torch(tmp_path)
    assert "44,426 parameters" in capsys.readouterr().out
    picture = (tmp_path / "bridge-lenet.svg").read_text(encoding="utf-8")
    assert all(f"{i} ({kind})" in picture for i, kind in ((0, "Conv2d"), (3, "Conv2d"), (7, "Linear"), (11, "Linear")))


def test_a_function_of_jax(tmp_path, capsys):
    pytest.importorskip("jax")
    bridges.in_jax(tmp_path)
    printed = capsys.readouterr().out
    assert "d loss / d w.memory is" in printed
    assert "gradcheck: 4 derivatives and 10 operations ok" in printed
    assert (tmp_path / "bridge-jax.svg").exists()
