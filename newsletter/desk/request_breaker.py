"""The request breaker: whether strangers' requests for mail are taken, and taking them again."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from newsletter.desk.base import ReadOnlyAdmin
from newsletter.desk.columns import instant
from newsletter.desk.notices import RESUMES_REQUESTS
from newsletter.desk.steps import Step, StepRefused, StepsAdmin
from subscriptions import mail_limits
from subscriptions.models import RequestBreaker

TRIPPED = instant("tripped_at", gettext_lazy("tripped"))


def _resume(_breaker: RequestBreaker, _staff: User, _answers: dict[str, Any], now: datetime) -> str:
    if not mail_limits.resume(now=now):
        raise StepRefused(_("Requests are taken already."))
    return _("Requests are taken again.")


STEPS = (
    Step(
        name="resume",
        label=gettext_lazy("Take requests again"),
        question=gettext_lazy(
            "Take sign-ups and requests for a preferences link again now? If a flood of requests "
            "goes on, the breaker trips again."
        ),
        permission=RESUMES_REQUESTS,
        open_to=lambda breaker: breaker.is_refusing(timezone.now()),
        run=_resume,
    ),
)


@admin.register(RequestBreaker)
class RequestBreakerAdmin(StepsAdmin, ReadOnlyAdmin):
    page_template = "desk/request_breaker.html"
    steps = STEPS
    list_display = ("__str__", "refusing", TRIPPED, "mails")

    @admin.display(description=gettext_lazy("refusing"), boolean=True)
    def refusing(self, breaker: RequestBreaker) -> bool:
        return breaker.is_refusing(timezone.now())

    def page_context(self, request: HttpRequest, obj: RequestBreaker) -> dict[str, Any]:
        """Return whether requests are refused, and the step that takes them again."""
        return {
            "steps": self.open_steps(request, obj),
            "refusing": obj.is_refusing(timezone.now()),
        }
