"""Provider: a way out as staff steer it, when there is more than one or its reputation is young."""

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _


class Provider(models.Model):
    """One of the providers that MAIL_PROVIDER names. The scheduler makes the row within a minute.

    A limit that is left empty is the one of the settings, zero is none. During the warm-up plan the
    day's ceiling begins at `warm_up_first` and grows by `warm_up_growth` each day, until it reaches
    the ordinary one: mailbox providers distrust a sender that appears from nowhere. `rests_until`
    is set when the provider fails as a whole; meanwhile others take its place.
    """

    name = models.CharField(_("name"), max_length=40, unique=True)
    weight = models.PositiveSmallIntegerField(
        _("weight"), default=1, help_text=_("Its share beside the others; 0 for none.")
    )
    per_second = models.FloatField(
        _("mails per second"), null=True, blank=True, validators=[MinValueValidator(0)]
    )
    per_hour = models.PositiveIntegerField(_("mails in any hour"), null=True, blank=True)
    per_day = models.PositiveIntegerField(_("mails in any 24 hours"), null=True, blank=True)
    warm_up_from = models.DateField(_("warm-up began on"), null=True, blank=True)
    warm_up_first = models.PositiveIntegerField(
        _("mails on the first day"), default=500, validators=[MinValueValidator(1)]
    )
    warm_up_growth = models.FloatField(
        _("growth from day to day"), default=1.5, validators=[MinValueValidator(1.05)]
    )
    failures = models.PositiveSmallIntegerField(_("failures in a row"), default=0, editable=False)
    rests_until = models.DateTimeField(_("rests until"), null=True, blank=True, editable=False)
    rests_because = models.CharField(_("rests because"), max_length=300, blank=True, editable=False)

    class Meta:
        ordering = ("name",)
        verbose_name = _("provider")
        verbose_name_plural = _("providers")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(warm_up_growth__gte=1.05), name="provider_warm_up_grows"
            ),
            models.CheckConstraint(
                condition=models.Q(warm_up_first__gte=1), name="provider_warm_up_begins"
            ),
        ]

    def __str__(self) -> str:
        return self.name
