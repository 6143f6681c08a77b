"""Every setting of Paperboy, all read from the environment; `.env.example` explains each variable.

Reading is loud: every wrong value is collected and told in one message before anything starts. The
default environment is `development`, which needs nothing set; `production` refuses to start on
development secrets.
"""

import hashlib
import os
import re
import secrets
import sys
import tempfile
import tomllib
from contextlib import suppress
from datetime import timedelta
from email.utils import formataddr, parseaddr
from pathlib import Path
from urllib.parse import quote, urlsplit

import dj_database_url
import dj_email_url
import structlog
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.conf.locale import LANG_INFO
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy
from environs import Env, EnvError, EnvValidationError, validate
from kombu import Exchange, Queue

from newsletter import environment
from subscriptions.redaction import redact_log_line

BASE_DIR = Path(__file__).resolve().parent.parent
_problems: list[str] = []
_env = Env(eager=False)
_env.read_env(str(BASE_DIR / ".env"), recurse=False)


def _instance_secret(path: Path) -> str:
    """Return the secret of this development instance, made once and readable by its owner only."""
    if not path.exists():
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".secret-")
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(64) + "\n")
        # By a link it appears whole: other processes may be starting, and the first one's secret is
        # everybody's.
        with suppress(FileExistsError):
            os.link(draft, path)
        Path(draft).unlink()
    return path.read_text(encoding="ascii").strip()


def _socket_path(var_dir: Path) -> Path:
    """Return where the embedded Redis listens: short, since a socket path over 107 bytes does
    not bind, and one per var folder.
    """
    name = hashlib.sha256(str(var_dir).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"paperboy-{os.getuid()}-{name}" / "redis.sock"


# --- Where this instance runs
# --------------------------------------------------------------------------------------------------
ENVIRONMENT = _env.str(
    "ENVIRONMENT", "development", validate=validate.OneOf(["development", "production"])
)
PRODUCTION = ENVIRONMENT == "production"
DEBUG = _env.bool("DEBUG", False)
VAR_DIR = Path(_env.str("VAR_DIR", "") or BASE_DIR / "var").resolve()
SITE_NAME = (_env.str("SITE_NAME", "") or "Paperboy").strip()
SITE_URL = (_env.str("SITE_URL", "") or "http://127.0.0.1:8000").rstrip("/")
_problems += environment.site_url_problems(SITE_URL) + environment.line_problems(
    "SITE_NAME", SITE_NAME
)
SITE_HOST = "" if _problems else urlsplit(SITE_URL).hostname or ""
ALLOWED_HOSTS: list[str] = _env.list("ALLOWED_HOSTS", []) or [
    SITE_HOST,
    *([] if PRODUCTION else ["127.0.0.1", "localhost", "[::1]"]),
]
ADMIN_PATH = (_env.str("ADMIN_PATH", "") or "desk").strip("/")
_problems += environment.admin_path_problems(ADMIN_PATH)

SECRET_KEY = (_env.str("SECRET_KEY", "") or "").strip()
SECRET_KEY_FALLBACKS: list[str] = _env.list("SECRET_KEY_FALLBACKS", [])
try:
    VAR_DIR.mkdir(parents=True, exist_ok=True)
    if not SECRET_KEY and not PRODUCTION:
        SECRET_KEY = _instance_secret(VAR_DIR / "secret_key")
except OSError as _error:
    _problems.append(f"VAR_DIR must be a folder that this account can write to: {_error}.")

# --- Database, broker
# --------------------------------------------------------------------------------------------------
_database_url = (
    _env.str("DATABASE_URL", "") or f"sqlite:///{quote(str(VAR_DIR / 'paperboy.sqlite3'))}"
)
try:
    _database = dj_database_url.parse(_database_url, conn_max_age=60, conn_health_checks=True)
except ValueError:
    # Neither an address nor one of a known database; the parser's own message names no variable.
    _database = {"ENGINE": ""}
_problems += environment.database_url_problems(_database_url, _database)
DATABASES = {"default": _database}
if _database["ENGINE"].endswith("postgresql"):
    # Without it a server behind a dead line holds a process for two minutes at each attempt.
    _database.setdefault("OPTIONS", {}).setdefault("connect_timeout", 10)
if _database["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 30,
        # A transaction that reads first and writes later would fail instead of waiting for its
        # turn.
        "transaction_mode": "IMMEDIATE",
        # FULL: a claim must survive a power cut, or the same reader would be claimed twice.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA "
        "busy_timeout=30000;",
    }

# In each process: what the site keeps for a minute is quickly made again.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 100},
    }
}

