"""Plots: the curves that are drawn are those of the network."""

import itertools
import re
import sys

import numpy as np
import pytest

import nn
from autograd import Value
from nn.pictures.components import terms_of
from nn.pictures.plots import COLOURS

pytest.importorskip("matplotlib")
import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

DOSES, EFFECTS = [0.0, 0.5, 1.0], [0.0, 1.0, 0.0]


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    pyplot.close("all")


def curves(ax):
    return {line.get_label(): line for line in ax.lines}


def lectures_network():
    model = nn.MLP([1, 2, 1])
    model.load_state_dict(
        {"0.weight": [[-34.4], [-2.52]], "0.bias": [2.14, 1.29], "2.weight": [[-1.30, 2.28]], "2.bias": [-0.58]}
    )
    return model


class Written(nn.Module):
    """The same network as the lectures write it: y1 * w3 + y2 * w4 + b3."""

    def __init__(self):
        self.w3, self.w4 = nn.Parameter(-1.30, name="w3"), nn.Parameter(2.28, name="w4")
        self.b3 = nn.Parameter(-0.58)

    def forward(self, xs):
        y1, y2 = (xs[0] * -34.4 + 2.14).softplus(), (xs[0] * -2.52 + 1.29).softplus()
        return y1 * self.w3 + y2 * self.w4 + self.b3


@pytest.mark.parametrize("model", [lectures_network(), Written()])
def test_the_components_and_the_bias_add_up_to_the_squiggle(model):
    ax = nn.plot_fit(model, DOSES, EFFECTS)
    first, second, squiggle, observed = ax.lines
    x = squiggle.get_xdata()
    assert (x[0] < 0.0, x[-1] > 1.0) == (True, True)
    assert first.get_ydata() == pytest.approx(-1.30 * np.log1p(np.exp(-34.4 * x + 2.14)), rel=1e-12)
    assert second.get_ydata() == pytest.approx(2.28 * np.log1p(np.exp(-2.52 * x + 1.29)), rel=1e-12)
    total = np.array(first.get_ydata()) + second.get_ydata() - 0.58
    assert squiggle.get_ydata() == pytest.approx(total, abs=1e-12)
    assert np.array_equal(observed.get_xydata(), list(zip(DOSES, EFFECTS, strict=True)))


def test_curves_are_those_of_evaluation_mode():
    class Noisy(nn.Module):
        def forward(self, xs):
            return [x + 10.0 for x in xs] if self.training else xs

    model = nn.Sequential(nn.Linear(1, 1, seed=0), Noisy())
    line = nn.plot_fit(model, DOSES, EFFECTS, components=False, residuals=False).lines[0]
    np.testing.assert_allclose(line.get_ydata(), model.predict(line.get_xdata())[:, 0])
    assert model[1].training


def test_components_are_labelled_with_their_weights():
    assert list(curves(nn.plot_fit(Written(), DOSES, EFFECTS))) == [
        "component 1 (× w3)",
        "component 2 (× w4)",
        "their sum and the bias",
        "observed",
    ]


class Subtracting(Written):
    """The same numbers with minus signs."""

    def forward(self, xs):
        y1, y2 = (xs[0] * -34.4 + 2.14).softplus(), (xs[0] * -2.52 + 1.29).softplus()
        return -(y1 * -self.w3.data - (y2 * self.w4 - 0.58))


def test_components_may_be_subtracted():
    labels = ["component 1", "component 2 (× w4)"]
    added, subtracted = (curves(nn.plot_fit(model, DOSES, EFFECTS)) for model in (Written(), Subtracting()))
    assert list(subtracted)[:2] == labels
    for one, other in zip(added.values(), subtracted.values(), strict=True):
        assert one.get_ydata() == pytest.approx(other.get_ydata(), abs=1e-12)


def test_a_weight_that_is_subtracted_has_a_minus_in_the_legend():
    model = Written()
    model.forward = lambda xs: xs[0].exp() * 2.0 - xs[0].sin() * model.w3
    assert list(curves(nn.plot_fit(model, DOSES, EFFECTS)))[:2] == ["component 1", "component 2 (× −w3)"]


