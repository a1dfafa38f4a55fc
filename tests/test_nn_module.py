"""Module and Parameter: registration, names, state, copies."""

import copy
import pickle
import re

import numpy as np
import pytest

import nn
from autograd import Value


class Everything(nn.Module):
    """Parameters and modules in every kind of container."""

    def __init__(self):
        self.scale = nn.Parameter(2.0)
        self.w1 = nn.Parameter(1.0, name="w1")
        self.table = {"a": nn.Parameter(3.0), "b": [nn.Parameter(4.0)]}
        self.ragged = [[nn.Parameter(5.0)], [nn.Parameter(6.0), nn.Parameter(7.0)]]
        self.hidden = nn.Linear(2, 2, seed=0)
        self.layers = (nn.Linear(1, 1, seed=1), {"last": nn.Linear(1, 1, bias=False, seed=2)})
        self.units = [1.0, "text", None]
        self.observed = Value(1.0)

    def forward(self, x):
        return x * self.scale


def test_every_container_is_searched():
    paths = [path for path, _ in Everything().named_parameters()]
    assert paths == [
        "scale",
        "w1",
        "table.a",
        "table.b[0]",
        "ragged[0][0]",
        "ragged[1][0]",
        "ragged[1][1]",
        "hidden.weight[0][0]",
        "hidden.weight[0][1]",
        "hidden.weight[1][0]",
        "hidden.weight[1][1]",
        "hidden.bias[0]",
        "hidden.bias[1]",
        "layers.0.weight[0][0]",
        "layers.0.bias[0]",
        "layers.1.last.weight[0][0]",
    ]


def test_parameters_are_called_by_their_path_unless_named():
    names = [parameter.name for parameter in Everything().parameters()]
    assert names[:2] == ["scale", "w1"]
    assert "hidden.weight[1][0]" in names
    assert "layers.1.last.weight[0][0]" in names


def test_a_name_given_later_stays():
    layer = nn.Linear(1, 1)
    layer.weight[0][0].name = "w1"
    model = nn.Sequential(layer)
    assert [p.name for p in model.parameters()] == ["w1", "0.bias[0]"]
    assert [path for path, _ in model.named_parameters()] == ["0.weight[0][0]", "0.bias[0]"]


def test_names_come_from_the_outermost_module():
    model = nn.Sequential(nn.Sequential(nn.Linear(1, 1)))
    assert model[0][0].bias[0].name == "0.0.bias[0]"
    model[0].parameters()
    assert model[0][0].bias[0].name == "0.0.bias[0]"


def test_lists_may_grow_after_their_assignment():
    class Stack(nn.Module):
        def __init__(self):
            self.layers = []
            self.layers.append(nn.Linear(1, 1))

    stack = Stack()
    assert [parameter.name for parameter in stack.parameters()] == ["layers.0.weight[0][0]", "layers.0.bias[0]"]


class Stack(nn.Module):
    """Layers that come into their list after its assignment."""

    def __init__(self):
        self.layers = []
        for _ in range(2):
            self.layers.append(nn.Linear(1, 1))

    def forward(self, xs):
        for layer in self.layers:
            xs = layer(xs)
        return xs


def test_elements_of_arrays_have_their_indices_in_their_paths():
    class Holder(nn.Module):
        def __init__(self):
            self.block = [([nn.Parameter(0.0), nn.Parameter(1.0), nn.Parameter(2.0)],) for _ in range(2)]
            self.ragged = [[nn.Parameter(3.0)], [nn.Parameter(4.0), nn.Parameter(5.0)]]

    model = nn.Sequential(Holder())
    paths = [path for path, _ in model.named_parameters()]
    assert paths[:6] == [f"0.block[{i}][0][{k}]" for i in range(2) for k in range(3)]
    assert paths[6:] == ["0.ragged[0][0]", "0.ragged[1][0]", "0.ragged[1][1]"]
    assert [parameter.name for parameter in model.parameters()] == paths
    assert model.state_dict()["0.block"].tolist() == [[[0.0, 1.0, 2.0]]] * 2


