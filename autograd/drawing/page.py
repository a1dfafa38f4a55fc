"""The page of an animation: one HTML file with everything in it, which steps through a picture."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .theme import Theme


def page(svg: str, steps: Sequence[Mapping[str, Any]], about: Mapping[str, str], theme: Theme) -> str:
    """The HTML text.

    Args:
        svg: the picture of the end, in which Graphviz has put each node's and edge's name into a title.
        steps: for each step the node whose turn it is, the nodes that are computed and differentiated, and its text.
        about: for each node, its part of the chain rule.
        theme: the colours.
    """
    data = json.dumps({"steps": steps, "about": about}).replace("<", "\\u003c")  # no text can close the script
    replacements = {"@SVG@": svg, "@DATA@": data, **{f"@{name}@": colour for name, colour in theme._asdict().items()}}
    parts = _TEMPLATE.split("\0")
    return "".join(replacements.get(part, part) for part in parts)


_TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>Forward and backward</title>
<style>
body { margin: 0; font-family: Helvetica, Arial, sans-serif; background: \0@background@\0; color: \0@ink@\0; }
header { position: sticky; top: 0; padding: 0.6em 1em; background: \0@module@\0; border-bottom: 1px solid \0@line@\0; }
button { font: inherit; padding: 0.2em 0.8em; }
#text, #about { margin: 0.4em 0 0; min-height: 1.3em; white-space: pre-wrap; overflow-wrap: anywhere; }
#about { color: \0@faint@\0; }
#picture { overflow: auto; padding: 1em; }
#picture svg { max-width: 100%; height: auto; }
g.node { cursor: pointer; }
.unknown { visibility: hidden; }
.future { opacity: 0.25; }
.plain path, .plain polygon { stroke: \0@line@\0; stroke-width: 1; stroke-dasharray: none; }
.plain polygon { fill: \0@line@\0; }
.current polygon, .current path, .current ellipse { stroke: \0@marked@\0; stroke-width: 3; }
</style>
</head>
<body>
<header>
<button id="first" aria-label="first step">|◀</button>
<button id="back" aria-label="back">◀ back</button>
<button id="forward" aria-label="forward">forward ▶</button>
<button id="last" aria-label="last step">▶|</button>
<span id="count"></span> <small>arrow keys step, a click on a box explains it</small>
<p id="text" aria-live="polite"></p>
<p id="about"></p>
</header>
<div id="picture">\0@SVG@\0</div>
<script type="application/json" id="data">\0@DATA@\0</script>
<script>
"use strict";
const { steps, about } = JSON.parse(document.getElementById("data").textContent);
const boxes = new Map(), circles = new Map(), edges = [];
for (const group of document.querySelectorAll("#picture g.node, #picture g.edge")) {
  const title = group.querySelector("title").textContent;
  if (group.classList.contains("edge")) edges.push([group, "v" + title.split("->")[1].slice(1)]);
  else (title[0] === "v" ? boxes : circles).set("v" + title.slice(1), group);
}
for (const [id, group] of [...boxes, ...circles]) {
  group.addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById("about").textContent = about[id] ?? "a constant: no gradient flows into it";
  });
}
let now = 0;
function show(step) {
  now = Math.max(0, Math.min(steps.length - 1, step));
  const { current, computed, differentiated, text } = steps[now];
  const known = new Set(computed), passed = new Set(differentiated);
  for (const [id, group] of boxes) {
    const words = [...group.querySelectorAll("text")];
    group.classList.toggle("future", !known.has(id));
    group.classList.toggle("current", id === current);
    if (about[id] === undefined) continue;
    words.at(-3).classList.toggle("unknown", !known.has(id));
    words.at(-1).classList.toggle("unknown", !passed.has(id));
  }
  for (const [id, group] of circles) {
    group.classList.toggle("future", !known.has(id));
    group.classList.toggle("current", id === current);
  }
  for (const [group, id] of edges) {
    group.classList.toggle("future", !known.has(id));
    group.classList.toggle("plain", !passed.has(id));
  }
  document.getElementById("text").textContent = text;
  document.getElementById("count").textContent = `step ${now + 1} of ${steps.length}`;
}
document.getElementById("first").onclick = () => show(0);
document.getElementById("back").onclick = () => show(now - 1);
document.getElementById("forward").onclick = () => show(now + 1);
document.getElementById("last").onclick = () => show(steps.length - 1);
document.addEventListener("keydown", (event) => {
  const jump = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: steps.length - 1 }[event.key];
  if (jump !== undefined) { event.preventDefault(); show(jump); }
});
show(0);
</script>
</body>
</html>
"""
