"""What the site needs besides Sphinx: executed Markdown, mathematics without scripts, annotated sources."""
