"""Where `make bench-rival` puts django-newsletter: an environment of its own."""

from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent.parent / "var" / "bench-rival"
PYTHON = FOLDER / "bin" / "python"


def is_installed() -> bool:
    """Say whether nothing is missing: `make` writes this file last."""
    return (FOLDER / "installed").exists()
