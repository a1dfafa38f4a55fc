"""The package: what importing it costs, what it exports, how it is built."""

import importlib
import inspect
import pathlib
import subprocess
import sys
import types

import pytest

import autograd
import nn

ROOT = pathlib.Path(__file__).parent.parent
HEAVY = ("numpy", "graphviz", "pygraphviz", "matplotlib", "mpmath", "rich", "safetensors", "PIL", "inspect", "typing")


def test_importing_autograd_imports_nothing_heavy():
    code = f"import sys; before = set(sys.modules); import autograd; print([m for m in {HEAVY} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout.strip() == "[]"


def test_scalar_work_imports_nothing_heavy():
    code = (
        "import sys, autograd\n"
        "x = autograd.Value(2.0); y = (x ** 2).softplus() + abs(x); y.backward(); autograd.derivative(y, x)\n"
        "print('numpy' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout.strip() == "False"


@pytest.mark.parametrize("package", [autograd, nn])
def test_everything_public_is_documented(package):
    for name in package.__all__:
        try:
            thing = getattr(package, name)
        except ImportError:  # the extra of this name is not installed
            continue
        assert isinstance(thing, types.ModuleType) or (thing.__doc__ and thing.__doc__.strip()), name


@pytest.mark.parametrize("name", ["draw", "explain", "compile", "gradcheck", "abs", "max", "min", "sum"])
def test_names_in_lower_case_are_functions(name):
    if hasattr(autograd, name):
        assert callable(getattr(autograd, name))
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(f"autograd.{name}")


@pytest.mark.parametrize(("function", "names"), [
    (autograd.Value, "data name"),
    (autograd.Value.backward, "self seed"),
    (autograd.where, "c a b"),
    (autograd.clip, "x lo hi"),
    (autograd.dot, "xs ys"),
    (autograd.derivative, "y wrt order"),
    (autograd.grad, "f argnums"),
    (autograd.value_and_grad, "f argnums"),
    (autograd.jacobian, "f"),
    (autograd.hessian, "f"),
    (autograd.jvp, "f primals tangents"),
    (autograd.vjp, "f primals cotangent"),
    (autograd.hvp, "f x v"),
    (autograd.gradcheck, "f inputs"),
    (autograd.check_gradient, "f df x"),
    (autograd.draw, "root"),
    (autograd.explain, "y x"),
    (nn.Parameter, "data name trainable"),
    (nn.Linear, "in_features out_features bias"),
    (nn.MLP, "sizes activation"),
    (nn.Module.load_state_dict, "self sd strict"),
    (nn.softmax, "xs"),
    (nn.log_softmax, "xs"),
    (nn.argmax, "xs"),
    (nn.one_hot, "i n"),
    (nn.ssr, "predicted observed"),
    (nn.mse, "predicted observed"),
    (nn.mae, "predicted observed"),
    (nn.huber, "predicted observed"),
    (nn.hinge, "predicted observed"),
    (nn.cross_entropy, "logits target"),
    (nn.nll, "log_probabilities target"),
    (nn.cross_entropy_of_probabilities, "p observed"),
    (nn.SGD, "params lr momentum dampening weight_decay nesterov maximize"),
    (nn.fit, "model inputs targets"),
    (nn.plot_fit, "model X y"),
    (nn.plot_decision_regions, "model X y"),
    (nn.save, "model path"),
    (nn.load, "model path"),
])  # fmt: skip
def test_arguments_have_the_names_that_were_promised(function, names):
    assert list(inspect.signature(function).parameters)[: len(names.split())] == names.split()


@pytest.mark.slow
def test_everything_works_without_the_written_code():
    code = (
        "import sys, types\n"
        "plain = types.ModuleType('autograd.specialize')\n"
        "plain.pull_all = lambda results: sys.modules['autograd.chain'].pull_all(results)\n"
        "plain.write_methods = lambda kind, **recording: None\n"
        "sys.modules['autograd.specialize'] = plain\n"
        "import pytest\n"
        "sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', 'tests/test_tour.py', 'tests/test_value.py']))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.returncode == 0, run.stdout


def test_both_packages_are_typed():
    assert (ROOT / "autograd" / "py.typed").exists()
    assert (ROOT / "nn" / "py.typed").exists()


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_a_missing_framework_is_an_error_that_names_its_extra(framework, monkeypatch):
    monkeypatch.setitem(sys.modules, framework, None)
    bridge = getattr(autograd, f"from_{framework}")
    with pytest.raises(ImportError, match=rf'pip install "chainrule\[{framework}\]"'):
        bridge(lambda: None)
