"""The pool: lanes that wait for the next batch of this process, so that connections are opened
seldom.
"""

import atexit
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from newsletter.sending.transports.base import Transport
from newsletter.sending.transports.lanes import Lanes

IDLE = 20.0
"""Seconds after which waiting lanes are closed: a server's places are for those who have
something to say.
"""


class Pool:
    """One set of lanes for each way out; equal ways share it. One batch at a time uses it,
    another one meanwhile opens its own.
    """

    def __init__(self, idle: float = IDLE) -> None:
        self._idle = idle
        self._lock = threading.Lock()
        self._waiting: dict[Transport, tuple[Lanes, threading.Timer]] = {}

    @contextmanager
    def lanes(self, transport: Transport) -> Iterator[Lanes]:
        """Lend lanes for a batch. They come back unless it ends by an error: then nobody knows
        how they are, and they are closed.
        """
        lanes = self._taken(transport) or Lanes(transport)
        try:
            yield lanes
        except BaseException:
            lanes.close()
            raise
        self._put(transport, lanes)

    def close(self, transport: Transport | None = None) -> None:
        """Close the lanes that wait: of one way out, or all."""
        with self._lock:
            wanted = list(self._waiting) if transport is None else [transport]
            gone = [self._waiting.pop(one) for one in wanted if one in self._waiting]
        for lanes, timer in gone:
            timer.cancel()
            lanes.close()

    def _taken(self, transport: Transport) -> Lanes | None:
        with self._lock:
            lanes, timer = self._waiting.pop(transport, (None, None))
        if lanes is None or timer is None:
            return None
        timer.cancel()
        lanes.wake()
        return lanes

    def _put(self, transport: Transport, lanes: Lanes) -> None:
        lanes.rest()
        timer = threading.Timer(self._idle, self.close, [transport])
        timer.daemon = True
        with self._lock:
            other = self._waiting.pop(transport, None)
            self._waiting[transport] = (lanes, timer)
        timer.start()
        if other is not None:
            other[1].cancel()
            other[0].close()


pool = Pool()
atexit.register(pool.close)
