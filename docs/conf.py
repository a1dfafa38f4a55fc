"""Sphinx's configuration of the site."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import autograd

project = "chainrule"
author = "The chainrule authors"
copyright = "The chainrule authors"
release = version = autograd.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "docs.machinery.mathml",
    "docs.machinery.docstrings",
    "docs.machinery.annotated",
    "docs.machinery.live",
]
exclude_patterns = ["_build", "heart/notes", "jupyter_execute"]
source_suffix = {".md": "myst-nb"}
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!(autograd|nn)\.).*"), ("py:.*", r"(autograd|nn)\.\w+\..*")]

# Pages are executed as notebooks, except those that need what is not installed.
nb_custom_formats = {".md": "docs.machinery.pages.notebook"}
nb_execution_mode = "auto"
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_execution_timeout = 120
nb_merge_streams = True
nb_render_markdown_format = "myst"  # explanations are mathematics between dollars
myst_enable_extensions = ["amsmath", "attrs_block", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
python_use_unqualified_type_names = True
add_module_names = True

html_theme = "furo"
pygments_dark_style = "github-dark"
html_title = f"chainrule {release}"
html_math_renderer = "mathml"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
copybutton_exclude = ".linenos, .gp, .go"
