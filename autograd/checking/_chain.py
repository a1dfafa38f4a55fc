# mypy: ignore-errors
"""Stand-in."""

from ..graph import nodes


class Linearization:
    def __init__(self, outputs, inputs, m, edges):
        self._m = m
        reached = set(inputs)
        self.steps = []
        for node in nodes(outputs):
            found = [edge for edge in edges(node, m) if edge[1] in reached]
            if found:
                reached.add(node)
                self.steps.append((node, found))

    def backwards(self, cotangents):
        arriving = {node: [c] for node, c in cotangents.items()}
        for node, edges in reversed(self.steps):
            if node in arriving:
                c = self._m.total(arriving[node])
                for _, operand, partial in edges:
                    arriving.setdefault(operand, []).append(self._m.times(c, partial))
        return {node: self._m.total(terms) for node, terms in arriving.items()}

    def forwards(self, tangents):
        found = dict(tangents)
        for node, edges in self.steps:
            if node not in tangents:
                terms = [self._m.times(partial, found[operand]) for _, operand, partial in edges if operand in found]
                if terms:
                    found[node] = self._m.total(terms)
        return found