def test_zero_grad_reaches_parameters_appended_later():
    model = nn.Module()
    model.terms = []
    model.terms += [nn.Parameter(1.0), [[nn.Parameter(2.0)]]]
    for parameter in model.parameters():
        parameter.grad = 1.0
    model.zero_grad()
    assert not any(parameter.has_grad for parameter in model.parameters())


def test_modules_that_were_appended_have_their_path_when_they_are_called():
    (y,) = Stack()([1.0])
    assert y.scope.name == "layers.1"
    assert y.parents[1].name == "layers.1.bias[0]"


def test_what_was_called_before_does_not_matter():
    class Failing(nn.Module):
        def forward(self, xs):
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        Failing()([1.0])
    assert Stack()([1.0])[0].scope.name == "layers.1"
    assert nn.Linear(1, 1)([1.0])[0].scope.name == "Linear"


def test_arrays_of_parameters_are_found():
    model = nn.Module()
    model.grid = np.array([[nn.Parameter(1.0)], [nn.Parameter(2.0)]])
    assert [path for path, _ in model.named_parameters()] == ["grid[0][0]", "grid[1][0]"]
    assert model.state_dict()["grid"].tolist() == [[1.0], [2.0]]


def test_shared_parameters_count_once_and_are_saved_under_every_path():
    class Tied(nn.Module):
        def __init__(self):
            self.encoder = nn.Linear(2, 2, bias=False)
            self.decoder = nn.Linear(2, 2, bias=False)
            self.decoder.weight = self.encoder.weight

    tied = Tied()
    assert [path for path, _ in tied.named_parameters()][:2] == ["encoder.weight[0][0]", "encoder.weight[0][1]"]
    assert len(tied.parameters()) == 4
    assert list(tied.state_dict()) == ["encoder.weight", "decoder.weight"]
    assert tied.decoder.weight[0][0].name == "encoder.weight[0][0]"


def test_modules_in_a_circle_are_found_once():
    class Node(nn.Module):
        def __init__(self):
            self.own = nn.Parameter(1.0)
            self.others = []

    first, second = Node(), Node()
    first.others.append(second)
    second.others.append(first)
    assert [path for path, _ in first.named_modules()] == ["", "others.0"]
    assert len(first.parameters()) == 2


def test_a_child_may_know_its_parent():
    parent, child = nn.Module(), nn.Linear(1, 1, bias=False)
    parent.child = child
    child.parent = parent
    assert [path for path, _ in parent.named_parameters()] == ["child.weight[0][0]"]
    assert child.weight[0][0].name == "child.weight[0][0]"
    assert repr(parent) == (
        "Module(\n  (child): Linear(in_features=1, out_features=1, bias=False\n    (parent): ...\n  )\n)"
    )


def test_containers_may_hold_themselves():
    model = nn.Module()
    items = [nn.Parameter(1.0)]
    items.append(items)
    table = {"a": nn.Parameter(2.0)}
    table["again"] = [table]
    only = []
    only.append(only)
    model.items, model.table, model.only = items, table, only
    assert [path for path, _ in model.named_parameters()] == ["items[0]", "table.a"]


def test_modules_on_many_paths_are_walked_once():
    """Of forty floors with two doors each there are 2^40 paths to the ground."""
    floor = ground = nn.Linear(1, 1)
    for _ in range(40):
        above = nn.Module()
        above.left = above.right = floor
        floor = above
    assert len(floor.parameters()) == 2
    assert floor.eval().named_modules()[-1] == (".".join(["left"] * 40), ground)


def test_a_path_ends_at_a_dot():
    """The path of "b.x" is no outer path of "x" if what it ends in is a part of a name."""
    parameter = nn.Parameter(1.0)
    inner, outer = nn.Module(), nn.Module()
    inner.w = parameter
    outer.raw = parameter
    assert parameter.name == "w"
    holder = nn.Module()
    holder.inner = inner
    assert parameter.name == "inner.w"


