"""Garbage collection for a process that sends: rare, because it hardly ever finds anything.

A worker keeps editions, cards and profiles: hundred thousands of objects without a cycle. Every few
thousand new objects the collector would go through them again, for a quarter of the worker's time.
Reference counting frees what a batch leaves behind.
"""

import ctypes
import gc

NEW_OBJECTS = 50_000
YOUNG_RUNS = 20
OLD_RUNS = 50


def collect_rarely() -> None:
    """Leave what exists by now out of all collections, and make collections rare."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, YOUNG_RUNS, OLD_RUNS)


def collect_now() -> None:
    """Collect all garbage, and return what is free to the system where the C library can (glibc).

    glibc keeps what large arrays leave behind between small objects: after an edition was dropped,
    130 MB in 240.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
