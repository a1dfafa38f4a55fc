"""W5 to W8: networks written out step by step, a mixture of Gaussians, and batches of up to ten million rows."""

from __future__ import annotations

import math
import statistics
import time
import tracemalloc

import numpy as np

import autograd
import nn
from autograd import Value, compile

from .contenders import Work, add_jax, add_torch, casadi, jax, torch


def parts_of(vector, shapes):
    """A flat vector as arrays of these shapes, in any library."""
    parts, start = [], 0
    for shape in shapes:
        size = math.prod(shape)
        parts.append(vector[start : start + size].reshape(shape))
        start += size
    return parts


def values_of(theta, shapes):
    """The parameters as Values, flat and as nested lists."""
    flat_values = [Value(number) for number in theta.tolist()]
    return flat_values, [part.tolist() for part in parts_of(np.array(flat_values, dtype=object), shapes)]


def rows_times(matrix, vector, bias=None):
    """A matrix of Values times a vector, plus a bias."""
    products = [autograd.dot(row, vector) for row in matrix]
    return products if bias is None else [product + b for product, b in zip(products, bias, strict=True)]


# W5: a recurrent network that predicts the next letter


def letters(steps, classes, batch, rng):
    """Sequences of letters, and as one-hot rows what goes in and what comes next."""
    sequences = rng.integers(0, classes, (batch, steps + 1))
    one_hot = np.eye(classes)
    return sequences, one_hot[sequences[:, :-1]], one_hot[sequences[:, 1:]]


def w5_shapes(units, classes):
    return [(units, classes), (units, units), (units,), (classes, units), (classes,)]


def letters_by_hand(parts, entering, following):
    u, w, b, v, c = parts
    batch, steps, classes = entering.shape
    units = len(b)

    def step():
        h = np.zeros((steps + 1, batch, units))
        seen = entering @ u.T + b
        for t in range(steps):
            h[t + 1] = np.tanh(seen[:, t] + h[t] @ w.T)
        logits = h[1:] @ v.T + c
        top = logits.max(axis=-1, keepdims=True)
        e = np.exp(logits - top)
        total = e.sum(axis=-1, keepdims=True)
        y = following.transpose(1, 0, 2)
        loss = (np.log(total) + top).sum() - (y * logits).sum()
        d = (e / total - y) / (batch * steps)
        dh_out, dz = d @ v, np.zeros((steps, batch, units))
        carried = 0.0
        for t in reversed(range(steps)):
            dz[t] = (dh_out[t] + carried) * (1.0 - h[t + 1] ** 2)
            carried = dz[t] @ w
        flat_dz, flat_d = dz.reshape(-1, units), d.reshape(-1, classes)
        du = flat_dz.T @ entering.transpose(1, 0, 2).reshape(-1, classes)
        dw = flat_dz.T @ h[:-1].reshape(-1, units)
        dv = flat_d.T @ h[1:].reshape(-1, units)
        return loss / (batch * steps), [du, dw, flat_dz.sum(axis=0), dv, flat_d.sum(axis=0)]

    return step


def letters_compiled(theta, shapes, sequences, entering, following):
    batch, steps, classes = entering.shape
    units = shapes[2][0]
    parameters, (u, w, b, v, c) = values_of(theta, shapes)
    x = [[Value(0.1) for _ in range(classes)] for _ in range(steps)]
    y = [[Value(1.0 / classes) for _ in range(classes)] for _ in range(steps)]
    h, losses = [0.0] * units, []
    for t in range(steps):
        if batch > 1:
            seen = rows_times(u, x[t], b)
        else:
            seen = [row[sequences[0, t]] + each for row, each in zip(u, b, strict=True)]
        h = [(a + r).tanh() for a, r in zip(seen, rows_times(w, h), strict=True)] if t else [a.tanh() for a in seen]
        logits = rows_times(v, h, c)
        losses.append(nn.cross_entropy(logits, y[t] if batch > 1 else int(sequences[0, t + 1])))
    loss = autograd.mean(losses)
    if batch == 1:
        return compile(loss, wrt=parameters)
    step = compile(loss, wrt=parameters, inputs=([e for row in x for e in row], [e for row in y for e in row]))
    flat_inputs = entering.reshape(batch, -1), following.reshape(batch, -1)
    return lambda: step(*flat_inputs)