def test_a_sum_of_thousands_of_terms():
    x = Value(2.0)
    deep = sum((x * number for number in range(3000)), Value(0.0))
    assert [sign * a.data * b.data for sign, (a, b) in terms_of(deep)[1:]] == [2.0 * n for n in range(3000)]


def test_a_constant_network_is_a_line():
    model = nn.Module()
    model.forward = lambda xs: 2.5
    assert set(curves(nn.plot_fit(model, DOSES, EFFECTS))["the network"].get_ydata()) == {2.5}


def test_a_network_without_components_has_a_squiggle_alone():
    assert list(curves(nn.plot_fit(nn.Linear(1, 1), DOSES, EFFECTS))) == ["the network", "observed"]


def test_several_outputs_have_a_squiggle_each():
    ax = nn.plot_fit(nn.MLP([1, 3, 2]), DOSES, [[0, 1], [1, 0], [0, 1]])
    assert [line.get_label() for line in ax.lines] == ["predicted1", "observed1", "predicted2", "observed2"]


def test_classes_are_observed_as_one_among_zeros():
    ax = nn.plot_fit(nn.MLP([1, 3, 3]), DOSES, [2, 0, 1])
    assert [curves(ax)[f"observed{n}"].get_ydata().tolist() for n in (1, 2, 3)] == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]


def test_the_axes_that_are_given_are_used():
    _, ax = pyplot.subplots()
    assert nn.plot_fit(lectures_network(), DOSES, EFFECTS, ax) is ax
    assert nn.plot_decision_regions(nn.Linear(2, 2), [[0, 0], [1, 1]], [0, 1], ax) is ax
    assert nn.fit(nn.Linear(1, 1), [1.0], [1.0], loss=nn.mse, epochs=2).plot(ax) is ax


def regions(ax, points):
    """The number of the class whose region holds each point, by the filled areas."""
    return [
        [number for number, area in enumerate(ax.collections) if any(p.contains_point(point) for p in area.get_paths())]
        for point in points
    ]


@pytest.mark.parametrize("targets", [[0, 1, 2], np.eye(3)])
def test_the_largest_output_owns_the_region(targets):
    model = nn.Linear(2, 3)
    model.load_state_dict({"weight": [[1, 0], [-1, 0], [0, 3]], "bias": [0, 0, 0]})
    points = [[2.0, 0.1], [-2.0, 0.1], [0.1, 2.0]]
    ax = nn.plot_decision_regions(model, points, targets, class_names=["a", "b", "c"])
    assert regions(ax, points) == [[0], [1], [2]]
    assert [line.get_label() for line in ax.lines] == ["a", "b", "c"]
    assert [line.get_xdata().tolist() for line in ax.lines] == [[2.0], [-2.0], [0.1]]


@pytest.mark.parametrize(("labels", "boundary"), [([-1, 1], 0.0), ([0, 1], 0.5)])
def test_one_output_decides_at_the_boundary(labels, boundary):
    model = nn.Linear(2, 1)
    model.load_state_dict({"weight": [[1.0, 0.0]], "bias": [boundary - 1.0]})  # undecided where the first input is 1
    ax = nn.plot_decision_regions(model, [[0.0, 0.0], [2.0, 1.0]], labels, boundary=boundary)
    assert regions(ax, [[0.9, 0.5], [1.1, 0.5]]) == [[0], [1]]
    assert [line.get_label() for line in ax.lines] == [str(label) for label in labels]


def test_residuals_go_from_the_observed_to_the_squiggle():
    model = lectures_network()
    (residuals,) = nn.plot_fit(model, DOSES, EFFECTS).collections
    for (x, low), (x2, high) in residuals.get_segments():
        assert x == x2
        assert low == pytest.approx(model([x])[0].data, rel=1e-12)
        assert high == EFFECTS[DOSES.index(x)]
    assert not nn.plot_fit(model, DOSES, EFFECTS, residuals=False).collections
    assert not nn.plot_fit(nn.MLP([1, 3, 2]), DOSES, [[0, 1], [1, 0], [0, 1]]).collections


