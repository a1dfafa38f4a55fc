"""Compiled graphs against NumPy written by hand and other libraries: steps of training, medians, one thread.

Every contender computes the same loss and gradient; all are checked against each other first. They take turns within
one process, so that a busy machine slows all of them alike. Peers that are not installed are left out.

    python -m benchmarks.compile            # all works
    python -m benchmarks.compile W1 W3      # some of them
    python -m benchmarks.compile W4         # with jax too, which takes minutes to compile this one
    python -m benchmarks.compile --quick    # small, and a few turns only: to see that it runs
    python -m benchmarks.compile --alone    # without other libraries
"""

from __future__ import annotations

import argparse
import gc
import operator
import statistics
import sys
import time
from itertools import pairwise

import numpy as np

import autograd
import nn
from autograd import Value, compile

from . import contenders, peer
from .contenders import Work, add_jax, add_torch, casadi, flat, jax, layers_of, torch
from .unrolled import w5, w6, w7_lstm, w7_mixture, w8

# W1: micrograd's demo, a 2-16-16-1 network with hinge loss and regularisation on 100 points


def w1_network(rng):
    sizes = [2, 16, 16, 1]
    theta = rng.uniform(-1, 1, sum((a + 1) * b for a, b in pairwise(sizes)))
    values = [Value(number) for number in theta.tolist()]
    blocks = [block.tolist() for block in layers_of(np.array(values, dtype=object), sizes)]

    def network(x):
        for depth, block in enumerate(blocks):
            x = [sum((w * v for w, v in zip(row[:-1], x, strict=True)), row[-1]) for row in block]
            x = [v.relu() for v in x] if depth < 2 else x
        return x[0]

    return sizes, theta, values, network


def w1(whole):
    work = Work(f"W1: micrograd's demo, {'whole data set unrolled' if whole else 'one observation, batch of 100'}")
    rng = np.random.default_rng(0)
    sizes, theta, values, network = w1_network(rng)
    points = rng.normal(size=(100, 2))
    labels = np.where(points[:, 0] * points[:, 1] > 0, 1.0, -1.0)
    penalty = 1e-4

    def compiled(backend=None):
        if whole:
            losses = [(1 + -y * network(x)).relu() for x, y in zip(points.tolist(), labels.tolist(), strict=True)]
            total = sum(losses) * (1.0 / len(losses)) + penalty * sum(p * p for p in values)
            return compile(total, wrt=values, backend=backend)
        x, y = [Value(0.0), Value(0.0)], Value(0.0)
        loss = (1 + -y * network(x)).relu() + penalty * sum(p * p for p in values)
        step = compile(loss, wrt=values, inputs=(x, y), backend=backend)
        return lambda: step(points, labels)

    def by_neuron(gradient):
        return flat([np.column_stack(pair) for pair in zip(gradient[::2], gradient[1::2], strict=True)])

    work.add("compile", compiled)
    work.add("without numba", lambda: compiled("arrays"))

    matrices = [(block[:, :-1].copy(), block[:, -1].copy()) for block in layers_of(theta, sizes)]

    def by_hand():
        (w1, b1), (w2, b2), (w3, b3) = matrices
        z1 = points @ w1.T + b1
        h1 = np.maximum(z1, 0.0)
        z2 = h1 @ w2.T + b2
        h2 = np.maximum(z2, 0.0)
        score = (h2 @ w3.T + b3)[:, 0]
        margin = 1.0 - labels * score
        loss = np.maximum(margin, 0.0).mean()
        loss += penalty * sum((w * w).sum() + (b * b).sum() for w, b in matrices)
        ds = ((margin > 0) * -labels / len(labels))[:, None]
        dw3, db3 = ds.T @ h2, ds.sum(axis=0)
        dz2 = (ds @ w3) * (z2 > 0)
        dw2, db2 = dz2.T @ h1, dz2.sum(axis=0)
        dz1 = (dz2 @ w2) * (z1 > 0)
        dw1, db1 = dz1.T @ points, dz1.sum(axis=0)
        gradients = [dw1, db1, dw2, db2, dw3, db3]
        parameters = [part for pair in matrices for part in pair]
        return loss, [g + 2 * penalty * p for g, p in zip(gradients, parameters, strict=True)]

    work.add("NumPy by hand", lambda: by_hand, by_neuron)
    if torch:
        leaf = [torch.tensor(part, requires_grad=True) for pair in matrices for part in pair]
        x, y = torch.tensor(points), torch.tensor(labels)

        def loss():
            h = torch.relu(x @ leaf[0].T + leaf[1])
            h = torch.relu(h @ leaf[2].T + leaf[3])
            score = (h @ leaf[4].T + leaf[5])[:, 0]
            return torch.relu(1 - y * score).mean() + penalty * sum((p * p).sum() for p in leaf)

        add_torch(work, loss, leaf, by_neuron)
    if jax:
        jnp = jax.numpy

        def jax_loss(vector):
            h = points
            for depth, block in enumerate(layers_of(vector, sizes)):
                h = h @ block[:, :-1].T + block[:, -1]
                h = jnp.maximum(h, 0.0) if depth < 2 else h
            return jnp.maximum(1 - labels * h[:, 0], 0.0).mean() + penalty * (vector * vector).sum()

        add_jax(work, jax_loss, theta)
    add_micrograd(work, points, labels, theta, sizes, penalty)
    return work


