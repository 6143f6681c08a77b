"""Colours: reading them, inverting them, and the contrast between two (WCAG 2.2, relative
luminance).
"""

import colorsys
import re

Colour = tuple[int, int, int]
BLACK, WHITE, LINK_BLUE = (0, 0, 0), (255, 255, 255), (0, 0, 238)
_NAMED: dict[str, Colour] = {
    "black": BLACK, "white": WHITE, "silver": (192, 192, 192), "gray": (128, 128, 128),
    "grey": (128, 128, 128), "red": (255, 0, 0), "maroon": (128, 0, 0), "yellow": (255, 255, 0),
    "olive": (128, 128, 0), "lime": (0, 255, 0), "green": (0, 128, 0), "aqua": (0, 255, 255),
    "teal": (0, 128, 128), "blue": (0, 0, 255), "navy": (0, 0, 128), "fuchsia": (255, 0, 255),
    "purple": (128, 0, 128), "orange": (255, 165, 0), "lightgray": (211, 211, 211),
    "lightgrey": (211, 211, 211), "darkgray": (169, 169, 169), "darkgrey": (169, 169, 169),
}  # fmt: skip
_HEX = re.compile(r"#([0-9a-f]{6}|[0-9a-f]{3})\b")
_RGB = re.compile(r"rgba?\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})")


def read_colour(value: str) -> Colour | None:
    """Return the first colour in a CSS or attribute value; None where there is none that mail
    clients agree on.
    """
    text = value.strip().lower()
    if match := _HEX.search(text):
        digits = match[1] if len(match[1]) == 6 else "".join(digit * 2 for digit in match[1])
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
    if match := _RGB.search(text):
        red, green, blue = (min(255, int(part)) for part in match.groups())
        return red, green, blue
    return next((_NAMED[word] for word in re.findall(r"[a-z]+", text) if word in _NAMED), None)


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast ratio, from 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def inverted(colour: Colour) -> Colour:
    """Return the colour as a client shows it that inverts every channel."""
    red, green, blue = colour
    return 255 - red, 255 - green, 255 - blue


def lightness_inverted(colour: Colour) -> Colour:
    """Return the colour as a client shows it that turns light into dark but keeps the hue."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*(channel / 255 for channel in colour))
    red, green, blue = (
        round(channel * 255) for channel in colorsys.hls_to_rgb(hue, 1 - lightness, saturation)
    )
    return red, green, blue


def _luminance(colour: Colour) -> float:
    red, green, blue = (
        channel / 12.92 if channel <= 0.03928 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in (c / 255 for c in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