def test_names_title_and_theme():
    ax = nn.plot_fit(
        lectures_network(), DOSES, EFFECTS, inputs=["dose $"], outputs=["effect"], title="Fit", theme="dark"
    )
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("dose \\$", "effect", "Fit")
    assert matplotlib.colors.to_hex(ax.figure.get_facecolor()) == "#0d1117"
    assert matplotlib.colors.to_hex(ax.xaxis.label.get_color()) == "#e6edf3"
    ax.figure.canvas.draw()
    ax = nn.plot_decision_regions(
        nn.Linear(2, 3), [[0, 0], [1, 1]], [0, 1], inputs=["a", "b"], title="Iris", theme="dark"
    )
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("a", "b", "Iris")
    ax = nn.plot_decision_regions(nn.Linear(2, 3), [[0, 0], [1, 1]], [0, 1])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("input1", "input2")
    assert nn.plot_fit(nn.Linear(1, 1), DOSES, EFFECTS).get_ylabel() == "predicted"
    with pytest.raises(TypeError, match="the names for input"):
        nn.plot_fit(nn.Linear(1, 1), DOSES, EFFECTS, inputs="dose")
    with pytest.raises(ValueError, match="expected 1 names for input, got"):
        nn.plot_fit(nn.Linear(1, 1), DOSES, EFFECTS, inputs=["a", "b"])
    with pytest.raises(ValueError, match="theme must be one of"):
        nn.plot_fit(nn.Linear(1, 1), DOSES, EFFECTS, theme="blue")


def test_a_weight_without_a_name_is_told_by_its_number():
    assert list(curves(nn.plot_fit(lectures_network(), DOSES, EFFECTS)))[:2] == [
        "component 1 (× -1.3)",
        "component 2 (× 2.28)",
    ]


def test_classes_differ_in_shape_and_their_regions_have_a_boundary():
    ax = nn.plot_decision_regions(nn.Linear(2, 3, seed=0), [[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]], [0, 1, 2])
    assert len({line.get_marker() for line in ax.lines}) == 3
    assert all(area.get_linewidth()[0] > 1 for area in ax.collections)


def place_of_legend(ax):
    ax.figure.canvas.draw()
    legend, plot = ax.get_legend().get_window_extent(), ax.get_window_extent()
    label = ax.xaxis.label.get_window_extent()
    assert not legend.overlaps(label)
    return "below" if legend.y1 < plot.y0 else "beside" if legend.x0 > plot.x1 else "inside"


def test_legends_hide_no_curves_and_leave_room_for_the_plot():
    assert place_of_legend(nn.plot_fit(lectures_network(), DOSES, EFFECTS)) == "inside"
    assert place_of_legend(nn.plot_fit(nn.MLP([1, 5, 1], seed=0), DOSES, EFFECTS)) == "below"
    for length, place in ((5, "beside"), (40, "below")):
        names = {"outputs": ["a" * length, "b" * length]}
        assert place_of_legend(nn.plot_fit(nn.MLP([1, 3, 2], seed=0), DOSES, [0, 1, 0], **names)) == place
        names = {"class_names": names["outputs"]}
        regions = nn.plot_decision_regions(nn.Linear(2, 2, seed=0), [[0, 0], [1, 1]], [0, 1], **names)
        assert place_of_legend(regions) == place


def test_a_long_title_is_wrapped():
    ax = nn.plot_fit(lectures_network(), DOSES, EFFECTS, title="many words " * 12)
    ax.figure.canvas.draw()
    extent = ax.title.get_window_extent()
    assert extent.x0 >= 0
    assert extent.x1 <= ax.figure.bbox.width