def add_micrograd(work, points, labels, theta, sizes, penalty):
    engine = peer("micrograd.engine")
    if engine is None:
        return
    values = [engine.Value(number) for number in theta.tolist()]
    blocks = [block.tolist() for block in layers_of(np.array(values, dtype=object), sizes)]

    def step():
        losses = []
        for point, label in zip(points.tolist(), labels.tolist(), strict=True):
            x = point
            for depth, block in enumerate(blocks):
                x = [sum((w * v for w, v in zip(row[:-1], x, strict=True)), row[-1]) for row in block]
                x = [v.relu() for v in x] if depth < 2 else x
            losses.append((1 + -label * x[0]).relu())
        total = sum(losses) * (1.0 / len(losses)) + penalty * sum(p * p for p in values)
        for value in values:
            value.grad = 0
        total.backward()
        return total.data, np.array([value.grad for value in values])

    work.add("micrograd", lambda: step)


# W2: 784-50-10 with ReLU and softmax cross entropy, as for handwritten digits


def w2(batch):
    work = Work(f"W2: 784-50-10, batch of {batch}")
    rng = np.random.default_rng(0)
    model = nn.MLP([784, 50, 10], activation="relu", seed=0)
    parameters = list(model.parameters())
    theta = np.array([p.data for p in parameters])
    images, classes = rng.random((batch, 784)), np.eye(10)[rng.integers(0, 10, batch)]

    def compiled():
        x, y = [Value(0.0) for _ in range(784)], [Value(0.1) for _ in range(10)]
        loss = nn.cross_entropy(model(x), y)
        start = time.perf_counter()
        step = compile(loss, wrt=parameters, inputs=(x, y))
        print(f"W2: trace and compile {time.perf_counter() - start:.3f} s")
        return lambda: step(images, classes)

    work.add("compile", compiled)
    cuts = np.cumsum([784 * 50, 50, 500])
    parts = np.split(theta, cuts)
    w1, b1, w2, b2 = parts[0].reshape(50, 784), parts[1], parts[2].reshape(10, 50), parts[3]

    def by_hand():
        z1 = images @ w1.T + b1
        h1 = np.maximum(z1, 0.0)
        logits = h1 @ w2.T + b2
        shifted = logits - logits.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        loss = -(classes * log_p).sum() / batch
        d2 = (np.exp(log_p) - classes) / batch
        d1 = (d2 @ w2) * (z1 > 0)
        return loss, [d1.T @ images, d1.sum(axis=0), d2.T @ h1, d2.sum(axis=0)]

    work.add("NumPy by hand", lambda: by_hand)
    if torch:
        leaf = [torch.tensor(part, requires_grad=True) for part in (w1, b1, w2, b2)]
        x, y = torch.tensor(images), torch.tensor(classes)

        def loss():
            h = torch.relu(torch.nn.functional.linear(x, leaf[0], leaf[1]))
            return torch.nn.functional.cross_entropy(torch.nn.functional.linear(h, leaf[2], leaf[3]), y)

        add_torch(work, loss, leaf)
    if jax:
        jnp = jax.numpy

        def jax_loss(vector):
            a, b, c, d = jnp.split(vector, cuts)
            logits = jnp.maximum(images @ a.reshape(50, 784).T + b, 0.0) @ c.reshape(10, 50).T + d
            return -(classes * jax.nn.log_softmax(logits)).sum() / batch

        add_jax(work, jax_loss, theta)
    return work


# W3: the lectures' dosage network on its three observations


def squared_residual(p, x, y):
    """The loss of the dosage network at one observation."""
    predicted = (p[0] * x + p[2]).softplus() * p[4] + (p[1] * x + p[3]).softplus() * p[5] + p[6]
    return (y - predicted) ** 2


