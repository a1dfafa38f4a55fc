"""Runs exported modules: those of JavaScript in one process of node, those of C as one library that gcc makes."""

import ctypes
import json
import math
import shutil
import subprocess

import numpy as np
import pytest

STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion", "-Wshadow"]

LANGUAGES = [
    pytest.param("js", marks=pytest.mark.skipif(shutil.which("node") is None, reason="needs node")),
    pytest.param("c", marks=pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")),
]

SHOWN = """
const shown = (x) =>
  typeof x === "number" ? String(Object.is(x, -0) ? "-0" : x)
  : ArrayBuffer.isView(x) || Array.isArray(x) ? Array.from(x, shown)
  : Object.fromEntries(Object.entries(x).map(([key, each]) => [key, shown(each)]));
"""


def on_node(script):
    """What a script in JavaScript prints as JSON."""
    done = subprocess.run(
        ["node", "--input-type=module", "-"], input=script, capture_output=True, text=True, timeout=300
    )
    assert not done.returncode, done.stderr[-2000:]
    return json.loads(done.stdout)


def literal(numbers):
    """Numbers in nested lists as JavaScript."""
    if isinstance(numbers, list):
        return f"[{', '.join(map(literal, numbers))}]"
    if math.isfinite(numbers):
        return repr(numbers)
    return "NaN" if numbers != numbers else "Infinity" if numbers > 0 else "-Infinity"


def results(language, programs, calls, folder, flags=("-O1",)):
    """What exported programs give.

    Args:
        language: "js" or "c".
        programs: the compiled programs.
        calls: per program pairs of the parameters and the list of arrays that it is called with.
        folder: where to write.
        flags: more for gcc.

    Returns:
        Per program and call (value, gradient), or the outputs.
    """
    for i, program in enumerate(programs):
        program.save_source(folder / f"case{i}.{language}")
    run = _in_javascript if language == "js" else _in_c
    return run(programs, calls, folder, flags)


def _in_javascript(programs, calls, folder, flags):
    lines = [SHOWN, "const found = [];"]
    for i, (program, given) in enumerate(zip(programs, calls, strict=True)):
        lines += [f"import * as m{i} from {json.dumps(str(folder / f'case{i}.js'))};", "found.push([]);"]
        name = "predict" if gives_outputs(program) else "step"
        for theta, arrays in given:
            if len(theta):
                lines.append(f"m{i}.theta.set({literal(np.asarray(theta, float).tolist())});")
            rows = ", ".join([literal(np.asarray(array, float).tolist()) for array in arrays])
            lines.append(f"found.at(-1).push(shown(m{i}.{name}({rows})));")
    found = on_node("\n".join([*lines, "console.log(JSON.stringify(found));"]))
    return [
        [
            (float(each["value"]), np.array(each["gradient"], float))
            if isinstance(each, dict)
            else np.array(each, float)
            for each in part
        ]
        for part in found
    ]


def gives_outputs(program):
    """Whether a program has no gradient."""
    return not program._gives_gradient


def _in_c(programs, calls, folder, flags):
    sources = [str(folder / f"case{i}.c") for i in range(len(programs))]
    library = folder / "cases.so"
    subprocess.run(["gcc", *STRICT, *flags, "-shared", "-fPIC", "-o", str(library), *sources, "-lm"], check=True)
    loaded = ctypes.CDLL(str(library))
    return [
        [_called(loaded, f"case{i}", program, *each) for each in given]
        for i, (program, given) in enumerate(zip(programs, calls, strict=True))
    ]


def _called(library, name, program, theta, arrays):
    """One call. What it writes to is filled with something else before."""
    dtype = program.theta.dtype
    kind = ctypes.c_double if dtype == np.float64 else ctypes.c_float
    if len(theta):
        (kind * len(theta)).in_dll(library, f"{name}_theta")[:] = np.asarray(theta, dtype).tolist()
    held = [np.ascontiguousarray(array, dtype) for array in arrays]
    arguments = [array.ctypes.data_as(ctypes.c_void_p) for array in held]
    arguments += [ctypes.c_size_t(len(held[0]))] if held else []
    if gives_outputs(program):
        out = np.full(([len(held[0])] if held else []) + list(program._output_shape), 77.0, dtype)
        library[f"{name}_predict"](*arguments, out.ctypes.data_as(ctypes.c_void_p))
        return out
    gradient = np.full(len(program.theta), 77.0, dtype)
    function = library[f"{name}_step"]
    function.restype = kind
    value = function(*arguments, gradient.ctypes.data_as(ctypes.c_void_p))
    return value, gradient
