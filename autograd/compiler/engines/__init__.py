"""One engine per language: what lies where is decided as data first, then spelled out.

`places` decides for engines that compute arrays into buffers, `scalars` for engines that compute one number at a time.
An engine is a table of spellings and a writer without state: `numpy_text` and `float_text`.
"""
