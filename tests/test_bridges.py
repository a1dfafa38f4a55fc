"""Graphs from other frameworks: names, constants, scopes, sizes, errors; they draw, explain, check and compile."""

import numpy as np
import pytest

import autograd
from autograd import Value, animate, compile, draw, explain, from_torch, gradcheck
from autograd.bridges.cells import Parameter, indices
from autograd.node import history, leaves, scopes

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional


def double(*numbers, **options):
    return torch.tensor(numbers, dtype=torch.float64, **options)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 2), nn.Softplus(), nn.Linear(2, 1)).double()


def named(result):
    """The leaves of a graph by name, constants aside."""
    return {leaf.name: leaf for leaf in leaves([result]) if not leaf.is_constant}


def test_parameters_have_their_paths_and_inputs_are_constants(network):
    x = double(0.5, 1.0)
    loss = from_torch(lambda: network(x).square().sum(), model=network)
    found = named(loss)
    paths = [
        path + "".join(f"[{i}]" for i in index)
        for path, p in network.named_parameters()
        for index in np.ndindex(*p.shape)
    ]
    assert sorted(found) == sorted(paths)
    assert all(type(leaf) is Parameter and leaf.path == leaf.name for leaf in found.values())
    assert found["0.weight[0][1]"].data == network[0].weight[0, 1].item()
    assert {leaf.name for leaf in leaves([loss]) if leaf.is_constant} == {"x[0]", "x[1]"}


def test_without_model_the_module_that_f_closes_over_is_it(network):
    x = double(0.5, 1.0)
    assert "0.weight[0][1]" in named(from_torch(lambda: network(x).sum()))
    other = nn.Linear(1, 1).double()
    found = named(from_torch(lambda: other(network(x)).sum()))
    assert "network.0.weight[0][1]" in found
    assert "other.bias[0]" in found


def test_leaves_outside_of_modules_are_named_after_variables():
    batch = {"x": [double(1.0, 2.0, requires_grad=True)]}
    w = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    result = from_torch(lambda: (w * batch["x"][0]).sum())
    assert sorted(named(result)) == ["batch['x'][0][0]", "batch['x'][0][1]", "w"]
    assert all(type(leaf) is Value for leaf in named(result).values())


def test_buffers_and_frozen_parameters_are_constants_with_names():
    model = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1)).double().eval()
    model[0].bias.requires_grad_(False)
    model[1].running_mean.fill_(0.25)
    loss = from_torch(lambda: model(double([2.0])).sum(), model=model)
    constants = {leaf.name for leaf in leaves([loss]) if leaf.is_constant and leaf.name}
    assert "0.bias[0]" in constants
    assert "1.running_mean[0]" in constants


def test_results_have_the_structure_that_f_returns(network):
    x = double([0.5, 1.0], [1.0, 2.0])
    found = from_torch(lambda: {"all": network(x), "both": (network(x)[0, 0], [x])}, model=network)
    assert [[type(y) for y in row] for row in found["all"]] == [[Value], [Value]]
    assert isinstance(found["both"], tuple)
    assert found["both"][0].op == "add"
    assert [x.data for row in found["both"][1][0] for x in row] == [0.5, 1.0, 1.0, 2.0]


def test_views_copies_and_identities_add_no_node():
    w = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)

    def f():
        moved = w.permute(2, 0, 1).contiguous().reshape(4, -1).flip(0)[1:].clone()
        again = torch.cat([moved, moved.detach()]).to(torch.float64) * 1 + 0
        return F.dropout(nn.Identity()(again), 0.5, training=False).unsqueeze(0)

    result = from_torch(f)
    assert history([y for rows in result for row in rows for y in row]) == []
    assert result[0][0][0].name == "w[0][0][2]"


def test_a_linear_layer_is_one_inner_product_and_one_sum_per_output(network):
    x = double(0.5, 1.0)
    loss = from_torch(lambda: F.mse_loss(network(x), double(1.0)), model=network)
    assert [node.op for node in history([loss])].count("dot") == 3
    assert len(history([loss])) == 2 * 3 + 2 + 2  # sums and biases, softplus, difference and square


def test_a_padded_convolution_skips_what_is_outside():
    conv = nn.Conv2d(1, 1, 3, padding=1, bias=False).double()
    image = torch.ones(1, 1, 3, 3, dtype=torch.float64)
    corner = from_torch(lambda: conv(image)[0, 0, 0, 0], model=conv)
    assert (corner.op, len(corner.parents)) == ("dot", 8)


