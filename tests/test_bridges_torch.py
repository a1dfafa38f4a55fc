"""from_torch: numbers and gradients are torch's, for functions of one or a few operations and for whole layers."""

import numpy as np
import pytest

from autograd import Value
from autograd.bridges import from_torch
from autograd.bridges.problems import UntranslatableError
from autograd.node import leaves

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional

pytestmark = pytest.mark.filterwarnings("ignore")


def numbers(*shape, low=-1.0, high=1.0, seed=0):
    """A leaf of torch with random numbers."""
    rng = np.random.default_rng([seed, *shape])
    return torch.tensor(rng.uniform(low, high, shape), requires_grad=True)


def flat(values):
    return [value for part in values for value in flat(part)] if isinstance(values, (list, tuple)) else [values]


def gradients_agree(f, tensors, model=None, tolerance=1e-12):
    """Compares numbers, and the gradients of a weighted sum of all results, with torch's."""
    result = f()
    values = flat(from_torch(f, model=model))
    assert [v.data for v in values] == pytest.approx(result.detach().reshape(-1).tolist(), rel=1e-12, abs=1e-12)
    weights = np.cos(np.arange(len(values)) + 1.0)
    loss = sum((w * v for w, v in zip(weights.tolist(), values, strict=True)), Value(0.0).detach())
    loss.backward()
    expected = torch.autograd.grad(
        (result.reshape(-1) * torch.tensor(weights)).sum(), list(tensors.values()), allow_unused=True
    )
    found = {leaf.name: leaf.grad for leaf in leaves([loss]) if not leaf.is_constant}
    for (name, tensor), gradient in zip(tensors.items(), expected, strict=True):
        truth = np.zeros(tensor.shape) if gradient is None else gradient.numpy()
        scale = max(1.0, float(np.abs(truth).max(initial=0.0)))
        for index in np.ndindex(*tensor.shape):
            own = name + "".join(f"[{i}]" for i in index)
            assert found.pop(own, 0.0) == pytest.approx(truth[index], rel=tolerance, abs=tolerance * scale), own
    assert not found, "leaves that torch has no gradient for"
    return loss


QUICK = {
    *("softplus", "gelu tanh", "selu", "clamp", "where", "masked softmax", "bmm", "einsum", "norm", "std", "cumsum"),
    *("sort", "max dim", "in place", "scatter_add", "cat", "conv2d groups", "conv_transpose2d", "max_pool2d"),
    *("adaptive_avg_pool2d", "batch_norm", "layer_norm", "causal attention", "cross_entropy weights", "bce logits"),
    *(
        "solve",
        "embedding padding",
        "scatter_reduce mean",
        "huber",
        "cosine_similarity",
        "gradient penalty",
        "lstm",
        "gru",
        "conv",
        "encoder",
    ),
}
"""One of each kind; the others run with the slow tests."""


def each(cases):
    return [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in cases]


