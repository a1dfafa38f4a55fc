"""Pictures of networks and of their training: diagrams and plots."""