def w5(batch, steps=24, units=8, classes=15):
    """Of one sequence, the letters are part of the graph; of a batch, they are inputs."""
    kind = f"batch of {batch}" if batch > 1 else "one sequence written out"
    work = Work(f"W5: letters, {steps} steps, {units} units, {classes} classes, {kind}")
    rng = np.random.default_rng(0)
    shapes = w5_shapes(units, classes)
    theta = 0.3 * rng.normal(size=sum(map(math.prod, shapes)))
    sequences, entering, following = letters(steps, classes, batch, rng)

    work.add("compile", lambda: letters_compiled(theta, shapes, sequences, entering, following))
    work.add("NumPy by hand", lambda: letters_by_hand(parts_of(theta, shapes), entering, following))
    if torch:
        leaf = [torch.tensor(part, requires_grad=True) for part in parts_of(theta, shapes)]
        x, y = torch.tensor(entering), torch.tensor(following)

        def loss():
            h, states = torch.zeros(batch, units), []
            seen = x @ leaf[0].T + leaf[2]
            for t in range(steps):
                h = torch.tanh(seen[:, t] + h @ leaf[1].T)
                states.append(h)
            logits = torch.stack(states, 1) @ leaf[3].T + leaf[4]
            return torch.nn.functional.cross_entropy(logits.reshape(-1, classes), y.reshape(-1, classes))

        add_torch(work, loss, leaf, compiles=False)
    if jax:
        jnp = jax.numpy

        def jax_loss(vector):
            p, q, r, s, o = parts_of(vector, shapes)
            seen = jnp.einsum("btc,uc->tbu", entering, p) + r

            def step(h, z):
                h = jnp.tanh(z + h @ q.T)
                return h, h

            _, states = jax.lax.scan(step, jnp.zeros((batch, units)), seen)
            logits = states @ s.T + o
            return -(following.transpose(1, 0, 2) * jax.nn.log_softmax(logits)).sum() / (batch * steps)

        add_jax(work, jax_loss, theta)
    if casadi and batch == 1:
        add_casadi(work, theta, lambda t: casadi_letters(t, shapes, sequences[0]))
    return work


def add_casadi(work, theta, loss):
    """CasADi's SX, a graph of scalars as ours."""
    t = casadi.SX.sym("t", len(theta))
    total = loss(t)
    function = casadi.Function("f", [t], [total, casadi.gradient(total, t)])
    work.add("CasADi", lambda: lambda: function(theta), lambda gradient: np.asarray(gradient).ravel())


def casadi_parts(t, shapes):
    """The parameters as CasADi's matrices, which it keeps by column."""
    parts, start = [], 0
    for shape in shapes:
        size = math.prod(shape)
        part = t[start : start + size]
        parts.append(casadi.reshape(part, shape[1], shape[0]).T if len(shape) == 2 else part)
        start += size
    return parts


def casadi_letters(t, shapes, sequence):
    u, w, b, v, c = casadi_parts(t, shapes)
    h, total = casadi.SX.zeros(shapes[2][0]), 0
    for entering, following in zip(sequence[:-1].tolist(), sequence[1:].tolist(), strict=True):
        h = casadi.tanh(u[:, entering] + w @ h + b)
        logits = v @ h + c
        total += casadi.logsumexp(logits) - logits[following]
    return total / (len(sequence) - 1)


# W6: a causal transformer block: each position attends to those before it


def w6_shapes(width, classes):
    square, wide = (width, width), (4 * width, width)
    return [square, square, square, square, wide, (4 * width,), (width, 4 * width), (width,), (classes, width)]


def normalised(xs):
    """Layer normalisation without parameters."""
    mean = autograd.mean(xs)
    centred = [x - mean for x in xs]
    scale = (autograd.mean([x * x for x in centred]) + 1e-5) ** -0.5
    return [x * scale for x in centred]


