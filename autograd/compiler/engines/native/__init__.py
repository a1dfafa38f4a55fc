"""The engine for graphs that do not pack: machine code interprets a tape.

1. `rules`: rewrites operations as functions of up to three numbers, and sums
2. `sums`: the values of a program; sums take in the products that only they need
3. `tape`: decides the order of instructions and where numbers lie, as data
4. `interpreter`: runs a tape; `elementary` and `primitives` are the functions that it calls
5. `compilation`: numba compiles these three; `machine_code`: once, and then they are loaded from a file
6. `kernel`: what a program calls; `listing`: a tape as text
"""