def test_named_modules_and_children():
    model = nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.ReLU()))
    assert [path for path, _ in model.named_modules()] == ["", "0", "1", "1.0"]
    assert model.children() == [model[0], model[1]]


def test_frozen_parameters_are_listed_and_get_gradients():
    frozen = nn.Parameter(3.0, trainable=False)
    (frozen * 2).backward()
    assert (frozen.trainable, frozen.grad) == (False, 2.0)


def test_zero_grad_makes_gradients_not_computed():
    model = nn.Linear(1, 1)
    model([2.0])[0].backward()
    assert model.weight[0][0].grad == 2.0
    model.zero_grad()
    assert [p.grad for p in model.parameters()] == [0.0, 0.0]
    assert "grad" not in repr(model.weight[0][0])


def test_train_and_eval_reach_all_modules():
    model = nn.Sequential(nn.Sequential(nn.Linear(1, 1)))
    assert model.training
    assert model.eval() is model
    assert not any(module.training for _, module in model.named_modules())
    model.train()
    assert all(module.training for _, module in model.named_modules())


def test_a_call_is_a_scope_with_the_path_and_the_module():
    model = nn.Sequential(nn.Linear(1, 1), nn.Softplus())
    y = model([1.0])[0]
    assert y.scope.name == "1"
    assert y.scope.owner is model[1]
    assert y.scope.outer.name == "Sequential"


def test_forward_is_needed():
    with pytest.raises(NotImplementedError, match="Module does not define forward"):
        nn.Module()(1.0)


def test_repr_is_like_that_of_torch():
    assert repr(nn.Sequential(nn.Linear(2, 1), nn.Sequential(nn.LeakyReLU()), nn.Softmax())) == (
        "Sequential(\n"
        "  (0): Linear(in_features=2, out_features=1, bias=True)\n"
        "  (1): Sequential(\n"
        "    (0): LeakyReLU(negative_slope=0.01)\n"
        "  )\n"
        "  (2): Softmax()\n"
        ")"
    )


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_are_independent(copied):
    model = Everything()
    twin = copied(model)
    assert [(path, p.data, p.name) for path, p in twin.named_parameters()] == [
        (path, p.data, p.name) for path, p in model.named_parameters()
    ]
    twin.hidden.weight[0][0].data = 99.0
    assert model.hidden.weight[0][0].data != 99.0
    assert not set(twin.parameters()) & set(model.parameters())


def test_copies_keep_what_is_shared():
    model = nn.Sequential(nn.Linear(1, 1))
    model.again = model[0].bias
    twin = copy.deepcopy(model)
    assert twin.again[0] is twin[0].bias[0]


def test_state_dict_has_arrays_that_are_copies():
    model = nn.Linear(2, 3, seed=0)
    state = model.state_dict()
    assert {name: (array.shape, array.dtype) for name, array in state.items()} == {
        "weight": ((3, 2), np.float64),
        "bias": ((3,), np.float64),
    }
    state["bias"][0] = 7.0
    assert model.bias[0].data == 0.0


def test_state_of_everything_goes_round():
    source, target = Everything(), Everything()
    for number, parameter in enumerate(source.parameters()):
        parameter.data = number / 7
    target.load_state_dict(source.state_dict())
    assert [p.data for p in target.parameters()] == [p.data for p in source.parameters()]


@pytest.mark.parametrize("convert", [np.ndarray.tolist, np.float32, lambda array: array])
def test_load_state_dict_takes_lists_and_arrays(convert):
    model = nn.Linear(1, 2)
    model.load_state_dict({"weight": convert(np.array([[0.5], [2.0]])), "bias": convert(np.array([1.0, -0.0]))})
    assert [p.data for p in model.parameters()] == [0.5, 2.0, 1.0, 0.0]