def w6(batch, steps=16, width=32, classes=15, activation="relu"):
    kind = f"{steps} positions of {width} numbers, {activation}, batch of {batch}"
    work = Work(f"W6: a causal transformer block, {kind}")
    rng = np.random.default_rng(0)
    shapes = w6_shapes(width, classes)
    theta = rng.normal(size=sum(map(math.prod, shapes))) / math.sqrt(width)
    inputs = rng.normal(size=(batch, steps, width))
    following = np.eye(classes)[rng.integers(0, classes, (batch, steps))]
    scale = 1.0 / math.sqrt(width)

    def compiled():
        parameters, (q, k, v, o, w1, b1, w2, b2, out) = values_of(theta, shapes)
        x = [[Value(0.1 * i) for i in range(width)] for _ in range(steps)]
        y = [[Value(1.0 / classes) for _ in range(classes)] for _ in range(steps)]
        normal = [normalised(row) for row in x]
        queries, keys, values = ([rows_times(matrix, row) for row in normal] for matrix in (q, k, v))
        losses = []
        for i in range(steps):
            shares = nn.softmax([autograd.dot(queries[i], keys[j]) * scale for j in range(i + 1)])
            mixed = [autograd.dot(shares, [values[j][a] for j in range(i + 1)]) for a in range(width)]
            h = [a + b for a, b in zip(x[i], rows_times(o, mixed), strict=True)]
            hidden = [getattr(autograd, activation)(z) for z in rows_times(w1, normalised(h), b1)]
            h = [a + b for a, b in zip(h, rows_times(w2, hidden, b2), strict=True)]
            losses.append(nn.cross_entropy(rows_times(out, normalised(h)), y[i]))
        step = compile(
            autograd.mean(losses),
            wrt=parameters,
            inputs=([e for row in x for e in row], [e for row in y for e in row]),
        )
        flat_inputs = inputs.reshape(batch, -1), following.reshape(batch, -1)
        return lambda: step(*flat_inputs)

    work.add("compile", compiled)
    parts = parts_of(theta, shapes)
    if torch:
        leaf = [torch.tensor(part, requires_grad=True) for part in parts]
        x, y = torch.tensor(inputs), torch.tensor(following)
        mask = torch.full((steps, steps), -math.inf).triu(1)
        functional = torch.nn.functional

        def loss():
            q, k, v, o, w1, b1, w2, b2, out = leaf
            n = functional.layer_norm(x, (width,))
            shares = torch.softmax((n @ q.T) @ (n @ k.T).transpose(1, 2) * scale + mask, -1)
            h = x + shares @ (n @ v.T) @ o.T
            hidden = getattr(functional, activation)(functional.linear(functional.layer_norm(h, (width,)), w1, b1))
            h = h + functional.linear(hidden, w2, b2)
            logits = functional.layer_norm(h, (width,)) @ out.T
            return functional.cross_entropy(logits.reshape(-1, classes), y.reshape(-1, classes))

        add_torch(work, loss, leaf, compiles=False)
    if jax:
        jnp = jax.numpy
        added = np.triu(np.full((steps, steps), -np.inf), 1)

        def norm(z):
            z = z - z.mean(axis=-1, keepdims=True)
            return z / jnp.sqrt((z * z).mean(axis=-1, keepdims=True) + 1e-5)

        def jax_loss(vector):
            q, k, v, o, w1, b1, w2, b2, out = parts_of(vector, shapes)
            n = norm(inputs)
            shares = jax.nn.softmax((n @ q.T) @ (n @ k.T).transpose(0, 2, 1) * scale + added)
            h = inputs + shares @ (n @ v.T) @ o.T
            z = norm(h) @ w1.T + b1
            h = h + (jnp.maximum(z, 0.0) if activation == "relu" else jax.nn.gelu(z, approximate=False)) @ w2.T + b2
            return -(following * jax.nn.log_softmax(norm(h) @ out.T)).sum() / (batch * steps)

        add_jax(work, jax_loss, theta)
    return work


# W7: after ADBench (Srajer, Kukelova, Fitzgibbon 2018): a mixture of Gaussians, and a recurrent network with gates


