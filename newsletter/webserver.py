"""How gunicorn runs in production: `gunicorn --config python:newsletter.webserver`.

Its own logs would be a second format beside ours, and its access log would keep the tokens of all
signed paths. Reading our settings here also tells wrong ones once and stops, instead of in every
worker; so does the check of the mail providers.
"""

import os
from typing import Any

from newsletter.checks import refuse_wrong_mail_providers
from newsletter.settings import LOGGING

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsletter.settings")
refuse_wrong_mail_providers()

wsgi_app = "newsletter.wsgi"
bind = "0.0.0.0:8000"
workers = 2
threads = 4
# What was asked and how it was answered. No reader's network address, no query, and no Referer,
# which may be a signed path.
access_log_format = "%(m)s %(U)s %(s)s, %(b)s bytes in %(M)s ms"
# A socket to steer a running server by, which nobody uses.
control_socket_disable = True
_OURS: dict[str, Any] = {"level": "INFO", "handlers": ["stderr"], "propagate": False}
_loggers: dict[str, Any] = dict.fromkeys(("gunicorn.error", "gunicorn.access"), _OURS)
logconfig_dict: dict[str, Any] = LOGGING | {"loggers": _loggers}
