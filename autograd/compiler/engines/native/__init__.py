"""Machine code, in two engines: for graphs that do not pack, and for what lies between the products of those that do.

1. `rules`: rewrites operations as functions of up to three numbers, and sums
2. `elementary`, `primitives`: these functions; `compilation`: numba compiles them, and what calls them; `machine_code`:
   once, and then they are loaded from a file

A tape for single numbers:

3. `sums`: the values of a program; sums take in the products that only they need
4. `tape`: decides the order of instructions and where numbers lie, as data; `listing`: that as text
5. `interpreter`: runs a tape; `kernel`: what a program calls

A tape for arrays, whose steps `engines.fused_places` decides:

3. `array_tape`: where the steps' arrays lie in memory, as data
4. `array_steps`: runs such a tape; `rows_of_arrays` and `sums_of_arrays` are the functions that it calls
5. `fused_kernel`: what a program calls
"""