def mixture_shapes(kinds, d):
    return [(kinds,), (kinds, d), (kinds, d), (kinds, d * (d - 1) // 2)]


def mixture_loss(x, parts):
    alphas, means, logs, triangles = parts
    scores = []
    for alpha, mean, log, triangle in zip(alphas, means, logs, triangles, strict=True):
        centred = [a - b for a, b in zip(x, mean, strict=True)]
        rows, start = [], 0
        for i in range(len(x)):
            row = autograd.exp(log[i]) * centred[i]
            rows.append(row + autograd.dot(triangle[start : start + i], centred[:i]) if i else row)
            start += i
        scores.append(alpha + autograd.sum(log) - 0.5 * autograd.sum([row * row for row in rows]))
    return autograd.logsumexp(alphas) - autograd.logsumexp(scores)


def mixture_scores(xp, points, parts, square):
    alphas, means, logs, triangles = parts
    centred = xp.asarray(points)[:, None, :] - means
    rows = xp.exp(logs) * centred + xp.einsum("kij,nkj->nki", square(triangles), centred)
    return alphas, alphas + logs.sum(-1) - 0.5 * (rows * rows).sum(-1)


def w7_mixture(whole, n=100, d=10, kinds=10):
    """The precision of each Gaussian is the square of a triangle, its rows of 0 ... d - 1 numbers and a diagonal."""
    kind = "its observations written out" if whole else f"one observation, batch of {n}"
    work = Work(f"W7: mixture of {kinds} Gaussians in {d} dimensions, {kind}")
    rng = np.random.default_rng(0)
    shapes = mixture_shapes(kinds, d)
    theta = 0.3 * rng.normal(size=sum(map(math.prod, shapes)))
    points = rng.normal(size=(n, d))

    def compiled(whole=whole):
        parameters, parts = values_of(theta, shapes)
        if whole:
            return compile(autograd.mean([mixture_loss(point, parts) for point in points.tolist()]), wrt=parameters)
        x = [Value(0.0) for _ in range(d)]
        step = compile(mixture_loss(x, parts), wrt=parameters, inputs=(x,))
        return lambda: step(points)

    work.add("compile", compiled)
    if not whole:
        work.add("written out", lambda: compiled(whole=True))
    below = np.tril_indices(d, -1)

    if torch:
        leaf = torch.tensor(theta, requires_grad=True)

        def square_of_torch(triangles):
            return torch.zeros(kinds, d, d).index_put(
                (torch.arange(kinds)[:, None], *map(torch.tensor, below)), triangles
            )

        def loss():
            alphas, scores = mixture_scores(torch, points, parts_of(leaf, shapes), square_of_torch)
            return torch.logsumexp(alphas, 0) - torch.logsumexp(scores, 1).mean()

        add_torch(work, loss, [leaf], compiles=False)
    if jax:
        jnp = jax.numpy

        def jax_loss(vector):
            alphas, scores = mixture_scores(
                jnp,
                points,
                parts_of(vector, shapes),
                lambda t: jnp.zeros((kinds, d, d)).at[:, below[0], below[1]].set(t),
            )
            return jax.nn.logsumexp(alphas) - jax.nn.logsumexp(scores, axis=1).mean()

        add_jax(work, jax_loss, theta)
    return work


def lstm_shapes(units, layers):
    return [(4 * units, units), (4 * units, units), (4 * units,)] * layers


def lstm_outputs(sequence, parts, times, sigmoid, tanh, zero):
    """The outputs of all steps; `times` multiplies a matrix and adds to a vector."""
    layers, units = len(parts) // 3, parts[0].shape[0] // 4
    state = [(zero, zero) for _ in range(layers)]
    outputs = []
    for x in sequence[:-1]:
        for layer in range(layers):
            w, u, b = parts[3 * layer : 3 * layer + 3]
            h, c = state[layer]
            gates = times(w, x) + times(u, h) + b
            i, f, g, o = (gates[k * units : (k + 1) * units] for k in range(4))
            c = sigmoid(f) * c + sigmoid(i) * tanh(g)
            x = sigmoid(o) * tanh(c)
            state[layer] = (x, c)
        outputs.append(x)
    return outputs


def w7_lstm(units=6, layers=2, steps=12):
    """Predicts each row of a sequence from those before it."""
    work = Work(f"W7: LSTM, {layers} layers of {units} units, {steps} steps written out")
    rng = np.random.default_rng(0)
    shapes = lstm_shapes(units, layers)
    theta = 0.4 * rng.normal(size=sum(map(math.prod, shapes)))
    sequence = rng.normal(size=(steps + 1, units))

    def compiled():
        parameters, parts = values_of(theta, shapes)
        parts = [np.array(part, dtype=object) for part in parts]
        each = np.frompyfunc
        outputs = lstm_outputs(
            sequence, parts, np.dot, each(autograd.sigmoid, 1, 1), each(autograd.tanh, 1, 1), np.zeros(units)
        )
        losses = [nn.mse(list(output), row.tolist()) for output, row in zip(outputs, sequence[1:], strict=True)]
        return compile(autograd.mean(losses), wrt=parameters)

    work.add("compile", compiled)
    if torch:
        leaf = [torch.tensor(part, requires_grad=True) for part in parts_of(theta, shapes)]
        rows = torch.tensor(sequence)

        def loss():
            outputs = lstm_outputs(
                sequence, leaf, lambda m, x: m @ torch.as_tensor(x), torch.sigmoid, torch.tanh, torch.zeros(units)
            )
            return (torch.stack(outputs) - rows[1:]).square().mean()

        add_torch(work, loss, leaf, compiles=False)
    if jax:

        def jax_loss(vector):
            parts = parts_of(vector, shapes)
            outputs = lstm_outputs(
                sequence, parts, lambda m, x: m @ x, jax.nn.sigmoid, jax.numpy.tanh, jax.numpy.zeros(units)
            )
            return ((jax.numpy.stack(outputs) - sequence[1:]) ** 2).mean()

        add_jax(work, jax_loss, theta)
    if casadi:

        def casadi_loss(t):
            outputs = lstm_outputs(
                sequence,
                casadi_parts(t, shapes),
                lambda m, x: m @ casadi.SX(x),
                lambda z: 1 / (1 + casadi.exp(-z)),
                casadi.tanh,
                casadi.SX.zeros(units),
            )
            residuals = casadi.vertcat(*[x - row for x, row in zip(outputs, sequence[1:], strict=True)])
            return casadi.sumsqr(residuals) / residuals.numel()

        add_casadi(work, theta, casadi_loss)
    return work


# W8: memory and time a row of long batches


def w8(rows):
    """W1 on random points, each number of rows against a thousand of them; then the memory that a call takes."""
    rng = np.random.default_rng(0)
    x, y = [Value(0.0), Value(0.0)], Value(0.0)
    model = nn.MLP([2, 16, 16, 1], activation="relu", seed=0)
    parameters = list(model.parameters())
    step = compile(nn.hinge(model(x), y), wrt=parameters, inputs=(x, y))
    points = rng.normal(size=(max(rows), 2))
    labels = np.where(points[:, 0] * points[:, 1] > 0, 1.0, -1.0)
    print("\nW8: rows of W1's network in one call")
    print(f"  {'rows':<16}{'ns a row':>12}{'of the first':>14}{'memory':>14}")
    first = rows[0]
    for number in rows:
        long, short = [], []
        step(points[:number], labels[:number])
        for _ in range(max(3, min(50, 2_000_000 // number))):
            long.append(seconds(step, points[:number], labels[:number]) / number)
            short.append(seconds(step, points[:first], labels[:first], 20) / first)
        ratio = statistics.median(long) / statistics.median(short)
        print(f"  {number:<16,}{statistics.median(long) * 1e9:>12.1f}{ratio:>12.2f} x{memory(number):>11.1f} MB")


def seconds(step, points, labels, repeats=1):
    start = time.perf_counter()
    for _ in range(repeats):
        step(points, labels)
    return (time.perf_counter() - start) / repeats


def memory(rows):
    """The most that a fresh program allocates in a call, in megabytes."""
    x, y = [Value(0.0), Value(0.0)], Value(0.0)
    model = nn.MLP([2, 16, 16, 1], activation="relu", seed=0)
    step = compile(nn.hinge(model(x), y), wrt=model.parameters(), inputs=(x, y))
    points, labels = np.ones((rows, 2)), np.ones(rows)
    step(points[:1], labels[:1])
    tracemalloc.start()
    step(points, labels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6