ELEMENTWISE = {
    "neg": (lambda x: -x, {}),
    "exp": (torch.exp, {}),
    "log": (torch.log, {"low": 0.2}),
    "log1p": (torch.log1p, {"low": -0.5}),
    "log2": (torch.log2, {"low": 0.2}),
    "log10": (torch.log10, {"low": 0.2}),
    "expm1": (torch.expm1, {}),
    "exp2": (torch.exp2, {}),
    "sqrt": (torch.sqrt, {"low": 0.2}),
    "rsqrt": (torch.rsqrt, {"low": 0.2}),
    "square": (torch.square, {}),
    "reciprocal": (torch.reciprocal, {"low": 0.2}),
    "sin": (torch.sin, {}),
    "cos": (torch.cos, {}),
    "tan": (torch.tan, {}),
    "asin": (torch.asin, {"low": -0.9, "high": 0.9}),
    "acos": (torch.acos, {"low": -0.9, "high": 0.9}),
    "atan": (torch.atan, {}),
    "sinh": (torch.sinh, {}),
    "cosh": (torch.cosh, {}),
    "tanh": (torch.tanh, {}),
    "asinh": (torch.asinh, {}),
    "acosh": (torch.acosh, {"low": 1.2, "high": 3.0}),
    "atanh": (torch.atanh, {"low": -0.9, "high": 0.9}),
    "sigmoid": (torch.sigmoid, {}),
    "logsigmoid": (F.logsigmoid, {}),
    "softplus": (F.softplus, {"low": -9, "high": 30}),
    "softplus beta": (lambda x: F.softplus(x, beta=2.0), {}),
    "relu": (F.relu, {}),
    "relu6": (F.relu6, {"low": -2, "high": 9}),
    "leaky_relu": (lambda x: F.leaky_relu(x, 0.2), {}),
    "elu": (lambda x: F.elu(x, 1.5), {}),
    "selu": (F.selu, {}),
    "celu": (lambda x: F.celu(x, 2.0), {}),
    "silu": (F.silu, {}),
    "gelu": (F.gelu, {}),
    "gelu tanh": (lambda x: F.gelu(x, approximate="tanh"), {}),
    "mish": (F.mish, {}),
    "hardtanh": (lambda x: F.hardtanh(x, -0.5, 0.5), {}),
    "hardswish": (F.hardswish, {"low": -5, "high": 5}),
    "hardshrink": (F.hardshrink, {}),
    "softshrink": (F.softshrink, {}),
    "tanhshrink": (F.tanhshrink, {}),
    "softsign": (F.softsign, {}),
    "threshold": (lambda x: F.threshold(x, 0.1, -3.0), {}),
    "erf": (torch.erf, {}),
    "erfc": (torch.erfc, {}),
    "abs": (torch.abs, {}),
    "sign": (lambda x: torch.sign(x) * x, {}),
    "floor": (lambda x: torch.floor(x) * x, {"low": -3, "high": 3}),
    "round": (lambda x: torch.round(x, decimals=1) * x, {}),
    "frac": (torch.frac, {"low": -3, "high": 3}),
    "logit": (torch.logit, {"low": 0.1, "high": 0.9}),
    "clamp": (lambda x: torch.clamp(x, -0.5, 0.5), {}),
    "clamp_min": (lambda x: x.clamp(min=0.1), {}),
    "pow 3": (lambda x: x**3, {}),
    "pow -0.5": (lambda x: x**-0.5, {"low": 0.2}),
    "2 ** x": (lambda x: 2**x, {}),
    "1 - x": (lambda x: 1 - x, {}),
    "sinc": (torch.sinc, {}),
    "deg2rad": (torch.deg2rad, {}),
    "remainder": (lambda x: x % 0.3, {}),
    "fmod": (lambda x: torch.fmod(x, 0.3), {}),
    "nan_to_num": (torch.nan_to_num, {}),
}


@pytest.mark.parametrize("name", each(ELEMENTWISE))
def test_functions_of_one_number(name):
    function, interval = ELEMENTWISE[name]
    x = numbers(2, 3, **interval)
    gradients_agree(lambda: function(x), {"x": x})


def case(function, *shapes, **interval):
    return function, shapes, interval


BAG = torch.tensor([0, 1, 1, 2])
PLACES = torch.tensor([[0, 1, 1], [0, 0, 0]])


def definite(x):
    """A positive definite matrix."""
    return x @ x.mT + torch.eye(x.shape[-1], dtype=x.dtype)


