"""One network on one process, on four simulated devices, and on two processes that talk over loopback."""

import re
import sys

import numpy as np
import pytest

from demos import cluster

pytest.importorskip("jax", reason="JAX is not installed: pip install 'chainrule[jax]'")


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-13), ("float32", 1e-4)])
def test_the_weights_are_the_same(dtype, tolerance, tmp_path, capsys):
    cluster.main(["--steps", "40", "--rows", "256", "--dtype", dtype, "--out", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()[1:]
    rows = [re.split(r"\s{2,}", line) for line in lines]
    assert [row[0] for row in rows] == [setting.name for setting in cluster.SETTINGS]
    assert [row[1:3] for row in rows] == [["1", "0"], ["4", "1"], ["4", "1"]]
    losses = [float(row[3]) for row in rows]
    assert losses == pytest.approx([losses[0]] * 3, rel=tolerance)
    assert rows[0][4] == "none"
    for row in rows[1:]:
        assert row[4] == "none" or float(row[4].split(" = ")[0]) < tolerance


def test_the_rows():
    """Every process takes its share of the same rows."""
    points, inside = cluster.rows(100, 3)
    assert points.shape == (100, 2)
    np.testing.assert_array_equal(inside, [float(x * x + y * y < 1.21) for x, y in points])
    assert 20 < inside.sum() < 80


def test_without_jax(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(ImportError, match=r'demos.cluster needs the extra "jax"'):
        cluster.main(["--out", str(tmp_path)])
