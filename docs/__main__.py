"""Builds the site into docs/_build/html: `python -m docs`. A warning is an error, and nothing is fetched.

Installed with the extra `docs`. Pages whose code needs an extra that is missing (torch, jax, ...) are shown with the
output that their text states; all others are executed.
"""

import argparse
import logging
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent


def prepare_kernels(out: Path) -> None:
    """Has the kernels that execute pages import the packages of this folder, silently and in the same way anywhere."""
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(HERE.parent), os.environ.get("PYTHONPATH"))))
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    profile = out / ".ipython" / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    profile.joinpath("ipython_kernel_config.py").write_text("c.IPKernelApp.log_level = 40\n", encoding="utf-8")
    os.environ["IPYTHONDIR"] = str(profile.parent)
    logging.getLogger("traitlets").setLevel(logging.WARNING)


def main() -> int:
    """Builds, and says where the first page is."""
    parser = argparse.ArgumentParser(prog="python -m docs", description="Build the site; warnings are errors.")
    parser.add_argument(
        "--out", type=Path, default=HERE / "_build", help="the site goes into its folder html (default docs/_build)"
    )
    parser.add_argument("--all", action="store_true", help="build every page again, not only those that changed")
    chosen = parser.parse_args()
    try:
        from sphinx.cmd.build import build_main
    except ImportError:
        raise SystemExit('the site needs the extra `docs`: pip install -e ".[docs]"') from None
    prepare_kernels(chosen.out)
    arguments = ["-b", "html", "--fail-on-warning", "--keep-going", "--quiet", *(["--fresh-env"] if chosen.all else [])]
    status = build_main([*arguments, "-d", str(chosen.out / "doctrees"), str(HERE), str(chosen.out / "html")])
    if status:
        return status
    from .machinery.offline import requests_of_site

    if found := requests_of_site(chosen.out / "html"):
        print("the site asks for what is elsewhere:", *found, sep="\n", file=sys.stderr)
        return 1
    print(f"open {chosen.out / 'html' / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
