"""Where pickles made by version 0.1 look for `History`."""

from .training.history import History as History
