"""What needs an extra that is not installed says so, and how to install it."""

from importlib.util import find_spec


def is_installed(package: str) -> bool:
    """Whether a package can be imported, which is not done."""
    try:
        return find_spec(package) is not None
    except ValueError:  # a module without a specification stands in its place
        return True


def missing_extra(what: str, extra: str) -> ImportError:
    """The error to raise where the packages of an extra are not there.

    >>> print(missing_extra("a drawing in gold", "gold"))
    a drawing in gold needs the extra "gold": pip install "chainrule[gold]", or pip install -e ".[gold]" in a clone
    """
    return ImportError(
        f'{what} needs the extra "{extra}": pip install "chainrule[{extra}]", or pip install -e ".[{extra}]" in a clone'
    )
