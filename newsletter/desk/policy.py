"""The Content Security Policy of every answer: strict for the site, a second and documented one
for the desk alone.
"""

from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class ContentPolicyMiddleware(CSPMiddleware):
    """Send the desk's policy with everything under ADMIN_PATH, redirects and errors too, and the
    site's with all else.

    A view that names a policy of its own, with django-csp's decorators, keeps it.
    """

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if (
            parts.config is None
            and not report_only
            and request.path_info.startswith(f"/{settings.ADMIN_PATH}/")
        ):
            parts.config = settings.DESK_CONTENT_SECURITY_POLICY["DIRECTIVES"]
        return parts