REDIS_URL = _env.str("REDIS_URL", "") or ""
_problems += environment.redis_url_problems(REDIS_URL) if REDIS_URL else []
EMBEDDED_REDIS_SOCKET = _socket_path(VAR_DIR)

CELERY_BROKER_URL = REDIS_URL or f"redis+socket://{EMBEDDED_REDIS_SOCKET}"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Without these a publish on a dead connection can hang a web request for ever.
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
    # One attempt: by default a request would wait four seconds and more for a broker that is down.
    # Workers and beat have a loop of their own for coming back, and what was not published is found
    # by the sweeps.
    "max_retries": 0,
}
# For ever, with 30 seconds between two attempts at most. Celery's own limit ends a worker after 100
# of them, some 46 minutes.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A Redis whose disk or memory is full refuses to write: by default that answer ends the worker,
# though it may pass as an outage does.
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
CELERY_WORKER_CONSUMER = "newsletter.worker:LastingConsumer"
# Celery 6's default. It concerns tasks that acknowledge late, of which there are none, and spares
# the log a page on every lost broker.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "work"
SENDING_QUEUES = ("urgent", "sending")
"""What leads to mail, for machines that are armed (`newsletter.worker`): in `urgent` what takes a
moment, in `sending` the batches of a run. All else goes to `work`, which every worker takes, and
what providers report to `events`, which every worker takes too.
"""
CELERY_TASK_QUEUES = [
    Queue(name, Exchange(name), routing_key=name) for name in (*SENDING_QUEUES, "work", "events")
]
CELERY_TASK_ROUTES = {
    "subscriptions.tasks.send_letter": {"queue": "urgent"},
    "subscriptions.tasks.sweep_letters": {"queue": "urgent"},
    "newsletter.tasks.tell_staff": {"queue": "urgent"},
    # Where no machine may send, nobody is woken: the wake-ups would only fill the broker.
    "newsletter.tasks.tick": {"queue": "urgent"},
    "newsletter.tasks.send_batch": {"queue": "sending"},
    "newsletter.tasks.apply_events": {"queue": "events"},
}
CELERY_TASK_SOFT_TIME_LIMIT = 90
CELERY_TASK_TIME_LIMIT = 120
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat-schedule")
TICK_SECONDS = _env.int("TICK_SECONDS", 60, validate=validate.Range(1, 300))
"""How often the beat asks the database what is due."""
SWEEP_SECONDS = _env.int("SWEEP_SECONDS", 30, validate=validate.Range(1, 300))
"""How often the beat settles what workers left behind."""
CELERY_BEAT_SCHEDULE = {
    "look-after-editions": {
        "task": "newsletter.tasks.look_after_editions",
        "schedule": 60.0,
        "options": {"expires": 55},
    },
    "match-phrases": {
        "task": "newsletter.tasks.match_phrases",
        "schedule": 60.0,
        "options": {"expires": 55},
    },
    "tell-staff": {
        "task": "newsletter.tasks.tell_staff",
        "schedule": 60.0,
        "options": {"expires": 55},
    },
    # Asked often, done once a day: the database says when the last fit was, so a scheduler that was
    # down misses nothing.
    "refit-archive": {
        "task": "newsletter.tasks.refit_archive",
        "schedule": 900.0,
        "options": {"expires": 600},
    },
    "prepare-cards": {
        "task": "newsletter.tasks.prepare_cards",
        "schedule": 300.0,
        "options": {"expires": 280},
    },
    "judge-clicks": {
        "task": "newsletter.tasks.judge_clicks",
        "schedule": 60.0,
        "options": {"expires": 55},
    },
    "tick": {
        "task": "newsletter.tasks.tick",
        "schedule": TICK_SECONDS,
        "options": {"expires": TICK_SECONDS},
    },
    "sweep": {
        "task": "newsletter.tasks.sweep",
        "schedule": SWEEP_SECONDS,
        "options": {"expires": SWEEP_SECONDS},
    },
    "sweep-letters": {
        "task": "subscriptions.tasks.sweep_letters",
        "schedule": 30.0,
        "options": {"expires": 25},
    },
    "ask-sources": {
        "task": "ingest.tasks.ask_sources",
        "schedule": 10.0,
        "options": {"expires": 9},
    },
    "look-back-at-papers": {
        "task": "ingest.tasks.look_back",
        "schedule": 21_600.0,
        "options": {"expires": 3_600},
    },
    "apply-events": {
        "task": "newsletter.tasks.apply_events",
        "schedule": 10.0,
        "options": {"expires": 9},
    },
    "delete-old-rows": {
        "task": "newsletter.tasks.delete_old_rows",
        "schedule": 21_600.0,
        "options": {"expires": 3_600},
    },
}

