"""Children of a process whose threads are in the middle of calls: they must neither hang nor compute anything else."""

import os
import subprocess
import sys

import pytest

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")

CHILDREN = 8

SCRIPT = """
import os, signal, threading
import numpy as np
import autograd
from autograd import Value, compile

{setting}
rows = np.random.default_rng(0).normal(size=({rows}, len(x)))
expected, stop = step(rows), threading.Event()

def work():
    while not stop.is_set():
        step(rows)
        others.pop()(rows) if others else None  # makes its kernel

threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.start()
for _ in range({children}):
    child = os.fork()
    if not child:
        signal.alarm(30)  # ends the child if it hangs
        value, gradient = step(rows)
        os._exit(bool(value != expected[0] or (gradient != expected[1]).any() or step(rows[:2])[0] is None))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
stop.set()
"""


def assert_children_compute(setting, rows):
    """Forks while threads run `step` of the setting, which has inputs x, and run each of its `others` once."""
    script = SCRIPT.format(setting=setting, rows=rows, children=CHILDREN)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.split() == ["0"] * CHILDREN
