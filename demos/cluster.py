"""One network trained on one process, on four simulated devices, and on two processes with two devices each.

    python -m demos.cluster                      # all three on this machine's processor, compared
    python -m demos.cluster --processes 1        # on whatever devices this machine has: CPU, GPU or TPU
    python -m demos.cluster --processes 2 --process 0 --coordinator 10.0.0.1:1234    # on each of two machines, as its
    python -m demos.cluster --processes 2 --process 1 --coordinator 10.0.0.1:1234    # first and its second process

The graph of one observation becomes a function for JAX. Its rows are sharded over all devices, its parameters are on
each of them, and one all-reduce in every step adds up loss and gradient. The weights agree but for the order in which
rows are added up. Needs the extra "jax".
"""

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import nn
from autograd import Value, compile
from autograd.compiler.program import Compiled
from autograd.compiler.requests import require_extra

from .command_line import parsed_with_folder, positive


class Setting(NamedTuple):
    """Processes with as many simulated devices each."""

    name: str
    processes: int
    devices: int


SETTINGS = (
    Setting("one process", 1, 1),
    Setting("one process, four devices", 1, 4),
    Setting("two processes, two devices each", 2, 2),
)


def program(seed: int, dtype: str) -> Compiled:
    """The loss of a network with two hidden layers, for one point and whether it is inside."""
    model = nn.MLP([2, 16, 16, 1], activation="tanh", seed=seed)
    point, inside = [Value(0.0), Value(0.0)], Value(0.0)
    loss = nn.binary_cross_entropy_with_logits(model(point), [inside])
    return compile(loss, wrt=list(model.parameters()), inputs=(point, inside), dtype=dtype)


def rows(number: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of the plane, and 1 for those inside a circle."""
    points = np.random.default_rng(seed).normal(size=(number, 2))
    return points, (np.hypot(*points.T) < 1.1).astype(float)


def train(step: Compiled, data: Sequence[np.ndarray], steps: int, learning_rate: float) -> dict[str, Any]:
    """Gradient descent over all devices of all processes, each of which gives its own rows."""
    import jax
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    mesh = Mesh(np.array(jax.devices()), ["rows"])
    everywhere, by_rows = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in ([], ["rows"]))
    arrays = [jax.make_array_from_process_local_data(by_rows, array.astype(step.theta.dtype)) for array in data]
    theta = jax.make_array_from_process_local_data(everywhere, step.theta.copy())
    function = step.to_jax()

    @jax.jit
    def descend(theta: jax.Array, *arrays: jax.Array) -> tuple[jax.Array, jax.Array]:
        """All steps in one call: small ones are over before Python has asked for the next."""

        def update(theta: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
            loss, gradient = function(theta, *arrays)
            return theta - learning_rate * gradient, loss

        return jax.lax.scan(update, theta, length=steps)

    compiled = descend.lower(theta, *arrays).compile()
    theta, losses = compiled(theta, *arrays)
    return {
        "theta": np.asarray(theta).tolist(),
        "loss": float(losses[-1]),
        "devices": jax.device_count(),
        "platform": jax.default_backend(),
        "all-reduces": len(re.findall(r" all-reduce(?:-start)?\(", compiled.as_text())),
    }


def take_part(chosen: argparse.Namespace) -> dict[str, Any]:
    """This process's part of the training. All of them end with the same weights."""
    import jax

    jax.config.update("jax_enable_x64", chosen.dtype == "float64")
    if chosen.processes > 1:
        jax.config.update("jax_cpu_collectives_implementation", "gloo")  # where the devices are processors
        jax.distributed.initialize(chosen.coordinator, chosen.processes, chosen.process)
    own = slice(chosen.process, None, chosen.processes)
    data = [array[own] for array in rows(chosen.rows, chosen.seed)]
    return train(program(chosen.seed, chosen.dtype), data, chosen.steps, chosen.learning_rate)


def launched(setting: Setting, arguments: Sequence[str]) -> dict[str, Any]:
    """What the first process of a setting reports."""
    variables = {
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={setting.devices}",
    }
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        server.close()  # so that the port is free for the first process
        report = Path(folder, "report.json")
        each = [sys.executable, "-m", "demos.cluster", *arguments, "--processes", str(setting.processes)]
        each += ["--coordinator", address, "--report", str(report)]
        processes = [
            subprocess.Popen([*each, "--process", str(i)], env=os.environ | variables, stdout=subprocess.DEVNULL)
            for i in range(setting.processes)
        ]
        try:
            failed = [process.wait(timeout=600) for process in processes]
        finally:
            for process in processes:
                process.kill()
        if any(failed):
            raise RuntimeError(f"the training on {setting.name} failed")
        return dict(json.loads(report.read_text(encoding="utf-8")))


def table(reports: dict[str, dict[str, Any]], dtype: str) -> str:
    """How much the weights of each setting differ from those of the first."""
    first = np.array(next(iter(reports.values()))["theta"])
    unit = float(np.spacing(np.abs(first).max().astype(dtype)))
    lines = [f"{'':<32}{'devices':>8}{'all-reduces a step':>20}{'loss':>20}{'largest difference of a weight':>38}"]
    for name, report in reports.items():
        difference = np.abs(np.array(report["theta"]) - first).max()
        apart = f"{difference:.1e} = {difference / unit:.0f} units in the last place" if difference else "none"
        lines.append(f"{name:<32}{report['devices']:>8}{report['all-reduces']:>20}{report['loss']:>20.15f}{apart:>38}")
    return "\n".join(lines)


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m demos.cluster", description=(__doc__ or "").splitlines()[0])
    for name, default in (("steps", 200), ("rows", 1024)):
        parser.add_argument(f"--{name}", type=positive(int), default=default, help=f"default {default}")
    parser.add_argument("--learning-rate", type=positive(float), default=0.5, help="default 0.5")
    parser.add_argument("--seed", type=int, default=0, help="of the weights and the points (default 0)")
    parser.add_argument("--dtype", choices=["float64", "float32"], default="float64", help="default float64")
    parser.add_argument("--processes", type=positive(int), help="train once, on real devices, with so many processes")
    parser.add_argument("--process", type=int, default=0, help="the number of this one, from 0")
    parser.add_argument("--coordinator", help="address and port of process 0, which all machines reach")
    parser.add_argument("--report", type=Path, help=argparse.SUPPRESS)
    return parsed_with_folder(parser, arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains, in all settings or as one process of a cluster, and prints the table."""
    chosen = options(arguments)
    require_extra("jax", "demos.cluster")
    if chosen.processes is None:
        shared = ["steps", "rows", "learning_rate", "seed", "dtype", "out"]
        given = [text for name in shared for text in (f"--{name.replace('_', '-')}", str(getattr(chosen, name)))]
        print(table({setting.name: launched(setting, given) for setting in SETTINGS}, chosen.dtype))
        return
    report = take_part(chosen)
    if chosen.report and chosen.process == 0:
        chosen.report.write_text(json.dumps(report), encoding="utf-8")
    print(table({f"{chosen.processes} processes on {report['platform']}": report}, chosen.dtype))


if __name__ == "__main__":
    main()