# --- Mail out
# --------------------------------------------------------------------------------------------------
MAIL_PROVIDERS = [
    name.strip() for name in (_env.str("MAIL_PROVIDER", "") or "file").split(",") if name.strip()
]
for _name in MAIL_PROVIDERS:
    _problems += environment.provider_problems(_name)
MAIL_PROVIDER = MAIL_PROVIDERS[0]
"""The first one carries letters; digests take all of them, by the weights set at the desk."""
SENDER_ADDRESS = _env.str("SENDER_ADDRESS", "") or ""
REPLY_TO_ADDRESS = _env.str("REPLY_TO_ADDRESS", "") or ""
POSTAL_ADDRESS = (_env.str("POSTAL_ADDRESS", "") or "").strip()
UNSUBSCRIBE_ADDRESS = _env.str("UNSUBSCRIBE_ADDRESS", "") or ""
for _name, _address in (("SENDER_ADDRESS", SENDER_ADDRESS), ("REPLY_TO_ADDRESS", REPLY_TO_ADDRESS)):
    _problems += environment.address_problems(_name, _address, named=True) if _address else []
_problems += (
    environment.address_problems("UNSUBSCRIBE_ADDRESS", UNSUBSCRIBE_ADDRESS, named=False)
    if UNSUBSCRIBE_ADDRESS
    else []
)
_problems += environment.line_problems("POSTAL_ADDRESS", POSTAL_ADDRESS) if POSTAL_ADDRESS else []
SENDER_ID = _env.str(
    "SENDER_ID",
    "paperboy",
    validate=validate.Regexp(r"^[a-z0-9]{5,15}$", error="must be 5 to 15 small letters or digits"),
)
SMTP_URL = _env.str("SMTP_URL", "")
OUTBOX_DIR = VAR_DIR / "outbox"
MACHINE_FILE = VAR_DIR / "machine"
"""This machine's half of the proof that it may send from the database: see subscriptions.arming."""

ANYMAIL = environment.anymail_settings(os.environ, _problems)
MAIL_BACKENDS = {
    "file": "newsletter.sending.outbox.EmailBackend",
    "smtp": "django.core.mail.backends.smtp.EmailBackend",
}
MAIL_BACKENDS |= {
    name: f"anymail.backends.{name}.EmailBackend"
    for name in MAIL_PROVIDERS
    if name not in MAIL_BACKENDS
}
EMAIL_BACKEND = MAIL_BACKENDS[MAIL_PROVIDER]
if "smtp" in MAIL_PROVIDERS:
    if _wrong_url := environment.smtp_url_problems(SMTP_URL or ""):
        _problems += _wrong_url
    else:
        _smtp = dj_email_url.parse(SMTP_URL)
        EMAIL_HOST, EMAIL_PORT = _smtp["EMAIL_HOST"], _smtp["EMAIL_PORT"]
        EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = (
            _smtp["EMAIL_HOST_USER"],
            _smtp["EMAIL_HOST_PASSWORD"],
        )
        EMAIL_USE_TLS, EMAIL_USE_SSL = _smtp["EMAIL_USE_TLS"], _smtp["EMAIL_USE_SSL"]