def test_the_loss_curve():
    settings = {"loss": nn.mse, "lr": 0.1, "epochs": 5}
    history = nn.fit(nn.Linear(1, 1, seed=0), [1.0, 2.0], [0.0, 1.0], validation=([3.0], [2.0]), **settings)
    ax = history.plot()
    lines = curves(ax)
    assert list(lines["training"].get_ydata()) == history.loss
    assert list(lines["validation"].get_ydata()) == history.validation_loss
    assert lines["training"].get_xdata().tolist() == [1, 2, 3, 4, 5]
    assert ax.get_yscale() == "log"


def test_the_numbers_along_a_logarithmic_axis_are_plain():
    history = nn.History()
    for loss in (0.9, 0.5, 0.35):
        history.add(loss, None, 0.1, 0.1, 0.0)
    ax = history.plot()
    ax.figure.canvas.draw()
    ticks = [text.get_text() for text in (*ax.get_yticklabels(), *ax.get_yticklabels(minor=True))]
    assert {"0.4", "0.6"} <= set(ticks)
    assert all(re.fullmatch(r"[\d.]*", tick) for tick in ticks)


def test_a_loss_of_0_is_drawn_on_a_linear_scale():
    history = nn.History()
    history.add(1.0, None, 0.1, 0.1, 0.0)
    history.add(0.0, None, 0.1, 0.1, 0.0)
    assert history.plot().get_yscale() == "linear"


@pytest.mark.parametrize(("call", "message"), [
    (lambda: nn.plot_fit(nn.Linear(2, 1), [[0, 1]], [0]), "networks of one input; X has rows of 2 numbers"),
    (lambda: nn.plot_fit(nn.Linear(1, 1), [0, 1], [0]), "X has 2 rows and y 1"),
    (lambda: nn.plot_fit(nn.Linear(1, 3), [0], [[0, 1]]), r"y\[0\] must have one number for each output: expected 3"),
    (lambda: nn.plot_fit(nn.Linear(1, 3), [0], [3]), "an index from 0 to 2, got 3"),
    (lambda: nn.plot_decision_regions(nn.Linear(2, 1), [[0, 1]], [0], resolution=1), "resolution must be at least 2"),
    (lambda: nn.plot_decision_regions(nn.Linear(1, 2), [0, 1], [0, 1]), "X must have rows of two numbers"),
    (lambda: nn.plot_decision_regions(nn.Linear(2, 3), [[0, 1]], [5]), r"classes from 0 to 2, got \[5\]"),
    (lambda: nn.plot_decision_regions(nn.Linear(2, 3), [[0, 1]], [0], class_names=["a"]), "must be 3 names, got 1"),
    (lambda: nn.plot_decision_regions(nn.Linear(2, 3), [[0, 1]], [0], resolution=0), "resolution must be at least 2"),
])  # fmt: skip
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_without_matplotlib_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"chainrule\[plots\]"):
        nn.plot_fit(nn.Linear(1, 1), [0.0, 1.0], [0.0, 1.0])


def test_the_band_of_a_line_is_that_of_linear_regression():
    rng = np.random.default_rng(3)
    x = rng.uniform(-1.0, 2.0, 12)
    y = 0.5 - 2.0 * x + 0.3 * rng.normal(size=12)
    line = nn.Linear(1, 1, seed=0)
    nn.fit(line, x, y, loss=nn.ssr, optimizer=nn.LevenbergMarquardt(line.parameters()), epochs=20)
    ax = nn.plot_fit(line, x, y, band=True)
    grid, curve = (np.array(each) for each in curves(ax)["the network"].get_data())
    corners = ax.collections[-1].get_paths()[0].vertices
    s = np.sqrt(((y - np.polyval(np.polyfit(x, y, 1), x)) ** 2).sum() / 10)
    expected = 2.0 * s * np.sqrt(1 / 12 + (grid - x.mean()) ** 2 / ((x - x.mean()) ** 2).sum())
    for position in (0, 100, 240):
        at = corners[np.isclose(corners[:, 0], grid[position]), 1]
        assert (at.min(), at.max()) == pytest.approx(
            (curve[position] - expected[position], curve[position] + expected[position]), rel=1e-6
        )


