"""The WSGI entry point of the site."""

import os

from django.core.wsgi import get_wsgi_application

from newsletter.checks import refuse_wrong_mail_providers

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsletter.settings")

refuse_wrong_mail_providers()
application = get_wsgi_application()
