"""HIPS autograd has the same import name: installed into one folder, the two packages overwrite each other's files.

Imported before everything else, this looks for files of the other package.
"""

import os
import sys

_FOREIGN = ("core.py", "differential_operators.py", "extend.py", "numpy", "scipy", "tracer.py", "wrap_util.py")
_OURS = "A scalar autograd engine"  # the docstring of our `__init__` begins so


def refuse_mixture() -> None:
    """Looks for files of the other package beside ours, and for its `__init__` over ours.

    Raises:
        ImportError: there are some.
    """
    folder = os.path.dirname(__file__)
    is_over_ours = not (sys.modules["autograd"].__doc__ or "").startswith(_OURS)
    if is_over_ours or any(os.path.exists(os.path.join(folder, name)) for name in _FOREIGN):
        raise ImportError(
            f"two packages with the import name autograd are mixed in {folder}: chainrule and HIPS autograd cannot "
            "share an environment; keep one of them, as with: pip uninstall -y autograd chainrule && "
            "pip install chainrule"
        )


refuse_mixture()
