"""How the desk looks, where it departs from django-unfold's own looks."""

from django.http import HttpRequest
from django.templatetags.static import static

_LIGHTNESS_AND_CHROMA = {
    "50": (97.5, 0.012),
    "100": (94.5, 0.026),
    "200": (89, 0.05),
    "300": (81, 0.085),
    "400": (71, 0.12),
    "500": (61, 0.135),
    "600": (51, 0.13),
    "700": (44, 0.115),
    "800": (37, 0.095),
    "900": (31, 0.075),
    "950": (22, 0.055),
}
_INK_BLUE = 250


def primary_colors(_request: HttpRequest) -> dict[str, str]:
    """Return the accent as django-unfold wants it: one hue, from nearly white (50) to nearly
    black (950).
    """
    return {
        weight: f"oklch({light}% {chroma} {_INK_BLUE})"
        for weight, (light, chroma) in _LIGHTNESS_AND_CHROMA.items()
    }


def stylesheet(_request: HttpRequest) -> str:
    """Return the address of the desk's own style sheet."""
    return static("desk/desk.css")


def icon(_request: HttpRequest) -> str:
    """Return the address of the site's icon, which is the desk's too."""
    return static("paperboy.svg")