def test_modules_are_scopes(network):
    loss = from_torch(lambda: nn.MSELoss()(network(double(0.5, 1.0)), double(1.0)), model=network)
    assert [scope.name for scope in scopes([loss])] == ["Sequential", "0", "1", "2"]
    assert loss.scope is None
    assert scopes([loss])[1].owner is network[0]


def test_large_operations_between_modules_are_scopes():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(1, 20)

        def forward(self, x):
            return torch.tanh(F.relu(self.layer(x))[:3]).sum()

    net = Net().double()
    loss = from_torch(lambda: net(double(0.5)), model=net)
    assert [scope.name for scope in scopes([loss])] == ["Net", "layer", "relu"]


def test_float32_is_converted_exactly_and_computed_in_float64():
    w = torch.tensor([0.1, 0.2], requires_grad=True)
    y = from_torch(lambda: (w * w).sum())
    assert named(y)["w[0]"].data == float(np.float32(0.1))
    assert y.data == float(np.float32(0.1)) ** 2 + float(np.float32(0.2)) ** 2


def test_nothing_is_changed():
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 1)).double()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    from_torch(lambda: model(torch.randn(3, 2, dtype=torch.float64)).sum(), model=model).backward()
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


def test_python_decides_with_the_numbers_at_hand():
    x = double(2.0, requires_grad=True)
    y = from_torch(lambda: (x**2 if x.item() > 1 else -x).sum())
    y.backward()
    assert named(y)["x[0]"].grad == 4.0


def test_what_is_detached_or_under_no_grad_is_constant():
    x = double(2.0, requires_grad=True)

    def f():
        with torch.no_grad():
            factor = x * 3
        return (x * factor * x.detach()).sum()

    y = from_torch(f)
    y.backward()
    assert (y.data, named(y)["x[0]"].grad) == (24.0, 12.0)


def test_writing_in_place_does_what_it_does_in_torch():
    x = double(1.0, 2.0, 3.0, requires_grad=True)

    def f():
        y, mask, rows = x * 2, double(1.0, 1.0, 0.0), torch.zeros(2, 3, dtype=torch.float64)
        y.detach()[0] = 5.0  # a number that autograd does not see
        with torch.no_grad():
            y[1] += 0.5
        rows[0] = y
        first = (x * mask.clone()).sum()
        mask[2] = 1.0
        rows[1, :2] = (x * mask)[1:]
        return (rows * rows).sum() + first

    f().backward()
    y = from_torch(f)
    y.backward()
    assert y.data == f().item()
    assert [named(y)[f"x[{i}]"].grad for i in range(3)] == x.grad.tolist()


def test_equal_numbers_in_a_pool_give_the_first_the_derivative():
    x = double([[[1.0, 1.0], [1.0, 0.0]]], requires_grad=True)
    y = from_torch(lambda: F.max_pool2d(x, 2).sum())
    y.backward()
    places = [named(y)[f"x[0][0]{index}"].grad for index in indices((2, 2))]
    F.max_pool2d(x, 2).sum().backward()
    assert places == x.grad.flatten().tolist()


# Everything works on the result


def test_it_draws_with_boxes(network):
    loss = from_torch(lambda: F.mse_loss(network(double(0.5, 1.0)), double(1.0)), model=network)
    loss.backward()
    source = draw(loss).source
    assert "0 (Linear)" in source
    assert "0.weight[0][1]" in source


def test_a_deep_network_folds_to_a_row_of_its_modules():
    model = nn.Sequential(*(part for _ in range(6) for part in (nn.Linear(8, 8), nn.ReLU()))).double()
    source = draw(from_torch(lambda: model(torch.ones(8).double()).sum(), model=model)).source
    assert all(f"{i} (Linear)" in source for i in range(0, 12, 2))


def test_it_explains_and_animates(network, tmp_path):
    loss = from_torch(lambda: F.mse_loss(network(double(0.5, 1.0)), double(1.0)), model=network)
    explanation = explain(loss, named(loss)["0.weight[0][1]"])
    network(double(0.5, 1.0)).sub(1.0).square().sum().backward()
    assert explanation.total == pytest.approx(network[0].weight.grad[0, 1].item(), rel=1e-12)
    assert "0.weight[0][1]" in str(explanation)
    animate(loss, tmp_path / "loss.html")


def test_it_checks_and_compiles(network):
    loss = from_torch(lambda: F.mse_loss(network(double(0.5, 1.0)), double(1.0)), model=network)
    parameters = list(named(loss).values())
    assert gradcheck(loss, wrt=parameters).ok
    value, gradient = compile(loss, wrt=parameters)()
    loss.backward()
    assert value == pytest.approx(loss.data, rel=1e-12)
    assert gradient == pytest.approx([leaf.grad for leaf in parameters], rel=1e-12)


