"""The site: pages in Markdown, and what makes them into HTML. `python -m docs` builds it."""
