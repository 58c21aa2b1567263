"""Colours, as stylesheets and browsers write them, their contrast, and how much they differ for whom."""

import math
import re

EYES = {  # what they see of red, green and blue light: Machado, Oliveira and Fernandes (2009), severity 1.0
    "all cones": [(1, 0, 0), (0, 1, 0), (0, 0, 1)],
    "protanopia": [(0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)],
    "deuteranopia": [(0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)],
    "tritanopia": [(1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)],
}
OKLAB = (  # Ottosson (2020)
    [
        (0.4122214708, 0.5363325363, 0.0514459929),
        (0.2119034982, 0.6806995451, 0.1073969566),
        (0.0883024619, 0.2817188376, 0.6299787005),
    ],
    [
        (0.2104542553, 0.7936177850, -0.0040720468),
        (1.9779984951, -2.4285922050, 0.4505937099),
        (0.0259040371, 0.7827717662, -0.8086757660),
    ],
)


def contrast(one, other):
    """Return the contrast of two colours as WCAG defines it, 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def difference(one, other, eyes):
    """Return how far apart two colours are in Oklab for such EYES; black and white: 1."""
    seen = ([min(1, max(0, part)) for part in _times(EYES[eyes], _light(colour))] for colour in (one, other))
    return math.dist(*(_times(OKLAB[1], [math.cbrt(cone) for cone in _times(OKLAB[0], light)]) for light in seen))


def _times(matrix, vector):
    return [sum(factor * part for factor, part in zip(row, vector, strict=True)) for row in matrix]


def _luminance(colour):
    red, green, blue = _light(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _light(colour):
    """Return the linear red, green and blue, 0 to 1, of "#rrggbb" or "rgb(r, g, b)"."""
    is_hex = colour.startswith("#")
    parts = (
        [int(part, 16) for part in re.findall("..", colour[1:])] if is_hex else map(float, re.findall(r"[\d.]+", colour)[:3])
    )
    shares = [part / 255 for part in parts]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in shares]
