"""Draws the benchmark's ratios as an SVG: a bar per ratio, and its goal."""

from html import escape

WIDTH, LABEL, RIGHT = 860, 380, 60  # pixels: the image, the names on the left, the margin on the right
BAR, GAP, TOP = 18, 14, 64
COLOURS = {"sqlite": "#5f8f2f", "postgres": "#b5763a"}
NAMES = {"sqlite": "SQLite", "postgres": "Postgres"}
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #3a2a1e; }
  .title { font-weight: 700; font-size: 15px; }
  .faint { fill: #6d5a4a; font-size: 12px; }
  .goal { stroke: #3a2a1e; stroke-width: 2; stroke-dasharray: 3 2; }
"""


def draw(results, rows):
    """Return an SVG of `results`, {database: {row: {ratio, ...}}}; `rows` are {row: (description, goal or None)}."""
    shown = [name for name in rows if any(name in found for found in results.values())]
    step = len(results) * BAR + GAP
    height = TOP + len(shown) * step + 10
    parts = [part for n, name in enumerate(shown) for part in _row(results, name, rows[name], TOP + n * step)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">',
            f"<style>{STYLE}</style>",
            f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#fbf6ea"/>',
            _text(16, 26, "Answers per second, as a ratio; dashes: the goal on SQLite", "title"),
            *_legend(results),
            *parts,
            "</svg>\n",
        ]
    )


def _legend(results):
    for n, database in enumerate(results):
        yield f'<rect x="{16 + 110 * n}" y="38" width="12" height="12" fill="{COLOURS[database]}"/>'
        yield _text(34 + 110 * n, 49, NAMES[database])


def _row(results, name, said, top):
    what, goal = said
    yield _text(16, top + len(results) * BAR / 2 + 5, what)
    for n, (database, found) in enumerate(results.items()):
        if name not in found:
            continue
        ratio, y = found[name]["ratio"], top + n * BAR
        yield f'<rect x="{LABEL}" y="{y}" width="{_long(ratio):.1f}" height="{BAR - 2}" fill="{COLOURS[database]}"/>'
        yield _text(LABEL + _long(ratio) + 6, y + 13, f"{ratio:.2f}", "faint")
    if goal:
        x = LABEL + _long(goal)
        yield f'<line class="goal" x1="{x:.1f}" x2="{x:.1f}" y1="{top - 3}" y2="{top + len(results) * BAR + 1}"/>'


def _long(ratio):
    return min(ratio, 1.1) / 1.1 * (WIDTH - LABEL - RIGHT)


def _text(x, y, text, kind=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(text)}</text>'