FUNCTIONS = {
    "add": case(lambda a, b: a + b, (2, 3), (3,)),
    "add alpha": case(lambda a, b: torch.add(a, b, alpha=3), (2, 3), (2, 1)),
    "sub": case(lambda a, b: a - b, (2, 3), (2, 1)),
    "mul": case(lambda a, b: a * b, (2, 3), (3,)),
    "div": case(lambda a, b: a / b, (2, 3), (3,), low=0.3),
    "div floor": case(lambda a, b: torch.div(a, b, rounding_mode="floor") + a, (2, 3), (3,), low=0.3),
    "pow": case(lambda a, b: a**b, (2, 3), (3,), low=0.3),
    "maximum": case(torch.maximum, (2, 3), (3,)),
    "minimum": case(torch.minimum, (2, 3), (3,)),
    "fmax": case(torch.fmax, (2, 3), (3,)),
    "atan2": case(torch.atan2, (2, 3), (3,)),
    "hypot": case(torch.hypot, (2, 3), (3,)),
    "logaddexp": case(torch.logaddexp, (2, 3), (3,)),
    "logaddexp2": case(torch.logaddexp2, (2, 3), (3,)),
    "lerp": case(torch.lerp, (2, 3), (2, 3), (2, 3)),
    "addcmul": case(lambda a, b, c: torch.addcmul(a, b, c, value=0.5), (2, 3), (2, 3), (3,)),
    "addcdiv": case(lambda a, b, c: torch.addcdiv(a, b, c, value=0.5), (2, 3), (2, 3), (3,), low=0.3),
    "xlogy": case(torch.xlogy, (2, 3), (3,), low=0.3),
    "xlogy at 0": case(lambda a, b: torch.xlogy(torch.relu(a) * a, b.abs() + 0.5), (2, 3), (3,)),
    "xlog1py": case(torch.special.xlog1py, (2, 3), (3,)),
    "xlog1py at 0": case(lambda a, b: torch.special.xlog1py(torch.relu(a) * a, b), (2, 3), (3,)),
    "copysign": case(torch.copysign, (2, 3), (3,)),
    "copysign of zeros": case(lambda a, b: torch.copysign(a, b * torch.tensor([0.0, -0.0, 1.0])), (2, 3), (3,)),
    "prelu": case(F.prelu, (2, 3), (3,)),
    "glu": case(F.glu, (2, 4)),
    "where": case(lambda a, b: torch.where(a > 0, a * 2, b), (2, 3), (3,)),
    "where scalar": case(lambda a: torch.where(a > 0, a, 0.5), (2, 3)),
    "masked_fill": case(lambda a: a.masked_fill(a > 0, 2.5), (2, 3)),
    "masked_select": case(lambda a: a[a > 0], (2, 3)),
    "mm": case(torch.mm, (2, 3), (3, 4)),
    "bmm": case(torch.bmm, (2, 2, 3), (2, 3, 2)),
    "matmul": case(torch.matmul, (2, 2, 3), (3, 2)),
    "mv": case(torch.mv, (2, 3), (3,)),
    "dot": case(torch.dot, (3,), (3,)),
    "outer": case(torch.outer, (3,), (2,)),
    "addmm": case(lambda a, b, c: torch.addmm(a, b, c, beta=0.5, alpha=2.0), (2, 2), (2, 3), (3, 2)),
    "baddbmm": case(torch.baddbmm, (2, 2, 2), (2, 2, 3), (2, 3, 2)),
    "addmv": case(torch.addmv, (2,), (2, 3), (3,)),
    "addr": case(torch.addr, (2, 3), (2,), (3,)),
    "einsum": case(lambda a, b: torch.einsum("bij,bjk->bk", a, b), (2, 2, 3), (2, 3, 2)),
    "einsum trace": case(lambda a: torch.einsum("ii", a), (3, 3)),
    "linear": case(F.linear, (2, 3), (4, 3), (4,)),
    "linear of 3 dimensions": case(F.linear, (2, 2, 3), (4, 3), (4,)),
    "bilinear": case(F.bilinear, (2, 3), (2, 2), (2, 3, 2), (2,)),
    "kron": case(torch.kron, (2, 2), (2, 2)),
    "cross": case(lambda a, b: torch.linalg.cross(a, b), (2, 3), (2, 3)),
    "sum": case(lambda a: a.sum(), (2, 3)),
    "sum dim": case(lambda a: a.sum(1, keepdim=True), (2, 3)),
    "mean": case(lambda a: a.mean((0, 2)), (2, 3, 2)),
    "prod": case(lambda a: a.prod(1), (2, 3)),
    "amax": case(lambda a: a.amax((0, 1)), (2, 3)),
    "amin": case(lambda a: a.amin(1), (2, 3)),
    "max": case(lambda a: a.max(), (2, 3)),
    "max dim": case(lambda a: a.max(1).values, (2, 3)),
    "min dim": case(lambda a: a.min(1, keepdim=True).values, (2, 3)),
    "argmax": case(lambda a: a * a.argmax(1, keepdim=True), (2, 3)),
    "var": case(lambda a: a.var(1), (2, 3)),
    "std": case(lambda a: a.std(1, correction=0), (2, 3)),
    "std of equal numbers": case(lambda a: torch.stack([a * 0.0 + 1.0, a]).std(1), (3,)),
    "median of equal numbers": case(lambda a: torch.cat([a, a, a - 3.0]).median(), (2,)),
    "fmax of equal numbers": case(lambda a, b: torch.fmax(a, a + b * 0.0) + torch.fmin(b, b + a * 0.0), (3,), (3,)),
    "var_mean": case(lambda a: sum(torch.var_mean(a, 1)), (2, 3)),
    "logsumexp": case(lambda a: torch.logsumexp(a, 1), (2, 3)),
    "norm": case(lambda a: a.norm(dim=1), (2, 3)),
    "norm 1": case(lambda a: torch.linalg.vector_norm(a, 1), (2, 3)),
    "norm 3": case(lambda a: torch.linalg.vector_norm(a, 3, dim=0), (2, 3)),
    "norm inf": case(lambda a: torch.linalg.vector_norm(a, float("inf"), dim=0), (2, 3)),
    "norm 0": case(lambda a: torch.linalg.vector_norm(a, 0) + a.sum(), (2, 3)),
    "norm -inf": case(lambda a: torch.linalg.vector_norm(a, float("-inf"), dim=1), (2, 3)),
    "norm 0.5 at 0": case(lambda a: torch.linalg.vector_norm(torch.relu(a), 0.5), (2, 3)),
    "pdist": case(lambda a: F.pdist(a, 3.0), (3, 2)),
    "without rows": case(lambda a, b: F.linear(a, b).sum() + b.sum(), (0, 3), (4, 3)),
    "without terms": case(torch.matmul, (2, 0), (0, 2)),
    "normalize": case(lambda a: F.normalize(a, dim=1), (2, 3)),
    "cosine_similarity": case(F.cosine_similarity, (2, 3), (2, 3)),
    "cdist": case(torch.cdist, (2, 3), (2, 3)),
    "pairwise_distance": case(F.pairwise_distance, (2, 3), (2, 3)),
    "softmax": case(lambda a: F.softmax(a, 1), (2, 3)),
    "log_softmax": case(lambda a: F.log_softmax(a, 0), (2, 3)),
    "masked softmax": case(lambda a: F.softmax(a.masked_fill(torch.eye(3) > 0, -torch.inf), 1), (3, 3)),
    "cumsum": case(lambda a: a.cumsum(1), (2, 3)),
    "cumprod": case(lambda a: a.cumprod(1), (2, 3)),
    "logcumsumexp": case(lambda a: a.logcumsumexp(1), (2, 3)),
    "cummax": case(lambda a: a.cummax(1).values, (2, 4)),
    "sort": case(lambda a: a.sort(1, descending=True).values, (2, 4)),
    "topk": case(lambda a: a.topk(2, 1).values, (2, 4)),
    "kthvalue": case(lambda a: a.kthvalue(2, 1).values, (2, 4)),
    "median": case(lambda a: a.median(1).values + a.median(), (2, 3)),
    "diff": case(lambda a: a.diff(dim=1), (2, 4)),
    "index": case(lambda a: a[[0, 1, 1], [2, 0, 2]], (2, 3)),
    "index_select": case(lambda a: a.index_select(1, torch.tensor([2, 0, 0])), (2, 3)),
    "gather": case(lambda a: a.gather(1, torch.tensor([[0, 2], [1, 1]])), (2, 3)),
    "take": case(lambda a: a.take(torch.tensor([0, 4])), (2, 3)),
    "index_add": case(lambda a, b: a.index_add(0, torch.tensor([0, 0]), b), (2, 3), (2, 3)),
    "index_put": case(lambda a, b: a.index_put((torch.tensor([0]),), b), (2, 3), (3,)),
    "scatter": case(lambda a, b: a.scatter(1, torch.tensor([[0], [2]]), b), (2, 3), (2, 1)),
    "scatter_add": case(lambda a, b: a.scatter_add(1, torch.tensor([[0, 0], [2, 1]]), b), (2, 3), (2, 2)),
    **{
        f"scatter_reduce {name}": case(
            lambda a, b, name=name: a.scatter_reduce(0, PLACES, b, reduce=name, include_self=name != "prod"),
            (2, 3),
            (2, 3),
        )
        for name in ("sum", "prod", "mean", "amax", "amin")
    },
    "index_reduce": case(lambda a, b: a.index_reduce(1, torch.tensor([0, 2, 0]), b, "mean"), (2, 3), (2, 3)),
    "put accumulate": case(lambda a, b: a.put(torch.tensor([0, 5, 0]), b, accumulate=True), (2, 3), (3,)),
    "select_scatter": case(lambda a, b: a.select_scatter(b, 0, 1), (2, 3), (3,)),
    "cat": case(lambda a, b: torch.cat([a, b, torch.ones(1, 3)]), (2, 3), (1, 3)),
    "stack": case(lambda a, b: torch.stack([a, b], 1), (2, 3), (2, 3)),
    "split": case(lambda a: a.split(2, 1)[1] * a.chunk(2, 1)[0][:, :1], (2, 3)),
    "unbind": case(lambda a: a.unbind(1)[2] * a.unbind(1)[0], (2, 3)),
    "shapes": case(lambda a: a.t().reshape(3, 2)[1:].unsqueeze(0).expand(2, 2, 2).permute(2, 0, 1), (2, 3)),
    "flip roll": case(lambda a: a.flip(0).roll(1, 1), (2, 3)),
    "repeat": case(lambda a: a.repeat(2, 1).repeat_interleave(2, 1), (2, 2)),
    "tril triu": case(lambda a: a.tril() + 2 * a.triu(1), (3, 3)),
    "diagonal": case(lambda a: a.diagonal() + a.diag(), (3, 3)),
    "diag_embed": case(lambda a: a.diag_embed(), (2, 2)),
    "trace": case(lambda a: a.trace(), (3, 3)),
    "cholesky": case(lambda a: torch.linalg.cholesky(definite(a), upper=True), (3, 3)),
    "cholesky_solve": case(lambda a, b: torch.cholesky_solve(b, torch.linalg.cholesky(definite(a))), (3, 3), (3, 2)),
    "solve": case(lambda a, b: torch.linalg.solve(a, b), (2, 3, 3), (2, 3, 2)),
    "solve a vector": case(lambda a, b: torch.linalg.solve(a, b), (3, 3), (3,)),
    "solve from the right": case(lambda a, b: torch.linalg.solve(a, b, left=False), (3, 3), (2, 3)),
    "solve_triangular": case(
        lambda a, b: torch.linalg.solve_triangular(a.triu() + 2 * torch.eye(3), b, upper=True, left=False),
        (3, 3),
        (2, 3),
    ),
    "unitriangular": case(
        lambda a, b: torch.linalg.solve_triangular(a, b, upper=False, unitriangular=True), (3, 3), (3, 2)
    ),
    "inv": case(torch.linalg.inv, (2, 3, 3)),
    "det": case(torch.linalg.det, (2, 4, 4)),
    "slogdet": case(lambda a: torch.linalg.slogdet(a).logabsdet * torch.linalg.slogdet(a).sign, (3, 3)),
    "normal distribution": case(
        lambda a, b: torch.distributions.MultivariateNormal(b * 0.0, definite(a)).log_prob(b), (3, 3), (3,)
    ),
    "unfold": case(lambda a: a.unfold(1, 2, 1), (2, 4)),
    "pad": case(lambda a: F.pad(a, (1, 2), value=3.0), (2, 3)),
    "pad reflect": case(lambda a: F.pad(a, (1, 1), mode="reflect"), (2, 3)),
    "pad circular": case(lambda a: F.pad(a, (1, 1), mode="circular"), (1, 2, 3)),
    "in place": case(lambda a, b: (a * 2).add_(b).mul_(a)[:, 1:].sigmoid_(), (2, 3), (3,)),
    "embedding": case(lambda a: F.embedding(torch.tensor([[0, 2], [2, 1]]), a), (3, 2)),
    "embedding padding": case(lambda a: F.embedding(BAG, a, padding_idx=1), (3, 2)),
    "embedding by frequency": case(lambda a: F.embedding(BAG, a, scale_grad_by_freq=True), (3, 2)),
    "embedding_bag sum": case(lambda a: F.embedding_bag(BAG, a, torch.tensor([0, 0, 2]), mode="sum"), (3, 2)),
    "embedding_bag max": case(
        lambda a: F.embedding_bag(BAG, a, torch.tensor([0, 2]), mode="max", padding_idx=2), (3, 2)
    ),
    "embedding_bag weights": case(
        lambda a, b: F.embedding_bag(
            BAG, a, torch.tensor([0, 2, 4]), mode="sum", per_sample_weights=b, include_last_offset=True
        ),
        (3, 2),
        (4,),
    ),
    "embedding_bag": case(lambda a: F.embedding_bag(torch.tensor([[0, 2], [2, 1]]), a, mode="mean"), (3, 2)),
    "one_hot": case(lambda a: F.one_hot(torch.tensor([0, 2])).double() @ a, (3, 2)),
    "conv1d": case(lambda a, b, c: F.conv1d(a, b, c, stride=2, padding=1), (2, 2, 5), (3, 2, 3), (3,)),
    "conv2d": case(lambda a, b, c: F.conv2d(a, b, c, padding=(1, 0), dilation=2), (1, 2, 5, 5), (2, 2, 2, 3), (2,)),
    "conv2d groups": case(lambda a, b: F.conv2d(a, b, groups=2, stride=(1, 2)), (1, 4, 3, 4), (4, 2, 2, 2)),
    "conv2d same": case(lambda a, b: F.conv2d(a, b, padding="same"), (1, 1, 4, 4), (1, 1, 2, 3)),
    "conv3d": case(F.conv3d, (1, 1, 3, 3, 3), (1, 1, 2, 2, 2), (1,)),
    "conv_transpose1d": case(lambda a, b: F.conv_transpose1d(a, b, stride=2, padding=1), (1, 2, 3), (2, 2, 3)),
    "conv_transpose2d": case(
        lambda a, b, c: F.conv_transpose2d(a, b, c, stride=2, output_padding=1, groups=2, dilation=2),
        (1, 2, 3, 2),
        (2, 2, 2, 2),
        (4,),
    ),
    "max_pool1d": case(lambda a: F.max_pool1d(a, 2), (1, 2, 5)),
    "max_pool2d": case(lambda a: F.max_pool2d(a, 3, stride=2, padding=1), (1, 2, 5, 5)),
    "max_pool2d ceil": case(lambda a: F.max_pool2d(a, 2, ceil_mode=True, dilation=2), (1, 1, 6, 6)),
    "max_pool3d": case(lambda a: F.max_pool3d(a, 2), (1, 1, 4, 4, 2)),
    "avg_pool1d": case(lambda a: F.avg_pool1d(a, 2), (1, 2, 5)),
    "avg_pool2d": case(lambda a: F.avg_pool2d(a, 2, padding=1, count_include_pad=False), (1, 2, 4, 4)),
    "adaptive_avg_pool2d": case(lambda a: F.adaptive_avg_pool2d(a, (2, 3)), (1, 2, 5, 4)),
    "adaptive_max_pool2d": case(lambda a: F.adaptive_max_pool2d(a, (2, 3)), (1, 2, 5, 4)),
    "adaptive_avg_pool1d": case(lambda a: F.adaptive_avg_pool1d(a, 2), (1, 2, 5)),
    "lp_pool2d": case(lambda a: F.lp_pool2d(a, 2, 2), (1, 1, 4, 4), low=0.2),
    "interpolate": case(lambda a: F.interpolate(a, scale_factor=2), (1, 1, 2, 2)),
    "interpolate bilinear": case(lambda a: F.interpolate(a, size=(3, 5), mode="bilinear"), (1, 1, 2, 2)),
    "pixel_shuffle": case(lambda a: F.pixel_shuffle(a, 2), (1, 4, 2, 2)),
    "im2col": case(lambda a: F.fold(F.unfold(a, 2), (3, 3), 2), (1, 1, 3, 3)),
    "batch_norm": case(lambda a, b, c: F.batch_norm(a, None, None, b, c, training=True), (3, 2), (2,), (2,)),
    "batch_norm eval": case(
        lambda a, b, c: F.batch_norm(a, torch.tensor([0.1, 0.2]).double(), torch.tensor([0.8, 2.0]).double(), b, c),
        (1, 2, 2, 2),
        (2,),
        (2,),
    ),
    "layer_norm": case(lambda a, b, c: F.layer_norm(a, (3,), b, c), (2, 3), (3,), (3,)),
    "group_norm": case(lambda a, b, c: F.group_norm(a, 2, b, c), (1, 4, 3), (4,), (4,)),
    "instance_norm": case(lambda a: F.instance_norm(a), (2, 2, 4)),
    "rms_norm": case(lambda a, b: F.rms_norm(a, (3,), b), (2, 3), (3,)),
    "local_response_norm": case(lambda a: F.local_response_norm(a, 2), (1, 3, 2)),
    "attention": case(F.scaled_dot_product_attention, (1, 2, 3, 2), (1, 2, 3, 2), (1, 2, 3, 2)),
    "causal attention": case(
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=0.7),
        (1, 2, 3, 2),
        (1, 2, 3, 2),
        (1, 2, 3, 2),
    ),
    "masked attention": case(
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, torch.ones(3, 3).tril().bool()),
        (1, 3, 2),
        (1, 3, 2),
        (1, 3, 2),
    ),
    "mse": case(F.mse_loss, (2, 3), (2, 3)),
    "l1": case(lambda a, b: F.l1_loss(a, b, reduction="sum"), (2, 3), (2, 3)),
    "huber": case(lambda a, b: F.huber_loss(a, b, delta=0.4), (2, 3), (2, 3)),
    "smooth_l1": case(lambda a, b: F.smooth_l1_loss(a, b, beta=0.4, reduction="none"), (2, 3), (2, 3)),
    "cross_entropy": case(lambda a: F.cross_entropy(a, torch.tensor([2, 0])), (2, 3)),
    "cross_entropy weights": case(
        lambda a: F.cross_entropy(a, torch.tensor([2, 0, 1]), torch.tensor([1.0, 2.0, 3.0]).double(), ignore_index=1),
        (3, 3),
    ),
    "cross_entropy smoothing": case(lambda a: F.cross_entropy(a, torch.tensor([2, 0]), label_smoothing=0.1), (2, 3)),
    "cross_entropy shares": case(lambda a: F.cross_entropy(a, torch.full((2, 3), 1 / 3).double()), (2, 3)),
    "cross_entropy pixels": case(lambda a: F.cross_entropy(a, torch.tensor([[[0, 1], [2, 1]]])), (1, 3, 2, 2)),
    "nll": case(lambda a: F.nll_loss(a, torch.tensor([2, 0]), reduction="sum"), (2, 3)),
    "bce": case(lambda a: F.binary_cross_entropy(a, torch.tensor([0.0, 1.0, 0.3]).double()), (3,), low=0.2, high=0.8),
    "bce logits": case(
        lambda a: F.binary_cross_entropy_with_logits(
            a, torch.tensor([0.0, 1.0, 0.3]).double(), pos_weight=torch.tensor(2.0).double()
        ),
        (3,),
    ),
    "kl_div": case(lambda a: F.kl_div(a.log_softmax(0), torch.tensor([0.2, 0.0, 0.8]).double(), reduction="sum"), (3,)),
    "hinge_embedding": case(lambda a: F.hinge_embedding_loss(a, torch.tensor([1, -1, 1])), (3,)),
    "margin_ranking": case(lambda a, b: F.margin_ranking_loss(a, b, torch.ones(3)), (3,), (3,)),
    "triplet": case(F.triplet_margin_loss, (2, 3), (2, 3), (2, 3)),
    "poisson_nll": case(lambda a: F.poisson_nll_loss(a, torch.ones(3)), (3,)),
    "gaussian_nll": case(lambda a, b: F.gaussian_nll_loss(a, torch.ones(3), b), (3,), (3,), low=0.3),
    "soft_margin": case(lambda a: F.soft_margin_loss(a, torch.tensor([1.0, -1.0, 1.0])), (3,)),
    "cosine_embedding": case(lambda a, b: F.cosine_embedding_loss(a, b, torch.tensor([1, -1])), (2, 3), (2, 3)),
    "multi_margin": case(lambda a: F.multi_margin_loss(a, torch.tensor([2, 0])), (2, 3)),
    "multilabel soft": case(lambda a: F.multilabel_soft_margin_loss(a, torch.eye(2, 3)), (2, 3)),
    "gradient penalty": case(
        lambda a: torch.autograd.grad(torch.tanh(a).pow(2).sum(), a, create_graph=True)[0].square().sum(), (2, 3)
    ),
}