EMAIL_TIMEOUT = 30
DEFAULT_FROM_EMAIL = SENDER_ADDRESS or formataddr((SITE_NAME, "paperboy@localhost.localdomain"))
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# --- What providers report
# --------------------------------------------------------------------------------------------------
SUPPRESSION_KEY = (_env.str("SUPPRESSION_KEY", "") or "").strip()
"""The key under which suppressed addresses are hashed. Without one, a key that is derived from
SECRET_KEY once is stored in the database.
"""
SUPPRESSION_KEY_FALLBACKS: list[str] = _env.list("SUPPRESSION_KEY_FALLBACKS", []) or []
SOFT_BOUNCE_LIMIT = _env.float("SOFT_BOUNCE_LIMIT", 5.0, validate=validate.Range(1))
"""An address is suppressed when its soft bounces count so much: 1 for each day with one."""
SOFT_BOUNCE_HALVING_DAYS = _env.int("SOFT_BOUNCE_HALVING_DAYS", 7, validate=validate.Range(1, 3650))
"""The count is halved for so many days in which mail arrived."""
BREAKER_COMPLAINTS = _env.int("BREAKER_COMPLAINTS", 3, validate=validate.Range(1))
BREAKER_COMPLAINT_RATE = _env.float("BREAKER_COMPLAINT_RATE", 0.001, validate=validate.Range(0, 1))
"""A run is paused when at least so many of the last 10,000 outcomes, and more than this share of
them, are complaints. The next two do the same for hard bounces among the last 1,000.
"""
BREAKER_BOUNCES = _env.int("BREAKER_BOUNCES", 20, validate=validate.Range(1))
BREAKER_BOUNCE_RATE = _env.float("BREAKER_BOUNCE_RATE", 0.05, validate=validate.Range(0, 1))
RAW_EVENT_DAYS = _env.int("RAW_EVENT_DAYS", 30, validate=validate.Range(0, 3650))
"""How long the raw events of providers are kept, without addresses. What they mean stays."""

# --- Mail that anybody can ask for
# --------------------------------------------------------------------------------------------------
NETWORK_REQUESTS_PER_HOUR = _env.int("NETWORK_REQUESTS_PER_HOUR", 20, validate=validate.Range(0))
"""How many sign-ups and requests for a preferences link an IPv4 address or an IPv6 /64 may make:
enough for a lecture hall, too few to bother a list of strangers. 0 is no limit, here and below.
"""
NETWORK_REQUESTS_PER_DAY = _env.int("NETWORK_REQUESTS_PER_DAY", 60, validate=validate.Range(0))
WIDE_NETWORK_REQUESTS_PER_HOUR = _env.int(
    "WIDE_NETWORK_REQUESTS_PER_HOUR", 60, validate=validate.Range(0)
)
"""How many all networks of an IPv4 /24 or an IPv6 /48 may make together."""
WIDE_NETWORK_REQUESTS_PER_DAY = _env.int(
    "WIDE_NETWORK_REQUESTS_PER_DAY", 180, validate=validate.Range(0)
)
REQUESTED_MAILS_PER_HOUR = _env.int("REQUESTED_MAILS_PER_HOUR", 1000, validate=validate.Range(0))
"""How many mails all strangers together may cause before their requests are refused for an hour."""

