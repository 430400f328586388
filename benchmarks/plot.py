"""A plot of the table: CPU per frame of each system, one group of bars for each line of work.  Plain SVG."""

from __future__ import annotations

from html import escape

_COLOURS = ("#1f6f54", "#9a9a9a", "#c2573a", "#dfa28f")
_WIDTH, _BAR, _GAP, _LEFT = 760, 16, 18, 170


def bars(title: str, groups: list[tuple[str, list[tuple[str, float]]]]) -> str:
    """An SVG document.  groups: (name of the work, [(system, microseconds)])."""
    largest = max((value for _, values in groups for _, value in values), default=1.0)
    systems = list(dict.fromkeys(system for _, values in groups for system, _ in values))
    scale = (_WIDTH - _LEFT - 90) / largest
    parts: list[str] = []
    y = 64
    for name, values in groups:
        middle = y + len(values) * _BAR / 2 + 4
        parts.append(f'<text x="{_LEFT - 10}" y="{middle:.0f}" text-anchor="end">{escape(name)}</text>')
        for system, value in values:
            colour = _COLOURS[systems.index(system) % len(_COLOURS)]
            width = max(1.0, value * scale)
            parts.append(f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR - 2}" fill="{colour}"/>')
            parts.append(f'<text x="{_LEFT + width + 5:.0f}" y="{y + 11}">{value:.1f}</text>')
            y += _BAR
        y += _GAP
    for i, system in enumerate(systems):
        x = _LEFT + 140 * i
        parts.append(f'<rect x="{x}" y="36" width="12" height="12" fill="{_COLOURS[i % len(_COLOURS)]}"/>')
        parts.append(f'<text x="{x + 17}" y="46">{escape(system)}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{y}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="{_LEFT}" y="22" font-size="14">{escape(title)}</text>{"".join(parts)}</svg>\n'
    )
