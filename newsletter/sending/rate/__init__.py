"""Rate: one budget of mails for the whole cluster and each provider, in the second, the hour and
the day.
"""

from newsletter.sending.rate.budget import Budget, Grant, Report
from newsletter.sending.rate.limits import Limits, configured_limits

__all__ = ["Budget", "Grant", "Limits", "Report", "configured_limits"]
