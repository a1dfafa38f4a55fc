"""The exercises: blanks are named, right answers pass, usual slips get the hint that they deserve."""

import importlib
import inspect
import math
import pathlib
import subprocess
import sys

import pytest

from autograd import GradcheckError
from demos.exercises import __main__ as listing
from demos.exercises.answer_key import EXERCISES
from demos.exercises.marking import mark

NUMBERS = range(1, len(EXERCISES) + 1)
FOLDER = pathlib.Path(listing.__file__).parent


def blank(number):
    """The student's function, as it is before it is filled in."""
    module = importlib.import_module(f"demos.exercises.exercise_{number}")
    (function,) = [each for name, each in inspect.getmembers(module, inspect.isfunction) if name.startswith("d")]
    return module, function


@pytest.mark.parametrize("number", NUMBERS)
def test_a_blank_is_called_a_blank(number):
    module, _ = blank(number)
    with pytest.raises(AssertionError, match="there is a blank left"):
        module.test_the_answer()


@pytest.mark.parametrize("number", NUMBERS)
def test_the_answer_has_the_arguments_of_the_blank_and_passes(number, monkeypatch):
    module, function = blank(number)
    answer = EXERCISES[number - 1].answer
    assert len(inspect.signature(answer).parameters) == len(inspect.signature(function).parameters)
    monkeypatch.setattr(module, function.__name__, answer)
    module.test_the_answer()


@pytest.mark.parametrize(
    ("number", "hint"), [(number, hint) for number, exercise in enumerate(EXERCISES, 1) for hint in exercise.slips]
)
def test_a_slip_gets_its_hint_and_no_other(number, hint):
    with pytest.raises(GradcheckError) as caught:
        mark(number, EXERCISES[number - 1].slips[hint])
    notes = caught.value.__notes__
    assert notes == [f"\nHint: {hint}.", f"\nThe derivation: python -m demos.exercises {number}"]


@pytest.mark.parametrize("number", NUMBERS)
def test_another_mistake_fails_without_a_wrong_hint(number):
    right = EXERCISES[number - 1].answer
    with pytest.raises(GradcheckError) as caught:
        mark(number, lambda *arguments: 1.01 * right(*arguments) + 0.3)
    assert len(caught.value.__notes__) == 1


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(
    ("found", "complaint"),
    [(None, "the answer is None: is there a return"), ("p", "must be a number, got 'p' of type str"), ([1.0], "list")],
)
def test_an_answer_that_is_no_number_is_told_so(number, found, complaint):
    right = EXERCISES[number - 1].answer
    calls = []

    def partly(*arguments):
        calls.append(arguments)
        return right(*arguments) if len(calls) == 1 else found

    with pytest.raises(AssertionError, match=complaint):
        mark(number, partly)


def same_in_all_blanks(number, formula):
    """The exercise with one formula in all of its blanks."""
    source = (FOLDER / f"exercise_{number}.py").read_text().replace("= ...", f"= {formula}")
    names = {"__package__": "demos.exercises"}
    exec(compile(source.replace("return ...", f"return {formula}"), "exercise", "exec"), names)
    return names["test_the_answer"]


@pytest.mark.parametrize(
    ("number", "formula", "hint"),
    [
        (1, "-2 * (observed - predicted)", "multiplied by itself"),
        (1, "2 * (observed - predicted)", "multiplied by itself"),
        (1, "1", "the last link only"),
        (2, "-2 * (observed - predicted)", "multiplied by itself"),
        (2, "y1", "the last link only"),
        (6, "p[i] * (1 - p[i])", "its own raw output only"),
        (6, "-p[i] * p[j]", "grows with its own raw output"),
        (7, "p[c] - 1", "for the observed class only"),
        (7, "p[c]", "the derivative is p - 1"),
    ],
)
def test_one_formula_in_both_blanks_gets_a_hint(number, formula, hint):
    with pytest.raises(GradcheckError) as caught:
        same_in_all_blanks(number, formula)()
    assert [hint in note for note in caught.value.__notes__] == [True, False]


@pytest.mark.parametrize("number", NUMBERS)
def test_an_exercise_without_residuals_has_no_hint_of_them(number):
    exercise = EXERCISES[number - 1]
    with pytest.raises(GradcheckError) as caught:
        mark(number, lambda *arguments: -exercise.answer(*arguments))
    told = "\n".join([str(caught.value), *caught.value.__notes__])
    assert "a factor of -1 is missing" in told
    assert ("(observed - predicted)" in told) == ("SSR" in exercise.title)


def test_an_error_of_the_answer_itself_is_shown():
    with pytest.raises(TypeError, match="must be real number"):
        mark(3, lambda x: math.exp("x"))


def test_the_list_and_the_derivations(capsys):
    listing.main([])
    assert len(capsys.readouterr().out.splitlines()) == len(EXERCISES) == 7
    printed = {}
    for number in NUMBERS:
        listing.main([str(number)])
        printed[number] = capsys.readouterr().out
    assert "= 0.7609" in printed[4]
    assert "-2·(observed - predicted) × w3 × sigmoid(x1) × input" in printed[4]


def test_pytest_runs_a_file_and_shows_hint_and_derivation(tmp_path):
    filled = (FOLDER / "exercise_1.py").read_text()
    filled = filled.replace("dssr_dpredicted = ...", "dssr_dpredicted = 2 * (observed - predicted)")
    filled = filled.replace("dpredicted_db3 = ...", "dpredicted_db3 = 1").replace(
        "from .marking", "from demos.exercises.marking"
    )
    (tmp_path / "exercise_1.py").write_text(filled)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path / "exercise_1.py")]
    printed = subprocess.run(command, capture_output=True, text=True, check=False, cwd=FOLDER.parent.parent).stdout
    assert "1 failed" in printed
    assert "Hint: the derivative of (observed - predicted) by predicted is -1: a minus sign is missing." in printed
    assert "python -m demos.exercises 1" in printed