# --- Asking the sources
# --------------------------------------------------------------------------------------------------
_operator = _env.str("OPERATOR_ADDRESS", "") or ""
_problems += (
    environment.address_problems("OPERATOR_ADDRESS", _operator, named=False) if _operator else []
)
OPERATOR_ADDRESS = _operator or parseaddr(SENDER_ADDRESS)[1]
VERSION = tomllib.loads((BASE_DIR / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "version"
]
FETCH_USER_AGENT = (
    f"Paperboy/{VERSION} (+{SITE_URL}{f'; mailto:{OPERATOR_ADDRESS}' if OPERATOR_ADDRESS else ''})"
)
ASKED_SOURCES = ("huggingface", "arxiv", "arxiv-oai")
ENABLED_SOURCES: list[str] = _env.list(
    "ENABLED_SOURCES", ["huggingface", "arxiv"] if PRODUCTION else []
)
"""The sources that a new instance asks; a development instance asks nobody unless told.
Afterwards the desk decides.
"""
FEEDS: dict[str, str] = environment.pairs("FEEDS", _env.list("FEEDS", []) or [], _problems)
"""More RSS and Atom feeds, by the name of their source."""
ARXIV_CATEGORIES: list[str] = _env.list(
    "ARXIV_CATEGORIES", ["cs.AI", "cs.CL", "cs.CV", "cs.LG", "stat.ML"]
)
SOURCE_KEYS: dict[str, str] = environment.keys(
    _env.list("SOURCE_KEYS", []) or [], _env.str("HUGGINGFACE_TOKEN", "") or "", _problems
)
"""Secrets by the name of their source, sent as a bearer token. A key that staff enter at the
desk goes before.
"""
SOURCE_TIMES: dict[str, list[str]] = {
    # Lists grow and votes change all day. arXiv's feed is rebuilt at midnight of the East Coast,
    # 04:00 or 05:00 UTC, its OAI-PMH interface at 22:00 there. Its feed is asked twice: what a
    # morning's outage kept back is gone with the next feed.
    "huggingface": ["01:30", "04:20", "12:30", "18:30"],
    "arxiv": ["05:20", "08:20"],
    "arxiv-oai": ["03:40"],
    "feed": ["02:30", "14:30"],
}
_given_times = environment.pairs("SOURCE_TIMES", _env.list("SOURCE_TIMES", []) or [], _problems)
SOURCE_TIMES |= {name: times.split() for name, times in _given_times.items()}
"""When each source, or each kind of source, is asked (UTC). The desk may give a source times of
its own.
"""
REREAD_DAYS = _env.int("REREAD_DAYS", 5, validate=validate.Range(1, 31))
"""How many days back every run reads again."""
for _name, _times in SOURCE_TIMES.items():
    if not all(re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", _time) for _time in _times):
        _problems.append(
            f"SOURCE_TIMES must give times such as 05:20, parted by blanks; {_name} has: "
            f"{' '.join(_times)}."
        )
for _name, _address in FEEDS.items():
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", _name) or not environment.is_https(_address):
        _problems.append(
            "FEEDS must be pairs such as my-group=https://example.org/feed.xml; this is none: "
            f"{_name}={_address}."
        )
_problems += environment.source_problems(ENABLED_SOURCES or [], _given_times, ASKED_SOURCES, FEEDS)
if not all(
    re.fullmatch(r"[a-z-]+(\.[A-Za-z-]+)?", _category) for _category in ARXIV_CATEGORIES or []
):
    _problems.append(
        "ARXIV_CATEGORIES must be arXiv's names, parted by commas, such as cs.CL,stat.ML."
    )

# --- Editions and sending
# --------------------------------------------------------------------------------------------------
EDITION_HOUR = _env.int("EDITION_HOUR", 5, validate=validate.Range(0, 23))
"""The nominal UTC hour of an edition: it is frozen by then, and a reader's slot is the first
local hour they want at or after it.
"""
EDITION_WEEKDAY = _env.int("EDITION_WEEKDAY", 4, validate=validate.Range(0, 6))
"""The weekday of the weekly edition, 0 is Monday."""
REVIEW_HOURS = _env.int("REVIEW_HOURS", 3, validate=validate.Range(0, 23))
"""How many hours before its nominal instant an edition is opened for staff."""
CANDIDATE_DAYS = _env.int("CANDIDATE_DAYS", 5, validate=validate.Range(1, 60))
"""How many listing days back a daily edition looks for papers; a weekly one looks two more."""
MINIMUM_SOURCES = _env.int("MINIMUM_SOURCES", 1, validate=validate.Range(0))
"""An edition is held for a person when fewer sources than this brought papers."""
CATCH_UP_HOURS = _env.int("CATCH_UP_HOURS", 6, validate=validate.Range(1, 72))
"""How many hours after its slot a digest may still go out. With none, nothing would: every
wake-up comes a moment late.
"""
WELCOME_DAYS = _env.int("WELCOME_DAYS", 2 if PRODUCTION else 3650, validate=validate.Range(0, 3650))
"""How old a daily edition may be to welcome a new reader; a weekly one six days more. A trial
instance has often only an old one.
"""
BATCH_SIZE = _env.int("BATCH_SIZE", 500, validate=validate.Range(1, 1000))
"""Readers in a batch at most; a slow provider's batches are smaller, so that a task ends within
a minute.
"""
CONNECTIONS_PER_WORKER = _env.int("CONNECTIONS_PER_WORKER", 16, validate=validate.Range(1, 64))
"""Connections to the provider that a worker process uses side by side. A killed one leaves at
most so many deliveries uncertain.
"""
LEASE_SECONDS = _env.int("LEASE_SECONDS", 180, validate=validate.Range(10, 3600))
SEND_RATE = _env.float("SEND_RATE", 0.0, validate=validate.Range(0))
"""Mails per second that the provider allows, all workers together; 0 is no limit. The quotas
below likewise, per rolling window.
"""
DOMAIN_RATES: dict[str, float] = environment.rates(
    "DOMAIN_RATES", _env.list("DOMAIN_RATES", []) or [], _problems
)
"""Mails per second towards domains of recipients that want less than the provider could give,
such as gmail.com=20.
"""
HOURLY_QUOTA = _env.int("HOURLY_QUOTA", 0, validate=validate.Range(0))
DAILY_QUOTA = _env.int("DAILY_QUOTA", 0, validate=validate.Range(0))

# --- How many days rows are kept (newsletter.retention)
# --------------------------------------------------------------------------------------------------
KEEP_DELIVERIES_DAYS = _env.int("KEEP_DELIVERIES_DAYS", 90, validate=validate.Range(61, 3650))
"""Deliveries, batches, frozen statistics and compiled editions of finished editions. The links in
a digest that teach and count last 60 days.
"""
KEEP_PROFILES_DAYS = _env.int("KEEP_PROFILES_DAYS", 30, validate=validate.Range(7, 3650))
"""After so many days a delivery forgets the profile that it was ranked for, and a profile that
nobody has any more is deleted.
"""
KEEP_CANDIDATES_DAYS = _env.int("KEEP_CANDIDATES_DAYS", 365, validate=validate.Range(31, 3650))
"""All candidates of an edition; afterwards the 100 best are left."""
KEEP_COUNTS_DAYS = _env.int("KEEP_COUNTS_DAYS", 90, validate=validate.Range(61, 3650))
"""All counts of a listing; afterwards the newest and the highest are left. An edition looks for
papers up to 60 days back.
"""
RAW_BODY_DAYS = _env.int("RAW_BODY_DAYS", 30, validate=validate.Range(0, 3650))
"""The raw bytes of what sources sent."""
KEEP_FETCHES_DAYS = _env.int("KEEP_FETCHES_DAYS", 90, validate=validate.Range(31, 3650))
"""Visits to sources with their rejected entries, and runs."""
KEEP_CLICKS_DAYS = _env.int("KEEP_CLICKS_DAYS", 90, validate=validate.Range(1, 3650))
"""Clicks and what providers said; those of a delivery go with it at the latest."""
KEEP_LETTERS_DAYS = _env.int("KEEP_LETTERS_DAYS", 30, validate=validate.Range(4, 3650))
"""Letters, sign-ups and changes of address, and readers who never confirmed."""

# --- Learning what readers like
# --------------------------------------------------------------------------------------------------
COUNT_CLICKS = _env.bool("COUNT_CLICKS", False)
"""Whether titles in digests lead over this site, which counts who reads what; off, they lead
straight to the papers.
"""
SEMANTIC_MODEL = _env.str("SEMANTIC_MODEL", "")
"""A folder with a sentence-embedding model, or owner/name of one on the hub; empty is off. Needs
the extra `semantic`.
"""
if SEMANTIC_MODEL:
    CELERY_BEAT_SCHEDULE["embed"] = {
        "task": "newsletter.tasks.embed",
        "schedule": 300.0,
        "options": {"expires": 280},
    }

# --- Applications
# --------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "newsletter",
    "subscriptions",
    "ingest",
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "anymail",
    "axes",
    "csp",
    "newsletter.desk",
]
MIDDLEWARE = [
    # Before the one that measures the body.
    "newsletter.site.heads.bodiless_heads",
    # Before those that look at host and scheme.
    "newsletter.site.health.answer_probes",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "newsletter.desk.policy.ContentPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "newsletter.urls"
WSGI_APPLICATION = "newsletter.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "newsletter.site.context.site",
            ],
        },
    },
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")

