"""Makes a model of ONNX's own from a graph of nodes; needs the package `onnx`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...extras import missing_extra
from .onnx_graph import OUTPUTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..ir import Shape
    from .onnx_nodes import Nodes

_OPSET, _FORMAT = 18, 8  # versions of 2023, which runtimes of today read


def onnx_bytes(nodes: Nodes, input_shapes: Sequence[Shape], output_shape: Shape) -> bytes:
    """The model as a file has it.

    Args:
        nodes: the graph, which reads `x0`, `x1`, ... and gives `outputs`.
        input_shapes: the shape of a row of each of these.
        output_shape: that of a row of outputs.

    Raises:
        ImportError: `onnx` is not installed.
    """
    try:
        import onnx
        from onnx import helper, numpy_helper
    except ImportError:
        raise missing_extra("save_onnx", "onnx") from None
    batch = ["batch"] * bool(input_shapes)
    inputs = [
        helper.make_tensor_value_info(f"x{k}", nodes.kind, [*batch, *shape]) for k, shape in enumerate(input_shapes)
    ]
    outputs = [helper.make_tensor_value_info(OUTPUTS, nodes.kind, [*batch, *output_shape])]
    made = [
        helper.make_node(node.kind, node.inputs, [name], name=name, **dict(node.attributes))
        for node, name in nodes.made.items()
    ]
    read = {OUTPUTS, *(name for node in nodes.made for name in node.inputs)}  # runtimes warn of what nothing reads
    constants = [numpy_helper.from_array(array, name) for name, array in nodes.constants.items() if name in read]
    graph = helper.make_graph(made, "program", inputs, outputs, constants)
    opset = [helper.make_opsetid("", _OPSET)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=_FORMAT, producer_name="autograd")
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString()
    return content
