#!/usr/bin/env python3
"""Draws size against the time of a single `get`, from what `run.py --json` wrote.

    chart.py j.json chart-j.svg "J, JSON events of about 250 B"

The nearer to the lower left corner, the better.
"""

import json
import math
import pathlib
import statistics
import sys

WIDTH, HEIGHT = 860, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 130, 40, 50

STYLE = """text{font:12px system-ui,sans-serif;fill:#1f2328}.dim{fill:#656d76}.grid{stroke:#656d76;stroke-opacity:.25}
circle{fill:#656d76}.ours{fill:#2f6fb2}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.dim{fill:#9198a1}
.grid{stroke:#9198a1}circle{fill:#9198a1}.ours{fill:#6cb6ff}}"""


def main():
    rows = json.loads(pathlib.Path(sys.argv[1]).read_text())
    points = [(name, statistics.median(row["get p50"]) * 1e6, row["size"] / 1e6) for name, row in rows.items()]
    decades = range(math.floor(math.log10(min(p[1] for p in points))), math.ceil(math.log10(max(p[1] for p in points))) + 1)
    step = 10 ** math.floor(math.log10(max(p[2] for p in points)))
    top = math.ceil(max(p[2] for p in points) / step) * step
    x = lambda us: LEFT + (math.log10(us) - decades[0]) / (decades[-1] - decades[0]) * (WIDTH - LEFT - RIGHT)
    y = lambda mb: HEIGHT - BOTTOM - mb / top * (HEIGHT - TOP - BOTTOM)
    svg = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f"<title>{sys.argv[3]}: size and the time of one get</title><style>{STYLE}</style>",
        f'<text class="dim" x="{LEFT}" y="18">{sys.argv[3]}: size in MB against the median time of one get; lower left is better</text>',
    ]
    for decade in decades:
        at, label = x(10**decade), f"{10**decade:g} µs" if decade < 3 else f"{10 ** (decade - 3):g} ms"
        svg.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        svg.append(f'<text class="dim" x="{at:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{label}</text>')
    for tick in range(int(top / step) + 1):
        at = y(tick * step)
        svg.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        svg.append(f'<text class="dim" x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{tick * step:g}</text>')
    dots = [(x(us), y(mb)) for _, us, mb in points]
    taken = []
    for name, us, mb in sorted(points, key=lambda point: -point[2]):
        at, label = (x(us), y(mb)), y(mb) + 4
        end = at[0] + 12 + 7 * len(name)
        is_free = lambda: not any(abs(label - other) < 13 and abs(at[0] - there) < 150 for there, other in taken) and not any(
            at[0] < dot < end and abs(label - 4 - height) < 9 for dot, height in dots
        )
        # A label moves down until it lies on no other one and on no dot.
        while not is_free():
            label += 3
        taken.append((at[0], label))
        ours = ' class="ours"' if name.startswith("sealpack") else ""
        svg.append(f'<circle{ours} cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="4"/><text x="{at[0] + 8:.1f}" y="{label:.1f}">{name}</text>')
    pathlib.Path(sys.argv[2]).write_text("\n".join(svg) + "\n</svg>\n")


main()
