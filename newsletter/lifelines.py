"""A child process that ends with its parent, even when the parent is killed and can stop nothing
itself.
"""

import ctypes
import signal
import sys

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def end_with_parent() -> None:
    """Ask the kernel to send SIGTERM to this process when its parent ends (prctl(2)); for the
    `preexec_fn` of a child.

    The parent must start the child from its main thread, and before it starts threads. Only Linux
    can do this: elsewhere a child of a killed parent stays until it is stopped by hand.
    """
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
