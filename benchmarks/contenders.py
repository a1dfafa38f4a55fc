"""What the benchmarks of compiled graphs share: contenders that take turns, and how peers are made."""

from __future__ import annotations

import gc
import random
import statistics
import time
from itertools import pairwise

import numpy as np

from . import peer

SECONDS = 2.0  # of measuring, for each contender


torch, jax, casadi = peer("torch"), peer("jax"), peer("casadi")
if torch:
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)


def flat(gradient):
    """A gradient in parts as one vector."""
    return np.concatenate([np.asarray(part).ravel() for part in gradient]) if isinstance(gradient, list) else gradient


class Work:
    """One task: contenders by name, each a function without arguments that gives (loss, gradient)."""

    def __init__(self, name):
        self.name = name
        self.contenders = {}
        self.flatten = {}
        self.compile_times = {}

    def add(self, name, make, flatten=flat):
        """Makes a contender and runs it once, which together count as its time to compile.

        `flatten` puts its gradient into the order of the parameters; that is not part of its time.
        """
        start = time.perf_counter()
        step = make()
        step()
        self.compile_times[name] = time.perf_counter() - start
        self.contenders[name] = step
        self.flatten[name] = flatten

    def check(self):
        """All contenders agree on loss and gradient."""
        value, gradient = self.contenders["compile"]()
        for name, step in self.contenders.items():
            loss, other = step()
            np.testing.assert_allclose(float(loss), value, rtol=1e-9, err_msg=name)
            np.testing.assert_allclose(self.flatten[name](other), gradient, rtol=1e-7, atol=1e-9, err_msg=name)

    def measure(self):
        """Median time of a step of each contender, in microseconds. They take turns, in an order that changes."""
        repeats = {}
        for name, step in self.contenders.items():
            start = time.perf_counter()
            step()
            repeats[name] = max(1, min(1000, int(0.002 / (time.perf_counter() - start))))
        times = {name: [] for name in self.contenders}
        gc.collect()
        gc.disable()
        stop = time.perf_counter() + SECONDS * len(self.contenders)
        turns = list(self.contenders.items())
        shuffle = random.Random(0).shuffle
        while time.perf_counter() < stop or len(times["compile"]) < 5:
            shuffle(turns)
            for name, step in turns:
                count = repeats[name]
                if count > 1:
                    step()  # fills the caches, which another contender has left with its own data
                start = time.perf_counter()
                for _ in range(count):
                    step()
                times[name].append((time.perf_counter() - start) / count * 1e6)
        gc.enable()
        return {name: statistics.median(each) for name, each in times.items()}

    def report(self):
        """Prints the table."""
        self.check()
        medians = self.measure()
        print(f"\n{self.name}")
        print(f"  {'':<16}{'us a step':>12}{'compile is':>14}{'to compile':>14}")
        for name, median in medians.items():
            ratio = f"{medians['compile'] / median:.3f} x"
            print(f"  {name:<16}{median:>12.2f}{ratio:>14}{self.compile_times[name]:>12.3f} s")


def add_torch(work, loss, parameters, flatten=flat, compiles=True):
    """PyTorch with and without torch.compile."""
    if not torch:
        return

    def stepping(function):
        def step():
            value = function()
            return value.detach(), list(torch.autograd.grad(value, parameters))

        return step

    work.add("torch eager", lambda: stepping(loss), flatten)
    if compiles:
        try:
            work.add("torch.compile", lambda: stepping(torch.compile(loss)), flatten)
        except Exception as error:  # it needs a C++ compiler
            print(f"torch.compile is left out: {type(error).__name__}")


def add_jax(work, loss, theta):
    if jax:
        function = jax.jit(jax.value_and_grad(loss))
        vector = jax.numpy.asarray(theta)

        def step():
            value, gradient = function(vector)
            return value, gradient.block_until_ready()

        work.add("jax.jit", lambda: step)


def layers_of(theta, sizes):
    """Weights and biases of a network whose neurons' parameters follow each other, as micrograd has them."""
    layers, start = [], 0
    for width, number in pairwise(sizes):
        block = theta[start : start + number * (width + 1)].reshape(number, width + 1)
        layers.append(block)
        start += number * (width + 1)
    return layers