# --- The delay after wrong passwords: only staff log in, so no reader ever meets it
# ------------------------------------------
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
# By name and origin together: by name alone anybody could lock a colleague out, by origin alone a
# whole office.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "newsletter.desk.login.network_address"
AXES_RESET_ON_SUCCESS = True
# A colleague who tries again too early must not have to wait from the beginning.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_LOCKOUT_CALLABLE = "newsletter.desk.login.locked_out"
# The failed attempts are enough: a list of when staff logged in and out is not needed for anything.
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
# Without this every command greets with a line about the library's version.
AXES_VERBOSE = False

# --- The desk
# --------------------------------------------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": f"{SITE_NAME} desk",
    "SITE_HEADER": SITE_NAME,
    "SITE_SUBHEADER": "The desk",
    "SITE_SYMBOL": "newspaper",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": "newsletter.desk.look.icon"}
    ],
    "STYLES": ["newsletter.desk.look.stylesheet"],
    "COLORS": {"primary": "newsletter.desk.look.primary_colors"},
    "DASHBOARD_CALLBACK": "newsletter.desk.start.start_page",
    "SIDEBAR": {"navigation": "newsletter.desk.navigation.sidebar"},
}

LANGUAGE_CODE = "en"
_languages = list(dict.fromkeys([LANGUAGE_CODE, *_env.list("LANGUAGES", [])]))
_known_languages = {code: about["name"] for code, about in LANG_INFO.items() if "name" in about}
LANGUAGES = [(code, _known_languages[code]) for code in _languages if code in _known_languages]
"""Those that readers can choose. Each needs its translation in locale/, which `make messages`
begins.
"""
if len(LANGUAGES) < len(_languages):
    _problems.append(
        "LANGUAGES must be codes that Django knows, such as de,pt-br: "
        + ", ".join(sorted({*_languages} - {*_known_languages}))
    )
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STATIC_ROOT = Path(_env.str("STATIC_ROOT", "") or BASE_DIR / "staticfiles")
STATICFILES_DIRS = [BASE_DIR / "newsletter" / "site" / "assets"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
# In development files are looked up as they are asked for: no list made at the start, and no
# collected folder needed.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = not PRODUCTION

# --- Security
# --------------------------------------------------------------------------------------------------
_https = SITE_URL.startswith("https://")
SECURE_SSL_REDIRECT = PRODUCTION
# One-click leaving must never be redirected (RFC 8058 section 3.1).
SECURE_REDIRECT_EXEMPT = [r"(?i)^u/"]
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
# Both reach beyond this site: browsers would refuse plain HTTP on every other host below the domain
# too, and a preload list takes months to leave. So only its owner can decide on them.
SECURE_HSTS_INCLUDE_SUBDOMAINS = _env.bool("HSTS_INCLUDE_SUBDOMAINS", False)
SECURE_HSTS_PRELOAD = _env.bool("HSTS_PRELOAD", False)
if SECURE_HSTS_PRELOAD and not SECURE_HSTS_INCLUDE_SUBDOMAINS:
    _problems.append(
        "HSTS_PRELOAD needs HSTS_INCLUDE_SUBDOMAINS=true: browsers preload no domain without its "
        "subdomains."
    )
# These two checks ask for the settings above, which are off by default for the reason given there.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
BEHIND_PROXY = _env.bool("BEHIND_PROXY", False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    },
}
DESK_CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        # Alpine.js, on which django-unfold is built, evaluates the expressions in its attributes.
        # Inline scripts stay forbidden.
        "script-src": [SELF, UNSAFE_EVAL],
        # django-unfold writes its colours into a <style> element and widths into style attributes.
        "style-src": [SELF, UNSAFE_INLINE],
        "font-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        # The preview of a digest, which has a policy of its own.
        "frame-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    },
}
"""Sent under ADMIN_PATH only, by newsletter.desk.policy."""

