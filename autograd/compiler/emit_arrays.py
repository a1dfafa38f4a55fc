"""The eighth pass, for arrays: NumPy text that allocates its buffers once and computes into them."""

from __future__ import annotations

import math
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import ops
from ..ops import Operation
from .buffers import Buffer, Buffers
from .differentiate import elements
from .ir import Contribution, Instruction, Program, View, contiguous, looked_at, tuple_text, whole
from .lower import HELPERS, UFUNCS, function_text
from .products import Form, Product

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_INDENT = "    "
_QUIET = '@np.errstate(all="ignore")'  # as Values: nan and infinity are results like others
_COPIED = 4096  # gradients up to this size are computed in a buffer and copied, which is faster than new views
_VARIABLES = 200  # of one kind that get a name of their own
_PRINTED = 6  # arrays of constants up to this size stand in the text

_PREFIX = {"contract": "z", "map": "h", "rows": "r", "take": "t", "copy": "t", "join": "j", "assemble": "g"}
_ROW_FUNCTIONS = {"prod": "np.prod", "max": "np.max", "min": "np.min"}
_OPERATORS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}


class ArrayText:
    """The text of a program, and what it needs besides.

    Attributes:
        source: defines `prepare(theta, constants, operations, batch, scale)`, which allocates the buffers for a batch
            and gives the function to call.
        constants: arrays of numbers that the text refers to.
        operations: operations of the user's own that the text refers to, because they can only be asked for numbers.
        statements: the number of NumPy calls.
    """

    def __init__(self, program: Program, arguments: int) -> None:
        writer = _Writer(program, arguments)
        self.source = writer.source()
        self.constants = writer.constants
        self.operations = writer.operations
        self.statements = len(writer.body)


