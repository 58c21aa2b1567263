"""Colours, as stylesheets and browsers write them, and their contrast."""

import re


def contrast(one, other):
    """Return the contrast of two colours as WCAG defines it, 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour):
    """Of "#rrggbb" or "rgb(r, g, b)"."""
    is_hex = colour.startswith("#")
    parts = (
        [int(part, 16) for part in re.findall("..", colour[1:])] if is_hex else map(float, re.findall(r"[\d.]+", colour)[:3])
    )
    shares = [part / 255 for part in parts]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
