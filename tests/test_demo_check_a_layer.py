"""The demo of layers: the mistake in each is found and named."""

from demos import check_a_layer


def test_each_mistake_is_named(capsys):
    check_a_layer.main([])
    printed = capsys.readouterr().out
    assert "numpy: check_backward FAILED at x, W, b: 3 gradients, 3 wrong" in printed
    assert "W: everything is 8 times too large: is the 1/n of a mean missing, with n = 8?" in printed
    for name, hint in {
        "torch": "the gradient of W does not depend on the cotangent",
        "jax": "k: everything is 2.64575 times the true derivative",
    }.items():
        assert f"{name} is not installed" in printed or hint in printed
