"""Imports point one way, those for types included: the order in which the code can be read."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parent.parent

ORDER = (
    "autograd.arithmetic",
    "autograd.operation",
    "autograd.helpers",
    "autograd.ops",
    "autograd.node",
    "autograd.debug.lines autograd.elsewhere autograd.extras",
    "autograd.context",
    "autograd.chain",
    "autograd.copying autograd.specialize autograd.files autograd.collector",
    "autograd.value",
    "autograd.structures autograd.debug autograd.recording",
    "autograd.functions autograd.derivatives",
    "autograd.custom",
    "autograd.drawing autograd.compiler",
    "autograd.checking autograd.testing autograd.pytest_plugin autograd.bridges",
    "autograd",
    "nn",
    "nn.training nn.pictures nn.history",
    "demos benchmarks",
)


def modules():
    """Each module's name and file."""
    paths = [path for top in ("autograd", "nn", "demos", "benchmarks") for path in (ROOT / top).rglob("*.py")]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


MODULES = modules()


def imported(name):
    """The modules of this project that a module imports anywhere in its text."""
    path = MODULES[name]
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found = set()
    for statement in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(statement, ast.Import):
            found |= {alias.name for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom):
            outer = package[: len(package) - statement.level + 1] if statement.level else []
            base = ".".join([*outer, *(statement.module or "").split(".")]).strip(".")
            found |= {
                f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base for alias in statement.names
            }
    return (found & MODULES.keys()) - {name}


LINKS = {name: imported(name) for name in MODULES}


def layer(name):
    """The number of the layer that a module is in: that of the longest matching prefix."""
    matching = [
        (len(prefix), number)
        for number, prefixes in enumerate(ORDER)
        for prefix in prefixes.split()
        if name == prefix or name.startswith(f"{prefix}.")
    ]
    return max(matching)[1]


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_module_imports_from_its_own_layer_or_an_earlier_one(name):
    # A package that is spelled out as `autograd` offers all of its layers to those who come after it.
    late = {other for other in LINKS[name] if layer(other) > layer(name)}
    if name == "autograd":
        late -= {other for other in late if other.startswith("autograd.")}
    if name == "nn":
        late -= {other for other in late if other.startswith("nn.")}
    assert not late, f"{name} imports {', '.join(sorted(late))}, which come later"


def reached_from(start):
    seen, pending = set(), list(LINKS[start])
    while pending:
        name = pending.pop()
        if name not in seen:
            seen.add(name)
            pending += LINKS[name]
    return seen


def test_no_module_is_imported_by_what_it_imports():
    reached = {name: reached_from(name) for name in MODULES}
    circles = {name: {other for other in reached[name] if name in reached[other]} for name in MODULES}
    assert not {name: circle for name, circle in circles.items() if circle}


def test_each_concept_fits_a_file():
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    packages = {name: length for name, length in lengths.items() if name.partition(".")[0] in ("autograd", "nn")}
    assert {name: length for name, length in packages.items() if length > 450} == {}


@pytest.mark.parametrize("name", [name for name in sorted(MODULES) if name.partition(".")[0] in ("autograd", "nn")])
def test_functions_are_short_and_take_few_arguments(name):
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            assert not body or body[-1].end_lineno - body[0].lineno < 70, node.name
            arguments = node.args
            required = sum(default is None for default in arguments.kw_defaults)
            positional = [a for a in [*arguments.posonlyargs, *arguments.args] if a.arg not in ("self", "cls")]
            assert len(positional) + required <= 8, node.name
