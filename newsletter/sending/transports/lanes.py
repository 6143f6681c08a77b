"""Lanes: the connections that one worker keeps open side by side. With a provider far away their
number decides the speed.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice
from typing import NamedTuple

import structlog

from newsletter.sending.mail import Mail
from newsletter.sending.transports.base import Closing, Connection, Transport
from newsletter.sending.transports.outcomes import NoRoom, PermanentForAll, Throttled

log = structlog.get_logger(__name__)


class Errand(NamedTuple):
    """A mail and the lane it takes. `following` is the address of the mail that will most likely
    take this lane next.
    """

    lane: int
    mail: Mail
    following: str | None = None


class Lanes(Closing):
    """`width` connections of a transport. Each opens itself with its first mail; all close
    together.

    A provider may allow fewer than that: a connection that it refuses while others carry is given
    up, for as long as these lanes are kept.
    """

    def __init__(self, transport: Transport) -> None:
        self.width = transport.width
        self._connections: list[Connection] = [transport.connect() for _ in range(transport.width)]
        self._untried = {*self._connections}
        self._threads = (
            ThreadPoolExecutor(self.width) if transport.blocks and self.width > 1 else None
        )

    def hand_over(
        self, errands: Sequence[Errand], meanwhile: Iterator[object] | None = None
    ) -> list[Exception | None]:
        """Hand over mails, each on another lane, and return once all have their answer: None for
        accepted, or what was raised.

        An error that is no `HandOverError` is a fault in the code; it is returned too, so that the
        answers of the others are not lost.

        Args:
            meanwhile: work in pieces for the time in which the provider thinks. It raises nothing;
                what is not reached stays undone.
        """
        meanwhile = meanwhile or iter(())
        if self._threads is None:
            ways = [
                self._connections[errand.lane].steps(errand.mail, self._announced(errand))
                for errand in errands
            ]
            answers, begun = _alternated(ways, meanwhile)
            self._untried -= {self._connections[errand.lane] for errand in errands[:begun]}
            return self._make_do(errands, answers)
        futures = [self._threads.submit(self._alone, errand) for errand in errands]
        for _ in meanwhile:
            pass
        return [_answer(future) for future in futures]

    def _announced(self, errand: Errand) -> str | None:
        """Return whom to announce behind the mail: nobody before each connection was tried, as
        others may have to carry for it.
        """
        return None if self._untried else errand.following

    def _make_do(
        self, errands: Sequence[Errand], answers: list[Exception | None]
    ) -> list[Exception | None]:
        """Hand over on the others what found no connection of its own, where others carried
        their mail; and give up those lanes.
        """
        left_over = [place for place, answer in enumerate(answers) if isinstance(answer, NoRoom)]
        carried = [
            self._connections[errand.lane]
            for errand, answer in zip(errands, answers, strict=True)
            if answer is None
        ]
        if not left_over or not carried:
            return answers
        given_up = [self._connections[errands[place].lane] for place in left_over]
        self._connections = [
            connection for connection in self._connections if connection not in given_up
        ]
        self._untried.difference_update(given_up)
        self.width = len(self._connections)
        log.warning("fewer_connections", reason=str(answers[left_over[0]]), left=self.width)
        for connection in given_up:
            connection.close()
        while left_over and carried:
            places, left_over = left_over[: len(carried)], left_over[len(carried) :]
            told, _ = _alternated(
                [
                    way.steps(errands[place].mail)
                    for place, way in zip(places, carried, strict=False)
                ],
                iter(()),
            )
            for place, answer in zip(places, told, strict=True):
                answers[place] = answer
            # One that is in trouble now is not asked again for each mail: what is left comes later.
            carried = [
                connection
                for connection, answer in zip(carried, told, strict=False)
                if answer is None
            ]
        return answers

    def _alone(self, errand: Errand) -> None:
        self._connections[errand.lane].hand_over(errand.mail)

    def rest(self) -> None:
        """Leave nothing half begun until the next batch."""
        for connection in self._connections:
            connection.rest()

    def wake(self) -> None:
        """Find out which connections have died meanwhile; they open anew with their next mail."""
        for connection in self._connections:
            connection.wake()

    def close(self) -> None:
        """Close every connection, whatever becomes of the others."""
        with ExitStack() as stack:
            for connection in self._connections:
                stack.callback(connection.close)
            if self._threads is not None:
                stack.callback(self._threads.shutdown)


def _alternated(
    ways: Sequence[Iterator[bool]], meanwhile: Iterator[object]
) -> tuple[list[Exception | None], int]:
    """Take a step on each way in turn until all have ended, and do a piece of the other work for
    each mail that a provider is reading.

    What a provider says that takes nobody's mail just now is the answer to all that is not begun
    yet: to ask on each connection of a server that does not answer would take longer than a task
    may. Only where others have found room each asks for itself.

    Returns:
        The answers, and how many of the ways were begun.
    """
    answers: list[Exception | None] = [None] * len(ways)
    going = list(enumerate(ways))
    begun = 0
    while going:
        left: list[tuple[int, Iterator[bool]]] = []
        reading = 0
        for number, way in going:
            begins = number == begun
            begun += begins
            try:
                reading += next(way)
            except StopIteration:
                continue
            except Exception as error:  # noqa: BLE001 - returned to the caller, who tells refusals from faults
                answers[number] = error
                if (
                    begins
                    and isinstance(error, (Throttled, PermanentForAll))
                    and not (left and isinstance(error, NoRoom))
                ):
                    answers[begun:] = [error] * (len(ways) - begun)
                    break
                continue
            left.append((number, way))
        # Not after each write: what one mail is printed from is gone from the processor's memory
        # once another was written.
        for _ in islice(meanwhile, reading):
            pass
        # Who was asked last is heard first: by then the others have answered too, so that one
        # answer is slept for instead of each.
        going = left[::-1]
    return answers, begun


def _answer(future: Future[None]) -> Exception | None:
    error = future.exception()
    if error is not None and not isinstance(error, Exception):
        raise error
    return error