def test_load_state_dict_lists_all_problems_and_changes_nothing():
    model = nn.MLP([2, 2, 1], seed=0)
    before = model.state_dict()
    state = {"0.weight": [[1.0, 2.0]], "0.bias": ["a", "b"], "2.weight": [[1.0, 2.0]], "3.bias": [0.0]}
    with pytest.raises(ValueError, match="does not fit MLP") as error:
        model.load_state_dict(state)
    message = str(error.value)
    assert "0.weight: expected shape (2, 2), got (1, 2)" in message
    assert "0.bias: expected numbers, got <U1 data" in message
    assert "2.bias: missing, shape (1,)" in message
    assert "3.bias: unexpected" in message
    assert all((before[name] == array).all() for name, array in model.state_dict().items())


def test_load_state_dict_that_is_not_strict_takes_what_fits():
    model = nn.Linear(1, 1, seed=0)
    weight = model.weight[0][0].data
    names = model.load_state_dict({"bias": [3.0], "other": [1.0]}, strict=False)
    assert (names.missing_keys, names.unexpected_keys) == (["weight"], ["other"])
    assert model.load_state_dict(model.state_dict()) == ([], [])
    assert (model.weight[0][0].data, model.bias[0].data) == (weight, 3.0)
    with pytest.raises(ValueError, match=r"bias: expected shape \(1,\), got \(2,\)"):
        model.load_state_dict({"bias": [3.0, 4.0]}, strict=False)


def test_a_state_is_a_dict():
    with pytest.raises(TypeError, match=r"sd must be a dict of arrays by name.* got \[1.0\] of type list"):
        nn.Linear(1, 1).load_state_dict([1.0])


def test_the_state_of_a_torch_module_can_be_loaded():
    torch = pytest.importorskip("torch", reason="loads the state of a PyTorch module")
    theirs, ours = torch.nn.Linear(2, 1).double(), nn.Linear(2, 1)
    ours.load_state_dict(theirs.state_dict())
    assert ours([1.0, 2.0])[0].data == pytest.approx(theirs(torch.tensor([1.0, 2.0]).double()).item())
    with pytest.raises(ValueError, match="weight: expected numbers of shape"):
        ours.load_state_dict(dict(theirs.named_parameters()))


def test_two_parameters_cannot_have_one_path():
    model = nn.Module()
    model.weights = {"a.b": nn.Parameter(1.0), "a": {"b": nn.Parameter(2.0)}}
    with pytest.raises(ValueError, match=r"two parameters have the path 'weights.a.b'"):
        model.state_dict()


@pytest.mark.parametrize("data", ["a", None, [1.0], 1j])
def test_a_parameter_takes_a_number(data):
    with pytest.raises(TypeError, match="Parameter takes a real number"):
        nn.Parameter(data)


class Parts(nn.Module):
    def __init__(self):
        self.bias = nn.Parameter(1.0)
        self.weights = [nn.Parameter(1.0), nn.Parameter(2.0)]
        self.matrix = np.array([[nn.Parameter(1.0)]])
        self.named = {"a": nn.Parameter(1.0), "b": [nn.Parameter(2.0)]}
        self.layer = nn.Linear(1, 1, seed=0)
        self.layers = [nn.Linear(1, 1, seed=0)]


@pytest.mark.parametrize(("name", "other", "place"), [
    ("bias", lambda m: m.bias - 0.1, "bias"),
    ("bias", lambda m: 3.0, "bias"),
    ("bias", lambda m: [nn.Parameter(1.0)], "bias"),
    ("bias", lambda m: nn.Linear(1, 1), "bias"),
    ("weights", lambda m: [w - 0.1 for w in m.weights], "weights[0]"),
    ("weights", lambda m: [m.weights[0], m.weights[1] - 0.1], "weights[1]"),
    ("weights", lambda m: np.array(m.weights) - 0.1, "weights[0]"),
    ("weights", lambda m: np.zeros(2), "weights[0]"),
    ("weights", lambda m: [], "weights[0]"),
    ("matrix", lambda m: m.matrix - 0.1, "matrix[0][0]"),
    ("named", lambda m: {"a": 1.0}, "named.a"),
    ("named", lambda m: {**m.named, "b": [Value(1.0)]}, "named.b[0]"),
    ("layer", lambda m: m.layer([1.0]), "layer"),
    ("layers", lambda m: [None, 1], "layers[0]"),
])  # fmt: skip
def test_parameters_are_not_lost_by_assignment(name, other, place):
    model = Parts()
    before, names = getattr(model, name), [path for path, _ in model.named_parameters()]
    with pytest.raises(TypeError, match=re.escape(f"write model.{place}.data = ...")):
        setattr(model, name, other(model))
    assert getattr(model, name) is before
    assert [path for path, _ in model.named_parameters()] == names


