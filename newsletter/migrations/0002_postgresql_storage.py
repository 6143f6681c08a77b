"""How PostgreSQL keeps the rows that change most; SQLite knows none of this, so nothing happens
there.
"""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

STATEMENTS = [
    # Crash recovery empties an unlogged table: that is the message the table is there to give.
    "ALTER TABLE newsletter_serverrun SET UNLOGGED",
    # Room on each page lets an update stay on it and touch no index (a heap-only tuple). A batch's
    # deliveries are settled, and its readers' histories lengthened, all at once: every row of a
    # page needs room for its successor.
    "ALTER TABLE newsletter_delivery SET (fillfactor = 45)",
    "ALTER TABLE newsletter_batch SET (fillfactor = 30)",
    "ALTER TABLE newsletter_mailedhistory SET (fillfactor = 45)",
]


def set_storage(_apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        for statement in STATEMENTS:
            editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("newsletter", "0001_initial")]

    operations = [migrations.RunPython(set_storage, migrations.RunPython.noop)]