class _Writer:
    """Writes each instruction as a line of setup, a statement, or both.

    Attributes:
        program: what is written.
        arguments: how many arrays the program takes.
        imports: NumPy's functions that the statements call.
        setup: lines that are done once for a size of the batch: buffers, constants, and views of them.
        start: lines at the start of a call: views of the arguments, and gradients that are new in every call.
        body: the statements.
        constants: arrays of numbers that are too long for the text.
        operations: operations of the user's own.
        name: of each instruction's array; an expression, where it is a number.
        dynamic: names of arrays that are others in every call, so that views of them are made in the call.
        static: the names of expressions that are computed once.
        count: how many names begin with each prefix.
        uses: the instructions that each one is an operand of.
        buffers: which arrays are free to compute into.
        first: contributions, by number, that are the first to where they belong in an assembled array.
        destined: instructions that compute right where their contribution belongs.
        strided: those of them where that place is not contiguous.
        exponentials: what logsumexp and softmax of an array have in common.
    """

    def __init__(self, program: Program, arguments: int) -> None:
        self.program = program
        self.arguments = arguments
        self.imports: set[str] = set()
        self.setup: list[str] = []
        self.start: list[str] = []
        self.body: list[str] = []
        self.constants: list[np.ndarray] = []
        self.operations: list[Operation | Contribution] = []
        self.name: dict[Instruction, str] = {}
        self.dynamic: set[str] = {f"x{k}" for k in range(arguments)}
        self.static: dict[str, str] = {}
        self.count: dict[str, int] = {}
        self.uses = self._uses()
        self.buffers = Buffers(program, self._returned_arrays())
        self.first: set[tuple[Instruction, int]] = set()
        self.destined: set[Instruction] = set()
        self.strided: set[Instruction] = set()
        self.exponentials: dict[Instruction, str] = {}
        for instruction in program.instructions:
            if instruction.op == "assemble":
                self._prepare_assemble(instruction)
        for instruction in program.instructions:
            getattr(self, f"_write_{instruction.op}")(instruction)
            self.buffers.release(instruction)

    # What is used where

    def _uses(self) -> dict[Instruction, list[Instruction]]:
        uses: dict[Instruction, list[Instruction]] = {instruction: [] for instruction in self.program.instructions}
        for instruction in self.program.instructions:
            for operand in instruction.operands:
                uses[operand].append(instruction)
        return uses

    def _returned_arrays(self) -> list[Instruction]:
        """What the return statement reads."""
        read: list[Instruction] = []
        for output in self.program.outputs:
            read += output.operands if self._is_scalar_result(output) else [output]
        return read

    # Names, buffers, constants

    def _numpy(self, function: str) -> str:
        """The name of a function of NumPy's, imported once instead of looked up in every call."""
        self.imports.add(function)
        return function

    def _copy_to(self, target: str, text: str) -> None:
        self.body.append(f"{self._numpy('copyto')}({target}, {text})")

    def _fresh(self, prefix: str) -> str:
        """A new name. Those of long programs are in dicts: Python compiles very many variables in quadratic time."""
        number = self.count.get(prefix, 0)
        self.count[prefix] = number + 1
        if number >= _VARIABLES:
            return f"{prefix}[{number}]"
        return f"{prefix}{number}"

    def _static(self, expression: str, prefix: str = "m") -> str:
        """A name for a view that is made once."""
        if expression not in self.static:
            self.static[expression] = self._fresh(prefix)
            self.setup.append(f"{self.static[expression]} = {expression}")
        return self.static[expression]

    def _shape(self, instruction: Instruction) -> str:
        return tuple_text([*(["batch"] if instruction.batched else []), *map(str, instruction.shape)])

    def _buffer(self, instruction: Instruction) -> str:
        """The name of the array to compute into: a part of a gradient, a buffer that is free again, or a new one."""
        if instruction in self.name:
            return self.name[instruction]
        if instruction.op == "map":
            self.buffers.release(instruction)  # NumPy computes into an operand element by element, and only so
        buffer = self.buffers.taken(instruction)
        shape = self._shape(instruction)
        if buffer is None:
            name = self._fresh(_PREFIX.get(instruction.op, "s"))
            self.setup.append(f"{name} = np.empty({shape}, dtype)")
            self.buffers.hold(instruction, Buffer(name, instruction.shape))
        elif buffer.shape == instruction.shape:
            name = buffer.name
        else:
            name = self._static(f"{buffer.name}.reshape({shape})")
        self.name[instruction] = name
        return name

    def _is_dynamic(self, instruction: Instruction) -> bool:
        return self.name[looked_at(instruction)[0]] in self.dynamic

    def _text(self, instruction: Instruction) -> str:
        return self.name[instruction]

    # Leaves

    def _write_theta(self, instruction: Instruction) -> None:
        self.name[instruction] = "theta"

    def _write_input(self, instruction: Instruction) -> None:
        self.name[instruction] = f"x{instruction.data}"

    def _write_literal(self, instruction: Instruction) -> None:
        if instruction.is_number:
            self.name[instruction] = _number(instruction.data)
            return
        self.name[instruction] = name = self._fresh("c")
        if instruction.size <= _PRINTED:
            numbers = ", ".join(map(_number, instruction.data.ravel().tolist()))
            reshaped = "" if instruction.data.ndim == 1 else f".reshape({tuple_text(map(str, instruction.shape))})"
            self.setup.append(f"{name} = np.array([{numbers}], dtype){reshaped}")
            return
        shape = " x ".join(map(str, instruction.shape))
        self.setup.append(f"{name} = constants[{len(self.constants)}]  # {shape}")
        self.constants.append(instruction.data)

    def _write_symbol(self, instruction: Instruction) -> None:
        self.name[instruction] = instruction.data

    def _write_fill(self, instruction: Instruction) -> None:
        self.name[instruction] = name = self._fresh("f")
        number = self._text(instruction.operands[0])
        self.setup.append(f"{name} = np.full({self._shape(instruction)}, {number}, dtype)")

    # Views

    def _write_view(self, instruction: Instruction) -> None:
        base = instruction.operands[0]
        expression = view_text(self._text(base), base, instruction.data)
        if self._is_dynamic(instruction):
            self.name[instruction] = name = self._fresh("v")
            self.dynamic.add(name)
            lines = self.start if base.op == "input" else self.body
            lines.append(f"{name} = {expression}")
        else:
            self.name[instruction] = self._static(expression, "w" if base.op == "theta" else "v")

    # Element by element

    def _write_map(self, instruction: Instruction) -> None:
        operands = [self._text(operand) for operand in instruction.operands]
        operation = instruction.data
        if instruction.is_number:
            self._write_number(instruction, operands)
        elif self._is_scalar_result(instruction):
            terms = [self._text(x) if x.is_number else f"float({self._text(x)})" for x in instruction.operands]
            self.name[instruction] = f" {_OPERATORS[UFUNCS[operation]]} ".join(terms)
        elif operation == "softmaxes":
            self.name[instruction] = name = self._fresh("p")
            self.body.append(f"{name} = softmaxes([{', '.join(operands)}])")
        elif operation in UFUNCS:
            out = self._buffer(instruction)
            self.body.append(f"{self._numpy(UFUNCS[operation])}({', '.join(operands)}, out={out})")
        else:
            function = function_text(operation, HELPERS, self.operations)
            arguments = ", ".join(operands)
            if function == "logsumexps":
                arguments = f"[{arguments}]"
            self._copy_to(self._buffer(instruction), f"{function}({arguments})")

    def _is_scalar_result(self, instruction: Instruction) -> bool:
        """Whether this only combines two numbers into the first result, which Python does faster than NumPy's call."""
        if instruction is not self.program.outputs[0] or self.uses[instruction] or instruction.op != "map":
            return False
        is_plain = UFUNCS.get(instruction.data) in _OPERATORS and instruction.data is not ops.div  # which raises at 0
        return is_plain and not (instruction.shape or instruction.batched)

    def _write_number(self, instruction: Instruction, operands: Sequence[str]) -> None:
        """A number that follows from the size of the batch."""
        ufunc = UFUNCS.get(instruction.data, "")
        if ufunc in _OPERATORS and ufunc != "divide":
            expression = f" {_OPERATORS[ufunc]} ".join(operands)
        elif ufunc == "negative":
            expression = f"-{operands[0]}"
        else:
            function = f"np.{ufunc}" if ufunc else function_text(instruction.data, HELPERS, self.operations)
            expression = f"float({function}({', '.join(operands)}))"
        self.name[instruction] = self._static(expression, "n")

    def _write_pick(self, instruction: Instruction) -> None:
        [shares] = instruction.operands
        self._copy_to(self._buffer(instruction), f"{self._text(shares)}[{instruction.data}]")

    # Along an axis

    def _write_rows(self, instruction: Instruction) -> None:
        operands = ", ".join(self._text(operand) for operand in instruction.operands)
        function = instruction.data
        if function in ("logsumexp", "softmax"):
            common = self._common(instruction.operands[0])
            self.body.append(f"{function}({common}, {self._buffer(instruction)})")
        elif function in _ROW_FUNCTIONS:
            self.body.append(f"{_ROW_FUNCTIONS[function]}({operands}, axis=-1, out={self._buffer(instruction)})")
        else:
            self._copy_to(self._buffer(instruction), f"{function}({operands})")

    def _common(self, x: Instruction) -> str:
        """What logsumexp, its gradient and softmax compute in common."""
        if x not in self.exponentials:
            self.exponentials[x] = name = self._fresh("e")
            width = x.shape[-1]
            size = f"batch * {x.size}" if x.batched else str(x.size)
            starts = self._static(f"np.arange(0, {size}, {width})", "starts")
            ones = self._static(f"np.ones({width}, dtype)", "ones")
            self.body.append(f"{name} = exponentials({self._text(x)}, {starts}, {ones})")
        return self.exponentials[x]

    def _write_total(self, instruction: Instruction) -> None:
        """A product with ones is the fastest way to add up rows."""
        [x] = instruction.operands
        ones = self._static(f"np.ones({x.shape[-1]}, dtype)", "ones")
        is_stack = x.batched + len(x.shape) > 2
        function = self._numpy("matmul") if is_stack or instruction in self.strided else "dot"
        self._multiply(function, self._text(x), ones, self._buffer(instruction))

    def _write_rows_total(self, instruction: Instruction) -> None:
        [x] = instruction.operands
        ones = self._static("np.ones(batch, dtype)", "ones")
        _, view = looked_at(x)
        flat, out = self._text(x), self._buffer(instruction)
        if len(x.shape) > 1:
            if view != whole(x.shape):
                self.body.append(f"{self._numpy('add')}.reduce({flat}, axis=0, out={out})")
                return
            flat = self._static(f"{self._text(x)}.reshape(batch, {x.size})")
            out = self._static(f"{out}.reshape({x.size})")
        self._multiply(self._numpy("matmul") if instruction in self.strided else "dot", ones, flat, out)

    def _write_take(self, instruction: Instruction) -> None:
        [base] = instruction.operands
        index = self._index(instruction.data)
        flat = self._flat(base)
        axis = ", axis=1" if base.batched else ""
        self.body.append(f'{self._numpy("take")}({flat}, {index}{axis}, out={self._buffer(instruction)}, mode="clip")')

    def _index(self, numbers: np.ndarray) -> str:
        """The name of an array of element numbers."""
        for i, constant in enumerate(self.constants):
            if constant.dtype == numbers.dtype and np.array_equal(constant, numbers):
                return self._static(f"constants[{i}]", "i")
        self.constants.append(numbers)
        return self._static(f"constants[{len(self.constants) - 1}]", "i")

    def _flat(self, base: Instruction) -> str:
        """A look at an array in which its elements are numbered."""
        if len(base.shape) == 1:
            return self._text(base)
        rows = "batch, " if base.batched else ""
        expression = f"{self._text(base)}.reshape({rows}{base.size})"
        return expression if self._is_dynamic(base) else self._static(expression)

    def _write_copy(self, instruction: Instruction) -> None:
        self._copy_to(self._buffer(instruction), self._text(instruction.operands[0]))

    def _write_join(self, instruction: Instruction) -> None:
        out = self._buffer(instruction)
        start = 0
        for operand in instruction.operands:
            stop = start + operand.shape[-1]
            part = self._static(f"{out}[..., {start}:{stop}]")
            self._copy_to(part, self._text(operand))
            start = stop

    # Products

    def _write_contract(self, instruction: Instruction) -> None:
        x, y = instruction.operands
        product = Product(instruction)
        if product.swapped:
            x, y = y, x
        left = self._matrix(x, product.left)
        right = self._matrix(y, product.right)
        out = self._buffer(instruction)
        result = product.result.text(out)
        if result != out:
            result = result if out in self.dynamic else self._static(result)
        self._multiply(self._multiplication(instruction, product), left, right, result)

    def _multiply(self, function: str, left: str, right: str, out: str) -> None:
        """The method `dot` is called faster than the function."""
        if function == "dot":
            self.body.append(f"{left}.dot({right}, out={out})")
        else:
            self.body.append(f"{function}({left}, {right}, out={out})")

    def _matrix(self, instruction: Instruction, form: Form) -> str:
        expression = form.text(self._text(instruction))
        if expression == self._text(instruction) or self._is_dynamic(instruction) or form.copies:
            return expression
        return self._static(expression)

    def _multiplication(self, contract: Instruction, product: Product) -> str:
        """The fastest function: `dot` where it can be used, multiplication with broadcasting where nothing is summed.

        `dot` knows no stacks and computes into contiguous arrays only. Where a factor is a single number, it takes 0
        times infinity for 0.
        """
        if product.is_stack or contract in self.strided:
            return self._numpy("multiply" if product.is_outer else "matmul")
        is_outer = product.is_outer or (product.contracted == "b" and product.is_matrix)
        numbers = [factor for factor in contract.operands if factor.size == 1]
        if not numbers:
            return "dot"
        single = self._numpy("multiply" if is_outer else "matmul")
        if all(factor.batched for factor in numbers):
            return self._static(f"{single} if batch == 1 else {self._numpy('dot')}", "product")
        return single

    # Gradients and results

    def _prepare_assemble(self, instruction: Instruction) -> None:
        """Makes the array, and lets contributions be computed right where they belong.

        A large gradient is a new array in every call, so that it need not be copied.
        """
        name = self.name[instruction] = self._fresh("g")
        allocation = f"{name} = np.empty({self._shape(instruction)}, dtype)"
        if instruction in self.program.outputs and not instruction.batched and instruction.size > _COPIED:
            self.dynamic.add(name)
            self.start.append(allocation)
        else:
            self.setup.append(allocation)
        covered = np.zeros(instruction.size, dtype=bool)
        for i, (place, part) in enumerate(zip(instruction.data, instruction.operands, strict=True)):
            numbers = _numbers(place, instruction)
            if covered[numbers].any() or (isinstance(place, np.ndarray) and np.unique(place).size < place.size):
                continue
            covered[numbers] = True
            self.first.add((instruction, i))  # by number: one part may come twice
            if isinstance(place, View) and self._can_be_computed_in(instruction, place, part):
                self._destine(instruction, place, part)
        if not covered.all():
            self.start.append(f"{name}.fill(0.0)")

    def _can_be_computed_in(self, assemble: Instruction, place: View, part: Instruction) -> bool:
        if self.uses[part] != [assemble] or part.batched != assemble.batched or part.is_number:
            return False
        if part.op == "contract" and _is_strided(assemble, place):
            return Product(part).result.same_axes
        if part.op == "rows_total":
            return len(part.shape) < 2
        return part.op in ("contract", "map", "total")

    def _destine(self, assemble: Instruction, place: View, part: Instruction) -> None:
        """The part's array is the place where it belongs."""
        self.destined.add(part)
        if _is_strided(assemble, place):
            self.strided.add(part)
        name = self.name[assemble]
        expression = view_text(name, assemble, place)
        if name not in self.dynamic:
            self.name[part] = self._static(expression)
            return
        self.name[part] = view = self._fresh("v")
        self.dynamic.add(view)
        self.start.append(f"{view} = {expression}")

    def _write_assemble(self, instruction: Instruction) -> None:
        out = self.name[instruction]
        parts = list(zip(instruction.data, instruction.operands, strict=True))
        first = [parts[i] for i in range(len(parts)) if (instruction, i) in self.first]
        later = [parts[i] for i in range(len(parts)) if (instruction, i) not in self.first]
        for place, part in first:
            if part not in self.destined:
                self._put(instruction, out, place, part, adds=False)
        for place, part in later:
            self._put(instruction, out, place, part, adds=True)

    def _put(self, base: Instruction, out: str, place: Any, part: Instruction, adds: bool) -> None:
        """Writes or adds a contribution where it belongs."""
        text = self._text(part)
        if isinstance(place, np.ndarray):
            self._put_by_number(base, place, part, adds)
            return
        if place is not None:
            expression = view_text(out, base, place)
            target = expression if out in self.dynamic else self._static(expression)
        else:
            target = out
        if adds and out in self.dynamic and target != out:
            name = self._fresh("v")
            self.body.append(f"{name} = {target}")
            target = name
        if adds:
            self.body.append(f"{self._numpy('add')}({target}, {text}, out={target})")
        else:
            self._copy_to(target, text)

    def _put_by_number(self, base: Instruction, place: np.ndarray, part: Instruction, adds: bool) -> None:
        flat = self._flat(base)
        text = self._text(part)
        rows = "batch, " if part.batched else ""
        if len(part.shape) != 1 and not part.is_number:
            text = f"{text}.reshape({rows}{part.size})"
            copies = looked_at(part)[1].strides != contiguous(part.shape)  # and a copy made now would not change later
            if not copies and not self._is_dynamic(part):
                text = self._static(text)
        index = self._index(place.ravel())
        if np.unique(place).size == place.size:
            self.body.append(f"{flat}[..., {index}] {'+=' if adds else '='} {text}")
            return
        if part.is_number or part.batched < base.batched:
            text = f"np.broadcast_to({text}, {'(batch, ' if base.batched else '('}{place.size},))"
        if base.batched:
            index = self._static(f"(np.arange(batch)[:, None] * {base.size} + {index}).ravel()", "i")
        self.body.append(f"add_by_number({flat}, {text}, {index})")

    # The whole text

    def source(self) -> str:
        """The module text."""
        arguments = ", ".join(f"x{k}" for k in range(self.arguments))
        results = ", ".join(self._returned(output) for output in self.program.outputs)
        step = [_QUIET, f"def program({arguments}):", *_indented([*self.start, *self.body, f"return {results}"])]
        imports = [f"from numpy import {', '.join(sorted(self.imports))}", ""] if self.imports else []
        dicts = [f"{prefix} = {{}}" for prefix, number in self.count.items() if number > _VARIABLES]
        setup = [*imports, "dtype = theta.dtype", *dicts, *self.setup, "", *step, "", "return program"]
        lines = [_QUIET, "def prepare(theta, constants, operations, batch, scale):", *_indented(setup)]
        return "\n".join(lines) + "\n"

    def _returned(self, output: Instruction) -> str:
        text = self._text(output)
        if text in self.dynamic and output.op == "assemble":
            return text
        if output.is_number or not (output.shape or output.batched):
            return text if self._is_scalar_result(output) else f"float({text})"
        return f"{text}.copy()"


