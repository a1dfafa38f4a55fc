"""Pictures of networks and of their training: diagrams, plots, tables."""