# --- Logs
# --------------------------------------------------------------------------------------------------
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
# Plain tracebacks: those with local variables would print readers' addresses.
_console = structlog.dev.ConsoleRenderer(
    colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
)
_json = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "structured": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *(_json if PRODUCTION else [_console]),
                redact_log_line,
            ],
            "foreign_pre_chain": [
                structlog.stdlib.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
        },
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "structured",
        }
    },
    # Django gives the development server a handler of its own, which would print the tokens in its
    # paths. pylatexenc tells of every broken formula, in as many lines as it has braces; what it
    # cannot read stays as it was written.
    "loggers": {
        "django.server": {"handlers": ["stderr"], "propagate": False},
        "pylatexenc": {"level": "WARNING"},
    },
    "root": {
        "handlers": ["stderr"],
        "level": _env.str(
            "LOG_LEVEL", "INFO", validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"])
        ),
    },
}

# --- Loud when wrong
# --------------------------------------------------------------------------------------------------
if PRODUCTION:
    _problems += environment.key_problems(SECRET_KEY, SECRET_KEY_FALLBACKS or [])
    _problems += environment.suppression_key_problems([SUPPRESSION_KEY, *SUPPRESSION_KEY_FALLBACKS])
    if DEBUG:
        _problems.append("DEBUG must be off in production.")
    if not _https:
        _problems.append(
            "SITE_URL must begin with https:// in production: links in mail and one-click leaving "
            "need it."
        )
    if not REDIS_URL:
        _problems.append(
            "REDIS_URL must name a Redis server in production; the embedded one is for one machine "
            "in development."
        )
    if not SENDER_ADDRESS:
        _problems.append(
            "SENDER_ADDRESS must be the address mail comes from, such as Paperboy "
            "<daily@paperboy.example.org>."
        )
    if not POSTAL_ADDRESS:
        _problems.append(
            "POSTAL_ADDRESS must be set in production: the law wants one in every digest."
        )
    if "file" in MAIL_PROVIDERS:
        _problems.append(
            "MAIL_PROVIDER must be smtp or a provider in production: file keeps mails in a folder "
            "and reaches nobody."
        )
try:
    _env.seal()
except EnvValidationError as _error:
    _wrong = _error.error_messages
    _problems.extend(
        f"{name}: {' '.join(map(str, _wrong[name]))}" if isinstance(_wrong, dict) else str(name)
        for name in _wrong
    )
except EnvError as _error:
    _problems.append(str(_error))
if _problems:
    raise ImproperlyConfigured(
        "Paperboy cannot start:\n" + "\n".join(f"  - {problem}" for problem in _problems)
    )
