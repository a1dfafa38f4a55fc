from .node import history, leaves, nodes, scopes  # noqa: F401, D100
