#!/usr/bin/env python
"""Run Paperboy's management commands: `python manage.py help` lists them."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsletter.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:  # the message says what to change; where it was raised helps nobody
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
