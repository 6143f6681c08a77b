"""The worker's consumer: the part that takes wake-ups from the broker, and outlives the broker's
crashes.
"""

from typing import Any

from celery.worker.consumer import Consumer


class LastingConsumer(Consumer):
    """Celery's consumer, which does not end with its broker."""

    task_consumer: Any
    """Celery sets it in a step of its own: what reads the queues, None before the first
    connection.
    """

    def on_connection_error_after_connected(self, exc: Exception) -> Any:
        """Forget the wake-ups in hand, then connect again.

        Celery 5.7 closes a lost connection twice, and a channel that closes gives what it holds
        back to its queue. Where the first attempt stops half way, at the channel of the remote
        control, the second finds the transport gone: an AttributeError that ends the worker.
        Nothing can be given back to a broker that is away, and the beat asks the database again. An
        orderly stop still gives back what it holds.
        """
        if self.task_consumer is not None:
            self.task_consumer.channel.do_restore = False
        return super().on_connection_error_after_connected(exc)
