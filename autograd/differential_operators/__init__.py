"""In the way of HIPS autograd's module of this name, should its `__init__` lie over ours: a folder wins over a file."""

from .. import collision

collision.refuse_mixture()