def w3(whole):
    work = Work(f"W3: the dosage network, {'its 3 observations written out' if whole else 'batch of 3'}")
    theta = np.array([-34.4, -2.52, 2.14, 1.29, -1.30, 2.28, -0.58])
    dose, effect = np.array([0.0, 0.5, 1.0]), np.array([0.0, 1.0, 0.0])

    def compiled():
        p = [Value(number) for number in theta.tolist()]
        if whole:
            points = zip(dose.tolist(), effect.tolist(), strict=True)
            return compile(autograd.sum([squared_residual(p, x, y) for x, y in points]), wrt=p)
        x, y = Value(0.0), Value(0.0)
        step = compile(squared_residual(p, x, y), wrt=p, inputs=(x, y), reduction="sum")
        return lambda: step(dose, effect)

    work.add("compile", compiled)

    def by_hand():
        w, b, v, c = theta[:2], theta[2:4], theta[4:6], theta[6]
        z = dose[:, None] * w + b
        h = np.logaddexp(0.0, z)
        residual = h @ v + c - effect
        d = 2.0 * residual
        dz = d[:, None] * v / (1.0 + np.exp(-z))
        return residual @ residual, [dose @ dz, dz.sum(axis=0), d @ h, d.sum()]

    work.add("NumPy by hand", lambda: by_hand)
    if torch:
        leaf = [torch.tensor(part, requires_grad=True) for part in np.split(theta, [2, 4, 6])]
        x, y = torch.tensor(dose), torch.tensor(effect)

        def loss():
            h = torch.nn.functional.softplus(x[:, None] * leaf[0] + leaf[1])
            return (h @ leaf[2] + leaf[3] - y).square().sum()

        add_torch(work, loss, leaf)
    if jax:

        def jax_loss(t):
            h = jax.nn.softplus(dose[:, None] * t[:2] + t[2:4])
            return ((h @ t[4:6] + t[6] - effect) ** 2).sum()

        add_jax(work, jax_loss, theta)
    add_casadi(work, dose, effect, theta)
    return work


def add_casadi(work, dose, effect, theta):
    if casadi:
        t = casadi.SX.sym("t", 7)
        total = 0
        for d, e in zip(dose.tolist(), effect.tolist(), strict=True):
            h = [
                casadi.log1p(casadi.exp(-casadi.fabs(z))) + casadi.fmax(z, 0)
                for z in (t[0] * d + t[2], t[1] * d + t[3])
            ]
            total += (h[0] * t[4] + h[1] * t[5] + t[6] - e) ** 2
        function = casadi.Function("f", [t], [total, casadi.gradient(total, t)])
        work.add("CasADi", lambda: lambda: function(theta), lambda gradient: np.asarray(gradient).ravel())


# W4: an irregular graph of 2,000 random operations


def random_graph(leaves, number, library):
    """The same graph from the leaves of any library; `library` has tanh, sin, and sigmoid."""
    rng = np.random.default_rng(3)
    pool = list(leaves)
    operations = [operator.add, operator.mul, operator.sub, *(lambda a, _, f=f: f(a) for f in library)]
    while len(pool) < number:
        kind, i, j = rng.integers(0, 6), *rng.integers(max(0, len(pool) - 200), len(pool), 2)
        pool.append(operations[kind](pool[i], pool[j]))
    return library[0](sum(pool[-200:]))


def w4(batch):
    work = Work(f"W4: irregular graph of 2,000 nodes, batch of {batch}")
    rng = np.random.default_rng(0)
    theta, inputs = rng.normal(size=20), rng.normal(size=(batch, 10))

    def compiled(backend=None):
        p, x = [Value(number) for number in theta.tolist()], [Value(0.0) for _ in range(10)]
        graph = random_graph(p + x, 2000, (autograd.tanh, autograd.sin, autograd.sigmoid))
        step = compile(graph, wrt=p, inputs=(x,), backend=backend)
        return lambda: step(inputs)

    work.add("compile", compiled)  # the native engine, if its extra is installed
    work.add("without numba", lambda: compiled("floats" if batch == 1 else "arrays"))
    if casadi:
        t, x = casadi.SX.sym("t", 20), casadi.SX.sym("x", 10)
        leaf = [*[t[i] for i in range(20)], *[x[i] for i in range(10)]]

        def casadi_step():
            total = random_graph(leaf, 2000, (casadi.tanh, casadi.sin, lambda z: 1 / (1 + casadi.exp(-z))))
            function = casadi.Function("f", [t, x], [total, casadi.gradient(total, t)])
            if batch == 1:
                return lambda: function(theta, inputs[0])
            mapped, rows = function.map(batch), casadi.DM(inputs.T)

            def step():
                losses, gradients = mapped(theta, rows)
                return losses.full().mean(), gradients.full().reshape(20, batch, order="F").mean(axis=1)

            return step

        work.add("CasADi", casadi_step, lambda gradient: np.asarray(gradient).ravel())
    if torch:
        leaf = torch.tensor(theta, requires_grad=True)
        columns = list(torch.tensor(inputs.T))

        def loss():
            return random_graph([*leaf.unbind(), *columns], 2000, (torch.tanh, torch.sin, torch.sigmoid)).mean()

        add_torch(work, loss, [leaf], compiles=False)
    if jax and "W4" in sys.argv:  # only if it is asked for: jax takes minutes to compile this

        def jax_loss(t):
            columns = [inputs[:, k] for k in range(10)]
            functions = (jax.numpy.tanh, jax.numpy.sin, jax.nn.sigmoid)
            return random_graph([*[t[i] for i in range(20)], *columns], 2000, functions).mean()

        add_jax(work, jax_loss, theta)
    return work