def _indented(lines: Iterable[str]) -> list[str]:
    return [_INDENT + line if line else "" for line in lines]


def _number(x: float) -> str:
    return repr(x) if math.isfinite(x) else f"np.{x}" if x == x and x > 0 else "-np.inf" if x == x else "np.nan"


def _is_strided(base: Instruction, place: View) -> bool:
    """Whether the elements of a place in an array, of all rows of the batch, do not lie one after the other."""
    return place.strides != contiguous(place.shape) or (base.batched and prod(place.shape) < base.size)


def _numbers(place: Any, base: Instruction) -> np.ndarray:
    """The numbers of the elements that a contribution belongs to."""
    if place is None:
        return np.arange(base.size)
    return elements(place).ravel() if isinstance(place, View) else place.ravel()


def view_text(name: str, base: Instruction, view: View) -> str:
    """An expression for a view of an array: slices and reshapes where that is all it takes."""
    rows = ("batch",) if base.batched else ()
    flat = name if len(base.shape) == 1 else f"{name}.reshape({tuple_text([*rows, str(base.size)])})"
    comma = ":, " if base.batched else ""
    size = prod(view.shape)
    axes = sorted(range(len(view.shape)), key=lambda axis: (-view.strides[axis], axis))
    shape = tuple(view.shape[axis] for axis in axes)
    strides = tuple(view.strides[axis] for axis in axes)
    if strides == contiguous(shape):
        block = flat if size == base.size else f"{flat}[{comma}{view.offset}:{view.offset + size}]"
        if size == base.size and shape == base.shape:
            block = name
        elif len(shape) != 1:
            block = (name if size == base.size else block) + f".reshape({tuple_text([*rows, *map(str, shape)])})"
        back = [axes.index(axis) for axis in range(len(axes))]
        if back == sorted(back):
            return block
        order = [0] * len(rows) + [axis + len(rows) for axis in back]
        return f"{block}.T" if order == [1, 0] else f"{block}.transpose({', '.join(map(str, order))})"
    if len(view.shape) == 1 and view.strides[0] > 0:
        stop = view.offset + (view.shape[0] - 1) * view.strides[0] + 1
        return f"{flat}[{comma}{view.offset}:{stop}:{view.strides[0]}]"
    return f"strided({flat}, {view.offset}, {view.shape}, {view.strides})"