@pytest.mark.parametrize(("name", "other"), [
    ("bias", lambda m: None),
    ("bias", lambda m: nn.Parameter(2.0)),
    ("weights", lambda m: m.weights[:1]),
    ("weights", lambda m: np.array(m.weights)),
    ("weights", lambda m: nn.Linear(1, 1)),
    ("named", lambda m: {"c": nn.Parameter(1.0)}),
    ("layer", lambda m: nn.MLP([1, 1])),
    ("layers", lambda m: nn.Sequential(*m.layers)),
    ("training", lambda m: False),
])  # fmt: skip
def test_parameters_may_be_replaced_by_others_or_removed(name, other):
    model = Parts()
    other = other(model)
    setattr(model, name, other)
    assert getattr(model, name) is other


@pytest.mark.parametrize("name", ["weight", "bias"])
def test_a_linear_notices_what_is_put_into_its_lists(name):
    model = nn.MLP([2, 3, 1], seed=0)
    rows = model[0].weight[1] if name == "weight" else model[0].bias
    rows[1] = rows[1] - 0.1
    for call in (model.parameters, model.state_dict):
        with pytest.raises(TypeError, match=rf"{name}\[.*1\] of Linear '0' holds parameters.*write model.{name}\["):
            call()
    assert "Linear" in repr(model)


class Listed(nn.Module):
    def __init__(self):
        self.weights = [nn.Parameter(1.0), nn.Parameter(2.0)]
        self.named = {"a": nn.Parameter(1.0), "b": nn.Parameter(2.0)}
        self.ragged = [[nn.Parameter(1.0)], [nn.Parameter(2.0), nn.Parameter(3.0)]]
        self.layers = []


@pytest.mark.parametrize(
    ("replace", "where"),
    [
        (lambda m: m.weights.__setitem__(0, m.weights[0] - 0.1), r"weights\[0\]"),
        (lambda m: m.weights.__setitem__(slice(None), [0.5, 0.5]), r"weights\[0\]"),
        (lambda m: m.named.update(a=Value(2.0)), r"named\.a"),
        (lambda m: m.ragged[1].__setitem__(0, 3.0), r"ragged\[1\]\[0\]"),
    ],
)
@pytest.mark.parametrize("change", [lambda m: m, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_parameter_replaced_inside_a_container_is_noticed(replace, where, change):
    model = change(Listed())
    replace(model)
    with pytest.raises(TypeError, match=f"^{where} of this Listed holds parameters"):
        model.parameters()


def test_arrays_and_lists_that_hold_themselves_are_containers_too():
    model = Listed()
    model.number, model.numbers = np.array(3.0), np.array([1.0, 2.0])
    model.layers.append(model.layers)
    model.array = np.array([nn.Parameter(1.0), nn.Parameter(2.0)], dtype=object)
    assert len(model.parameters()) == 9
    model.array[0] = nn.Parameter(4.0)
    assert len(model.parameters()) == 9
    model.array[1] = model.array[1] - 1.0
    with pytest.raises(TypeError, match=r"^array\[1\] of this Listed holds parameters"):
        model.parameters()


def test_containers_may_grow_shrink_and_take_other_parameters():
    model = Listed()
    model.layers.append(nn.Linear(1, 1, seed=0))
    model.weights[0] = nn.Parameter(5.0)
    del model.named["a"]
    model.ragged[1].pop()
    assert [p.data for p in model.parameters()][:5] == [5.0, 2.0, 2.0, 1.0, 2.0]
    model.weights.clear()
    model.named["b"] = None
    assert len(model.parameters()) == 2 + 2
