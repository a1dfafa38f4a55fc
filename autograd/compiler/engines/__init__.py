"""One engine per language: what lies where is decided as data first, then spelled out.

`places` decides for engines that compute arrays into buffers, `scalars` for engines that compute one number at a time,
and `loops` for languages in which a loop costs nothing; `fusion` and `arena` see to it that these need little memory.
An engine is a table of spellings and a writer without state: `numpy_text`, `float_text`, `javascript_module` and
`c_module`. What JavaScript and C lack of the library's arithmetic is in `primitives.js` and `primitives.c`.

ONNX is a graph itself: `onnx_graph` turns instructions into nodes, by formulas over the number system `onnx_numbers`.
"""
