"""`step.to_jax()` under `jax.jit`, against this library on NumPy and against `jax.jit` of the same loss by hand.

On every kind of device that JAX finds, in float64 and float32. The contenders compute the same loss and gradient,
checked first, and take turns within one process; medians, as ratios. Arrays are on their device before the clock runs.

    python -m benchmarks.jax_engine            # the processor's one core, and an accelerator if there is one
    python -m benchmarks.jax_engine --quick    # small batches, short turns: whether it runs at all
"""

from __future__ import annotations

import argparse
import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import statistics  # noqa: E402
import time  # noqa: E402
from typing import NamedTuple  # noqa: E402

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

import nn  # noqa: E402
from autograd import Value, compile  # noqa: E402

SIZES = {"2-16-16-1": (2, 16, 16, 1), "784-50-10": (784, 50, 10)}
BATCHES = {"2-16-16-1": (100, 100_000), "784-50-10": (32, 4096)}


class Task(NamedTuple):
    """A network for classes, its rows, and the loss as a user of JAX writes it."""

    sizes: tuple[int, ...]
    inputs: np.ndarray
    classes: np.ndarray
    theta: np.ndarray

    def program(self, dtype):
        """The library's program of the loss."""
        model = nn.MLP(list(self.sizes), activation="tanh", seed=0)
        x = [Value(0.0) for _ in range(self.sizes[0])]
        y = [Value(1.0)] + [Value(0.0) for _ in range(self.sizes[-1] - 1)]
        loss = nn.cross_entropy(model(x), y) if len(y) > 1 else nn.mse(model(x), y)
        return compile(loss, wrt=list(model.parameters()), inputs=(x, y), dtype=dtype)

    def by_hand(self, theta, inputs, classes):
        """The loss in `jax.numpy`."""
        start, h = 0, inputs
        for depth, (n, m) in enumerate(zip(self.sizes, self.sizes[1:], strict=False)):
            weights = theta[start : start + n * m].reshape(m, n)
            h = h @ weights.T + theta[start + n * m : start + n * m + m]
            h = jnp.tanh(h) if depth < len(self.sizes) - 2 else h
            start += (n + 1) * m
        if self.sizes[-1] == 1:
            return jnp.mean((h - classes) ** 2)
        return -jnp.mean(jnp.sum(classes * jax.nn.log_softmax(h), axis=-1))


def task(name, batch):
    """A network with random rows."""
    sizes = SIZES[name]
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(batch, sizes[0]))
    classes = np.eye(sizes[-1])[rng.integers(0, sizes[-1], batch)] if sizes[-1] > 1 else rng.normal(size=(batch, 1))
    theta = np.array([p.data for p in nn.MLP(list(sizes), activation="tanh", seed=0).parameters()])
    return Task(sizes, inputs, classes, theta)


def contenders(work, dtype, device):
    """Functions without arguments that give loss and gradient, when they are there."""
    step = work.program(dtype)
    rows = [work.inputs.astype(dtype), work.classes.astype(dtype)]
    given = [jax.device_put(each, device) for each in (work.theta.astype(dtype), *rows)]
    ours, theirs = jax.jit(step.to_jax()), jax.jit(jax.value_and_grad(work.by_hand))
    return {
        "to_jax": lambda: jax.block_until_ready(ours(*given)),
        "jax.jit by hand": lambda: jax.block_until_ready(theirs(*given)),
        "NumPy backend": lambda: step(*rows),
    }


def medians(steps, seconds):
    """Median seconds of each, in turns."""
    times = {name: [] for name in steps}
    stop = time.perf_counter() + seconds
    while time.perf_counter() < stop or len(times["to_jax"]) < 3:
        for name, step in steps.items():
            step()  # fills the caches, which another has left with its own data
            start = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(each) for name, each in times.items()}


def devices():
    """One device of each kind."""
    kinds = {device.platform: device for device in jax.devices("cpu")[:1] + jax.devices()[:1]}
    return list(kinds.values())


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.jax_engine")
    parser.add_argument("--quick", action="store_true", help="small batches and short turns")
    quick = parser.parse_args().quick
    jax.config.update("jax_enable_x64", True)
    print(f"{'network':<12}{'rows':>9}  {'device':<8}{'type':<10}{'to_jax':>12}{'/ jax.jit':>12}{'/ NumPy':>12}")
    for device in devices():
        for name in SIZES:
            for batch in BATCHES[name][: 1 if quick else None]:
                work = task(name, batch)
                for dtype in ("float64", "float32"):
                    steps = contenders(work, dtype, device)
                    loss, gradient = (np.asarray(each) for each in steps["jax.jit by hand"]())
                    for step in steps.values():
                        digits = 1e-10 if dtype == "float64" else 1e-2  # on accelerators products are rounded more
                        np.testing.assert_allclose(step()[0], loss, rtol=digits)
                        np.testing.assert_allclose(step()[1], gradient, atol=digits * np.abs(gradient).max())
                    times = medians(steps, 0.1 if quick else 4.0)
                    by_hand, numpy = (times["to_jax"] / times[other] for other in ("jax.jit by hand", "NumPy backend"))
                    row = f"{times['to_jax'] * 1e6:>9.1f} us{by_hand:>10.3f} x{numpy:>10.3f} x"
                    print(f"{name:<12}{batch:>9,}  {device.platform:<8}{dtype:<10}{row}")


if __name__ == "__main__":
    main()