def test_a_band_needs_one_output_and_more_observations_than_parameters():
    with pytest.raises(ValueError, match="a band needs more observations than parameters; there are 3 for 7"):
        nn.plot_fit(lectures_network(), DOSES, EFFECTS, band=True)
    with pytest.raises(ValueError, match="a band is drawn around a single output, and there are 2"):
        nn.plot_fit(nn.Linear(1, 2, seed=0), DOSES * 3, [[1.0, 2.0]] * 9, band=True)
    with pytest.raises(TypeError, match="residuals must be True or False"):
        nn.plot_fit(lectures_network(), DOSES, EFFECTS, residuals="yes")
    with pytest.raises(TypeError, match="band must be True or False"):
        nn.plot_fit(lectures_network(), DOSES, EFFECTS, band="yes")


def test_components_may_be_left_out():
    assert [line.get_label() for line in nn.plot_fit(lectures_network(), DOSES, EFFECTS, components=False).lines] == [
        "the network",
        "observed",
    ]


def test_the_history_shows_losses_and_metrics():
    history = nn.fit(
        nn.Linear(1, 2, seed=0),
        DOSES,
        [0, 1, 0],
        loss=nn.cross_entropy,
        epochs=3,
        metrics={"accuracy": nn.accuracy},
        validation=(DOSES, [0, 1, 0]),
    )
    ax = history.plot(title="three epochs", theme="dark")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "training",
        "validation",
        "accuracy",
        "validation accuracy",
    ]
    assert ax.get_title() == "three epochs"
    (beside,) = [other for other in ax.figure.axes if other is not ax]
    assert [list(line.get_ydata()) for line in beside.lines] == [
        history.metrics["accuracy"],
        history.validation_metrics["accuracy"],
    ]
    assert beside.get_ylabel() == "accuracy"
    with pytest.raises(ValueError, match="theme must be one of"):
        history.plot(theme="blue")


def test_a_single_epoch_is_seen():
    """A line through one point has no length."""
    history = nn.fit(nn.Linear(1, 1, seed=0), DOSES, EFFECTS, loss=nn.ssr, epochs=1, metrics={"mae": nn.mae})
    ax = history.plot()
    assert {line.get_marker() for axes in ax.figure.axes for line in axes.lines} == {"o"}
    assert len(history._repr_html_().partition('points="')[2].partition('"')[0].split()) == 2


@pytest.mark.parametrize("epochs", [1, 3])
def test_epochs_are_whole_numbers(epochs):
    ax = nn.fit(nn.Linear(1, 1, seed=0), DOSES, EFFECTS, loss=nn.ssr, epochs=epochs).plot()
    assert all(tick == int(tick) for tick in ax.get_xticks())


# How the colour-blind see linear red, green and blue: G. Machado, M. Oliveira and L. Fernandes, 2009.
SIGHT = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    "all colours": np.eye(3),
}


def linear(color):
    part = np.array(matplotlib.colors.to_rgb(color))
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


def cielab(rgb):
    xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]] @ np.clip(rgb, 0.0, 1.0)
    x, y, z = np.cbrt(xyz / [0.9505, 1.0, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("theme", COLOURS)
def test_the_colour_blind_tell_the_classes_apart(theme, sight):
    seen = [cielab(np.array(SIGHT[sight]) @ linear(color)) for color in COLOURS[theme]]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 15.0  # one is just noticed at 2.3


@pytest.mark.parametrize(("theme", "ground"), [("light", "#ffffff"), ("dark", "#161b22")])
def test_colours_stand_out_from_the_ground(theme, ground):
    luminance = [float(np.dot([0.2126, 0.7152, 0.0722], linear(color))) for color in (ground, *COLOURS[theme])]
    for each in luminance[1:]:
        light, dark = max(each, luminance[0]), min(each, luminance[0])
        assert (light + 0.05) / (dark + 0.05) >= 3.0