def test_pooling_compiles_for_other_numbers():
    x = torch.zeros(1, 4, dtype=torch.float64, requires_grad=True)
    y = from_torch(lambda: F.max_pool1d(x, 2).sum())
    program = compile(y, inputs=[[named(y)[f"x[0][{i}]"] for i in range(4)]])
    assert program([[1.0, 3.0, 5.0, 4.0]]).tolist() == [8.0]


def test_conditions_are_decided_anew_by_a_program():
    x = double(-2.0, 0.5, 3.0, requires_grad=True)

    def f():
        inside = torch.where((x > -1) & ~(x >= 2), x * x, 0.1 * x)
        return (inside + x.masked_fill(x < 0, 7.0) + (x > 1).double() + F.hardshrink(x) + F.huber_loss(x, x * 0)).sum()

    y = from_torch(f)
    program = compile(y, inputs=[[named(y)[f"x[{i}]"] for i in range(3)]])
    assert program([x.tolist()])[0] == pytest.approx(f().item(), rel=1e-12)
    with torch.no_grad():
        x.copy_(double(1.5, -0.25, -4.0))
    assert program([x.tolist()])[0] == pytest.approx(f().item(), rel=1e-12)


# Errors


@pytest.mark.slow  # it imports torch's table of decompositions
def test_unknown_operations_are_listed_in_one_error(network):
    x = double(0.5, 1.0)

    class Squared(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * x

        @staticmethod
        def backward(ctx, g):
            return g

    def f():
        squared = Squared.apply(network(x)).sum()
        y = torch.special.digamma(network(x)) + torch.special.i0(network(x))
        return torch.fft.fft(y).abs().sum() + squared

    with pytest.raises(NotImplementedError) as caught:
        from_torch(f, model=network)
    message = str(caught.value)
    for part in ("aten.digamma", "i0", "complex numbers", "torch.autograd.Function Squared", "test_bridges.py"):
        assert part in message


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda: F.dropout(torch.ones(2, requires_grad=True), 0.5), r"dropout in training mode.*model\.eval\(\)"),
        (lambda: torch.ones(2, requires_grad=True).to_sparse().sum() * 1, "sparse"),
        (lambda: (torch.ones(2, device="meta", requires_grad=True) * 2).sum(), "'meta', which has no numbers"),
    ],
)
def test_what_has_no_graph_is_said_in_a_sentence(f, message):
    with pytest.raises(NotImplementedError, match=message):
        from_torch(f)


def test_the_backward_of_a_function_of_torch_is_refused_with_its_module():
    class Forgetful(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.exp()

        @staticmethod
        def backward(ctx, g):
            return g

    class Layer(nn.Module):
        def forward(self, x):
            return Forgetful.apply(x) * 2

    model, x = nn.Sequential(nn.Linear(2, 2), Layer()).double(), double(1.0, 2.0)
    with pytest.raises(
        NotImplementedError, match=r"torch\.autograd\.Function Forgetful.*\n.*module 1 \(Layer\), .*py:"
    ):
        from_torch(lambda: model(x).sum(), model=model)


def test_a_wrong_translation_is_noticed_at_once(monkeypatch):
    from autograd.bridges.torch_trace import TABLE

    monkeypatch.setitem(TABLE, "tanh", TABLE["sinh"])
    x = double(0.5, requires_grad=True)
    with pytest.raises(RuntimeError, match="the translation of tanh does not give torch's numbers"):
        from_torch(lambda: torch.tanh(x).sum())


def test_a_tensor_with_a_history_is_refused():
    computed = torch.ones(2, requires_grad=True) * 2
    with pytest.raises(NotImplementedError, match="computed outside of f"):
        from_torch(lambda: computed * 3)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((3,), {}, "pass a function of no arguments"),
        ((nn.Linear(1, 1),), {}, "pass a function of no arguments, such as lambda"),
        ((lambda: 3.0,), {}, r"must return a tensor.*not its item\(\)"),
        ((lambda: torch.ones(1),), {"model": 3}, "model must be a torch.nn.Module, got 3"),
    ],
)
def test_wrong_arguments(arguments, options, message):
    with pytest.raises(TypeError, match=message):
        from_torch(*arguments, **options)


def test_the_public_names():
    assert autograd.from_torch is from_torch
    assert {"from_torch", "from_jax"} <= set(autograd.__all__)
