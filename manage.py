#!/usr/bin/env python
"""Run Paperboy's management commands: `python manage.py help` lists them."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsletter.settings")
    try:
        execute_from_command_line(sys.argv)
    except (
        ImproperlyConfigured
    ) as error:  # the message says what to change; where it was raised helps nobody
        sys.exit(f"{error}")
    except DatabaseError:
        if _is_prepared():
            raise
        sys.exit(
            "The database is not prepared for this version of Paperboy. Run: python manage.py "
            "migrate"
        )


def _is_prepared() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


if __name__ == "__main__":
    main()
