"""The LaTeX of explanations fits a page: by the widths that are computed, and by those of LaTeX itself."""

import itertools
import re
import shutil
import subprocess

import pytest

import nn
from autograd import Value, explain
from autograd.drawing.latex import PAGE
from autograd.drawing.latex_width import width
from tests.test_explain_lectures import changed, graphs, lecture_loss, raw_outputs

OPERATIONS = ("exp", "log1p", "sqrt", "reciprocal", "tanh", "sigmoid", "softplus", "relu", "leaky_relu", "gelu", "erf")


def explanations():
    w, loss = lecture_loss()
    yield from (explain(loss, parameter) for parameter in w.values())
    yield explain(loss)
    w, loss = changed()
    yield from (explain(loss, w["w4"]), explain(loss))
    for loss, x in graphs():
        yield explain(loss, x)
    raw = raw_outputs()
    loss = nn.cross_entropy(raw, 0)
    yield from (explain(loss, each) for each in raw)
    model = nn.MLP([2, 2, 3], activation="relu", seed=0)
    batch = nn.cross_entropy([model([0.5, 0.1]), model([1.0, 0.5]), model([0.2, 0.3])], [0, 2, 1])
    batch.name = "total cross entropy"
    yield from (explain(batch, model.parameters()[0]), explain(batch))
    deep = nn.MLP([3, 3, 3, 3, 1], activation="tanh", seed=1)
    yield explain(nn.ssr(deep([1.0, 2.0, 3.0]), [1.0]), deep.parameters()[0])
    x, odd = Value(2.0, name="x"), Value(3.0, name="5% & {c}_1 \\ $ = 3")
    yield explain((odd * x - 1) ** 2 / odd, odd)
    yield from (explain(getattr(x, name)(), x) for name in OPERATIONS)


def rows(latex):
    """The sides of each row left and right of the mark at which it is aligned."""
    body = latex.split("\n", 1)[1].rsplit("\n", 1)[0].replace("%\n", "").replace("\n", " ")
    body = re.sub(r"\\begin\{cases\}.*?\\end\{cases\}", _in_one_row, body.replace(r"\&", r"\,"))
    return [row.strip().split("&") for row in body.split(r"\\")]


def _in_one_row(cases):
    return cases[0].replace(r"\\", ";").replace("&", "")


def test_each_row_fits_a_page():
    for explanation in explanations():
        sides = rows(explanation.latex())
        assert all(len(side) == 2 for side in sides)
        assert max(width(left) for left, _ in sides) + max(width(right) for _, right in sides) <= PAGE + 1.0


def test_rows_are_not_broken_without_need():
    w, loss = lecture_loss()
    sides = rows(explain(loss, w["w1"]).latex())
    assert [left.strip() for left, _ in sides] == [r"\frac{d\,\mathrm{SSR}}{d\,w_{1}}", *[""] * (len(sides) - 1)]
    assert [right.strip()[0] for _, right in sides if "observation" not in right] == ["=", "=", "=", "+", "+", "="]


def test_a_worked_solution_has_a_heading_for_each_observation_and_one_for_what_they_share():
    _, loss = lecture_loss()
    right = [right for _, right in rows(explain(loss).latex())]
    headings = [text for row in right for text in re.findall(r"\\text\{(.*):\}", row)]
    of_data = [f"observation {n}: input {x}, observed {y}" for n, x, y in ((1, 0, 0), (2, 0.5, 1), (3, 1, 0))]
    assert headings == [*of_data, "all observations"] * 2


def test_the_backward_pass_goes_through_the_observations_in_the_order_of_the_data():
    _, loss = lecture_loss()
    labels = [line.label[:13] for line in explain(loss).backward]
    groups = [label for label, _ in itertools.groupby(labels)]
    assert groups == ["", "observation 1", "observation 2", "observation 3", ""]
    assert [line.name for line in explain(loss).backward[-7:]] == ["b3", "w4", "w3", "b2", "w2", "b1", "w1"]


def test_observations_that_depend_on_each_other_keep_results_before_operands():
    layer = nn.Linear(1, 1, seed=0)
    outputs = [layer([x])[0] for x in (0.0, 0.5, 1.0)]
    mean = sum(outputs) / 3
    loss = nn.ssr([[y - mean] for y in outputs], [[0.0], [1.0], [0.0]])
    loss.backward()
    numbers = {line.name: line.number for line in explain(loss).backward}
    assert numbers["weight[0][0]"] == pytest.approx(layer.weight[0][0].grad, rel=1e-12)
    known = set()
    for line in explain(loss).backward:
        assert all(term.user in known for term in line.terms)
        known.add(line.name)


def test_a_handout_may_be_broken_between_pages():
    _, loss = lecture_loss()
    solution = explain(loss)
    text = solution.latex("align*")
    assert text.startswith("{\\allowdisplaybreaks\n\\begin{align*}\n")
    assert text.endswith("\n\\end{align*}}")
    assert rows(text[len("{\\allowdisplaybreaks\n") :]) == rows(solution.latex())
    with pytest.raises(ValueError, match=r"environment must be one of 'aligned', 'align\*', got 'gather'"):
        solution.latex("gather")


@pytest.mark.slow
def test_latex_agrees_that_it_fits(tmp_path):
    """Compiles everything; LaTeX reports what is too wide, and a handout that is too high for a page."""
    if not shutil.which("pdflatex"):
        pytest.skip("no pdflatex on PATH: apt-get install texlive-latex-base")
    texts = [f"\\[\n{each.latex()}\n\\]\\clearpage" for each in explanations()]
    texts += [each.latex("align*") for each in explanations()]
    head = "\\documentclass{article}\\usepackage[T1]{fontenc}\\usepackage{amsmath}\\begin{document}\n"
    (tmp_path / "all.tex").write_text(head + "\n".join(texts).replace("…", "...") + "\n\\end{document}\n", "utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "all.tex"]
    log = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).stdout.decode(errors="replace")
    assert re.findall(r"^!.*", log, re.MULTILINE) == []
    assert re.findall(r"^Overfull \\hbox.*", log, re.MULTILINE) == []
    assert (tmp_path / "all.pdf").exists()


def test_greek_letters_are_as_wide_as_letters():
    assert width(r"\gamma + \mu_{1}") == pytest.approx(width("x + y_{1}"), abs=0.5)