@pytest.mark.parametrize("name", each(FUNCTIONS))
def test_functions_of_arrays(name):
    function, shapes, interval = FUNCTIONS[name]
    tensors = {f"t{i}": numbers(*shape, seed=i, **interval) for i, shape in enumerate(shapes)}
    arguments = list(tensors.values())

    def f():
        return function(*arguments)

    names = {f"arguments[{i}]": tensor for i, tensor in enumerate(arguments)}
    gradients_agree(f, names)


MODELS = {
    "mlp": (lambda: nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), (2, 3)),
    "lstm": (lambda: nn.LSTM(3, 2, num_layers=2, bidirectional=True), (3, 1, 3)),
    "gru": (lambda: nn.GRU(3, 2, batch_first=True), (1, 3, 3)),
    "rnn": (lambda: nn.RNN(3, 2, nonlinearity="relu"), (3, 1, 3)),
    "lstm cell": (lambda: nn.LSTMCell(3, 2), (1, 3)),
    "gru cell": (lambda: nn.GRUCell(3, 2), (1, 3)),
    "attention": (lambda: nn.MultiheadAttention(4, 2, batch_first=True), (1, 3, 4)),
    "encoder": (lambda: nn.TransformerEncoderLayer(4, 2, 5, dropout=0.0, batch_first=True), (1, 3, 4)),
    "encoder eval": (lambda: nn.TransformerEncoderLayer(4, 2, 5, batch_first=True).eval(), (1, 3, 4)),
    "conv": (
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        (2, 1, 6, 6),
    ),
    "dropout eval": (lambda: nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5)).eval(), (2, 3)),
}


