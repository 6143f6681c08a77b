"""Profile: what a reader asked for, as an immutable version."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime

from django.core.validators import MaxValueValidator
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Choices:
    """What a reader chose to be mailed about. Two readers with equal choices share one stored
    profile.

    `topics` are topic ids, sorted; `balance` runs from 0 (only my topics) to 100 (only what
    trends).
    """

    topics: tuple[int, ...] = ()
    phrases: tuple[str, ...] = ()
    muted: tuple[str, ...] = ()
    minimum_votes: int = 0
    papers_per_digest: int = 5
    balance: int = 30

    def content_hash(self, taste: bytes = b"") -> str:
        """Return the hex SHA-256 by which an equal profile is found again."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode() + b"\0" + taste).hexdigest()


class ProfileQuerySet(models.QuerySet["Profile"]):
    def of(self, choices: Choices, *, now: datetime, taste: bytes = b"") -> "Profile":
        """Return the stored profile with exactly these choices and taste, made when it is the
        first of its kind.
        """
        profile, _created = self.get_or_create(
            content_hash=choices.content_hash(taste),
            defaults={**asdict(choices), "taste": taste, "created_at": now},
        )
        return profile

    def unused(self, by: datetime) -> "ProfileQuerySet":
        """Profiles made by an instant that no row of any app names any more."""
        stale = self.filter(created_at__lte=by)
        for relation in Profile._meta.get_fields(include_hidden=True):
            if isinstance(relation, models.ManyToOneRel):
                naming = relation.field.model._default_manager.filter(
                    **{relation.field.name: models.OuterRef("pk")}
                )
                stale = stale.exclude(models.Exists(naming))
        return stale

    def delete_unused(self, by: datetime) -> int:
        """Delete those of these profiles that are unused and were made by an instant; return how
        many. Each model that names a profile has an index for this question.
        """
        unused = list(self.unused(by).values_list("pk", flat=True))
        if not unused:
            return 0
        with transaction.atomic():
            # Under the lock nobody begins to name one; who has begun before is seen.
            locked = Profile.objects.filter(pk__in=unused).select_for_update().order_by("pk")
            keys = list(locked.values_list("pk", flat=True))
            return Profile.objects.filter(pk__in=keys).unused(by).delete()[0]


class Profile(models.Model):
    """One version of what a reader wants, stored by its content and never changed.

    A change makes another row, so a delivery can name the version it was ranked for and be
    explained for as long as it is kept, and readers who want the same are ranked once.
    """

    content_hash = models.CharField(max_length=64, unique=True, editable=False)
    topics = models.JSONField(_("topics"), default=list)
    phrases = models.JSONField(_("own phrases"), default=list)
    muted = models.JSONField(_("muted words"), default=list)
    minimum_votes = models.PositiveIntegerField(_("minimum votes"), default=0)
    papers_per_digest = models.PositiveSmallIntegerField(_("papers per digest"), default=5)
    balance = models.PositiveSmallIntegerField(
        _("balance"), default=30, validators=[MaxValueValidator(100)]
    )
    taste = models.BinaryField(_("learned taste"), default=b"")
    created_at = models.DateTimeField(_("created"))

    objects = ProfileQuerySet.as_manager()

    class Meta:
        verbose_name = _("profile")
        verbose_name_plural = _("profiles")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(balance__lte=100), name="profile_balance_percent"
            ),
            models.CheckConstraint(
                condition=models.Q(papers_per_digest__range=(1, 50)), name="profile_papers_1_to_50"
            ),
        ]

    def __str__(self) -> str:
        return f"profile {self.pk}"

    @property
    def choices(self) -> Choices:
        return Choices(
            topics=tuple(self.topics),
            phrases=tuple(self.phrases),
            muted=tuple(self.muted),
            minimum_votes=self.minimum_votes,
            papers_per_digest=self.papers_per_digest,
            balance=self.balance,
        )
