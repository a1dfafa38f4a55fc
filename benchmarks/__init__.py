"""What the library claims about speed and memory, measured: one thread each, whatever NumPy and others would take."""

import importlib
import os
import sys
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
os.environ.setdefault("JAX_ENABLE_X64", "1")


def peer(name: str) -> Any:
    """A library, or None where it is not installed, or not asked for (`--alone`)."""
    if "--alone" in sys.argv:
        return None
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