def first_of(result):
    while isinstance(result, (tuple, list)):
        result = result[0]
    return result


@pytest.mark.parametrize("name", each(MODELS))
def test_models(name):
    build, shape = MODELS[name]
    torch.manual_seed(0)
    model, x = build().double(), numbers(*shape)
    arguments = (x, x, x) if isinstance(model, nn.MultiheadAttention) else (x,)

    def f():
        return first_of(model(*arguments))

    gradients_agree(f, {"arguments[0]": x} | dict(model.named_parameters()), model)


def test_operations_that_torch_decomposes_wrongly_are_refused():
    """Of its smaller operations some give other numbers than the kernel that it runs."""
    x = numbers(2, 3)
    kernel = torch.ops.aten.hardsigmoid_backward.default
    right = torch._decomp.decomposition_table[kernel]
    torch._decomp.decomposition_table[kernel] = lambda grad, x: 2.0 * right(grad, x)
    try:
        with pytest.raises(UntranslatableError, match="hardsigmoid_backward, which torch writes in smaller ones"):
            from_torch(lambda: kernel(x, x))
    finally:
        torch._decomp.decomposition_table[kernel] = right


def test_a_scatter_that_multiplies_is_refused():
    """As by torch itself, when it comes to its derivative."""
    x = numbers(2, 3)
    with pytest.raises(UntranslatableError, match=r"the operation aten\.scatter"):
        from_torch(lambda: x.scatter(1, torch.tensor([[0], [2]]), 2.0, reduce="multiply"))


def test_elements_that_face_each_other_share_the_derivative_of_a_factor():
    covariance = torch.tensor([[2.0, 0.3], [0.3, 1.0]], dtype=torch.float64, requires_grad=True)
    gradients_agree(lambda: torch.linalg.cholesky(covariance), {"covariance": covariance})
