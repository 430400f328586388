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


_CURVES = ("#1f6f54", "#c2573a", "#3b5b92", "#c8c8c8")
_HIGH, _TOP, _POINTS = 300, 60, 400


def lines(title: str, unit: str, curves: list[tuple[str, list[tuple[float, float]]]]) -> str:
    """An SVG document of curves (name, [(x, y)]); of many points in one place the lowest and highest are drawn."""
    left, width, high = 56, _WIDTH - 76, _HIGH
    right = max((x for _, curve in curves for x, _ in curve), default=1.0) or 1.0
    top = max((y for _, curve in curves for _, y in curve), default=1.0) or 1.0
    parts = []
    for i in range(5):
        y = _TOP + high - high * i / 4
        parts.append(f'<line x1="{left}" y1="{y:.0f}" x2="{left + width}" y2="{y:.0f}" stroke="#e4e4e4"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4:.0f}" text-anchor="end">{top * i / 4:.0f}</text>')
        x = left + width * i / 4
        parts.append(f'<text x="{x:.0f}" y="{_TOP + high + 18}" text-anchor="middle">{right * i / 4:g}</text>')
    parts.append(f'<text x="{left + width / 2:.0f}" y="{_TOP + high + 36}" text-anchor="middle">{escape(unit)}</text>')
    for i, (name, curve) in reversed(list(enumerate(curves))):
        colour = _CURVES[i % len(_CURVES)]
        spots = " ".join(
            f"{left + width * x / right:.1f},{_TOP + high - high * y / top:.1f}" for x, y in _thinned(curve, right)
        )
        parts.append(f'<polyline points="{spots}" fill="none" stroke="{colour}" stroke-width="1.2"/>')
        at = left + 150 * i
        parts.append(f'<rect x="{at}" y="34" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{at + 17}" y="44">{escape(name)}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_TOP + high + 48}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="{left}" y="22" font-size="14">{escape(title)}</text>{"".join(parts)}</svg>\n'
    )


def _thinned(curve: list[tuple[float, float]], right: float) -> list[tuple[float, float]]:
    bins: dict[int, list[tuple[float, float]]] = {}
    for point in curve:
        bins.setdefault(int(_POINTS * point[0] / right), []).append(point)
    found = []
    for points in bins.values():
        low, high = min(points, key=lambda p: p[1]), max(points, key=lambda p: p[1])
        found += [low] if low == high else sorted((low, high))
    return found