def making():
    """From Values to the first result, of irregular graphs of 2,000 and 20,000 nodes, each made three times."""
    times = {}
    for number in (2000, 20_000) * 3:
        p, x = [Value(0.5 + 0.01 * i) for i in range(20)], [Value(0.0) for _ in range(10)]
        graph = random_graph(p + x, number, (autograd.tanh, autograd.sin, autograd.sigmoid))
        gc.collect()
        start = time.perf_counter()
        compile(graph, wrt=p, inputs=(x,))(np.zeros((1, 10)))
        times.setdefault(number, []).append(time.perf_counter() - start)
    few, many = [statistics.median(each) for each in times.values()]
    print(f"\nirregular graphs, from Values to the first result: 2,000 nodes {few:.2f} s, the first time "
          f"{times[2000][0]:.2f} s; 20,000 nodes {many / few:.1f} x")  # fmt: skip


def big(width):
    """Trace and compile of 4 * width**2 nodes."""
    model = nn.MLP([width, width, width, 1], activation="relu", seed=0)
    x = [Value(0.5) for _ in range(width)]
    outputs = x
    for module in (model[0], model[2]):
        outputs = [sum((w * v for w, v in zip(row, outputs, strict=True)), b) for row, b in
                   zip(module.weight, module.bias, strict=True)]  # fmt: skip
        outputs = [v.relu() for v in outputs]
    loss = autograd.sum(outputs)
    parameters = list(model.parameters())
    start = time.perf_counter()
    step = compile(loss, wrt=parameters, inputs=(x,))
    print(f"\n{step}\n  trace and compile {time.perf_counter() - start:.2f} s")


def epoch(images=60_000, batch=32):
    """The steps of one epoch through W2, on as many random images as MNIST has."""
    rng = np.random.default_rng(0)
    model = nn.MLP([784, 50, 10], activation="relu", seed=0)
    x, y = [Value(0.0) for _ in range(784)], [Value(0.1) for _ in range(10)]
    step = compile(nn.cross_entropy(model(x), y), wrt=model.parameters(), inputs=(x, y))
    pixels, classes = rng.random((images, 784)), np.eye(10)[rng.integers(0, 10, images)]
    theta = step.theta
    step(pixels[:batch], classes[:batch])
    start = time.perf_counter()
    for first in range(0, images, batch):
        _, gradient = step(pixels[first : first + batch], classes[first : first + batch])
        theta -= 0.1 * gradient
    print(f"\n{images:,} images of 784 numbers through 784-50-10, batch of {batch}, with SGD: "
          f"{time.perf_counter() - start:.2f} s")  # fmt: skip


WORKS = {
    "W1": [lambda: w1(False), lambda: w1(True)],
    "W2": [lambda: w2(32), lambda: w2(1)],
    "W3": [lambda: w3(False), lambda: w3(True)],
    "W4": [lambda: w4(1), lambda: w4(1000)],
    "W5": [lambda: w5(1), lambda: w5(32)],
    "W6": [lambda: w6(32), lambda: w6(32, activation="gelu")],
    "W7": [lambda: w7_mixture(False), lambda: w7_mixture(True), w7_lstm],
}
OTHERS = {
    "W8": lambda: w8([1_000, 100_000, 1_000_000, 10_000_000]),
    "making": making,
    "big": lambda: (big(250), big(500)),
    "epoch": epoch,
}

QUICK = {
    "W5": [lambda: w5(1, steps=3), lambda: w5(4, steps=3)],
    "W6": [lambda: w6(2, steps=4, width=4)],
    "W7": [lambda: w7_mixture(False, 5, 3, 2), lambda: w7_mixture(True, 5, 3, 2), lambda: w7_lstm(3, 2, 3)],
    "W8": [lambda: w8([10, 100])],
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("works", nargs="*", metavar="work", help=f"of {', '.join([*WORKS, *OTHERS])}; default all")
    parser.add_argument("--quick", action="store_true", help="W5 to W8, small: to see that they run")
    parser.add_argument("--alone", action="store_true", help="without other libraries")
    given = parser.parse_args()
    if given.quick:
        contenders.SECONDS = 0.0
    for name in given.works or (QUICK if given.quick else [*WORKS, *OTHERS]):
        for make in (QUICK if given.quick else WORKS).get(name, []):
            work = make()
            if work is not None:
                work.report()
        if not given.quick and name in OTHERS:
            OTHERS[name]()
