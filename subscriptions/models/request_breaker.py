"""RequestBreaker: stops the mails that strangers ask for when there are too many of them."""

from datetime import datetime, timedelta

from django.db import connection, models
from django.utils.translation import gettext_lazy as _

REST = timedelta(hours=1)
"""How long no stranger's request is taken after the breaker has tripped."""
NOTICE_EVERY = timedelta(hours=6)
"""Staff get one notice in this time, however often the breaker trips."""

LONGEST_PAUSE = 60_000
"""Milliseconds between two statements of a request, after which it has stopped for good."""


class RequestBreakerManager(models.Manager["RequestBreaker"]):
    def locked(self) -> "RequestBreaker":
        """Return the one row, locked until the transaction ends.

        Requests that are counted against a limit run one after the other under this lock. Each
        takes a few milliseconds, and no parallel request can exceed a limit. PostgreSQL ends the
        transaction of a process that stops while it holds the lock.
        """
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = {LONGEST_PAUSE}")
        return self.select_for_update().get_or_create(pk=1)[0]

    def refusing(self, now: datetime) -> "models.QuerySet[RequestBreaker]":
        """Return the row if requests are refused at `now`."""
        return self.filter(tripped_at__gt=now - REST, tripped_at__lte=now, resumed_at=None)


class RequestBreaker(models.Model):
    """The one row that says whether requests of strangers are taken.

    It trips at the limit `REQUESTED_MAILS_PER_HOUR`, refuses for an hour, and then takes requests
    again by itself; staff may let it do so earlier. `mails` is how many there were in the hour
    before it tripped. `tell_after` is the instant at which staff are to be told, if they are.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    tripped_at = models.DateTimeField(_("tripped"), null=True, blank=True)
    resumed_at = models.DateTimeField(_("resumed by staff"), null=True, blank=True)
    mails = models.PositiveIntegerField(_("mails in the hour before"), default=0)
    tell_after = models.DateTimeField(null=True, blank=True, editable=False)
    told_at = models.DateTimeField(_("staff told"), null=True, blank=True)

    objects = RequestBreakerManager()

    class Meta:
        verbose_name = _("request breaker")
        verbose_name_plural = _("request breaker")
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="request_breaker_is_one"),
        ]

    def __str__(self) -> str:
        return str(_("request breaker"))

    @property
    def ends_at(self) -> datetime | None:
        """When requests are taken again; None if the breaker has never tripped."""
        if self.tripped_at is None:
            return None
        return self.resumed_at or self.tripped_at + REST

    def is_refusing(self, now: datetime) -> bool:
        """Say whether requests of strangers are refused at `now`."""
        return (
            self.tripped_at is not None
            and self.resumed_at is None
            and self.tripped_at <= now < self.tripped_at + REST
        )
