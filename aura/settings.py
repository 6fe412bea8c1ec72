"""Django settings, built from `aura.config`. Nothing here reads the environment."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from psycopg.conninfo import conninfo_to_dict

from aura import embedded
from aura.config import load
from aura.kernel.localkey import read_or_make
from aura.kernel.telemetry import logs

BASE_DIR = Path(__file__).resolve().parent.parent
AURA = load()

DEBUG = False
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *AURA.server_allowed_hosts]
if AURA.public_host:
    ALLOWED_HOSTS.append(AURA.public_host)
# Without a configured key, sessions hold for one data directory: enough for trying out, and
# `config` refuses it in production.
SECRET_KEY = AURA.secret_key or read_or_make(AURA.data / "secret.key")
# Older keys, after a rotation: what they signed still holds, nothing new is signed with them.
SECRET_KEY_FALLBACKS = list(AURA.secret_key_fallbacks)

INSTALLED_APPS = [
    "aura",
    "governance",
    "agents",
    "tickets",
    "aura.console.apps.ConsoleConfig",  # django.contrib.admin, with our site
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_eventstream",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
]

MIDDLEWARE = [
    "aura.surfaces.noting.NotingMiddleware",
    "aura.surfaces.middleware.SurfaceMiddleware",
    "aura.surfaces.throttle.ThrottleMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",  # the last: it answers for a view that was locked
]
# Of a request to the API with a bearer token (`aura.surfaces.handlers`).
TOKEN_MIDDLEWARE = [
    "aura.surfaces.noting.NotingMiddleware",
    "aura.surfaces.middleware.SurfaceMiddleware",
    "aura.surfaces.throttle.ThrottleMiddleware",
    "django.middleware.common.CommonMiddleware",
]

ROOT_URLCONF = "aura.surfaces.empty"
WSGI_APPLICATION = None
APPEND_SLASH = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

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
            ],
        },
    },
]


def _database(url: str) -> dict[str, Any]:
    info = conninfo_to_dict(url)
    known = {
        name: str(info.pop(name, "") or "")
        for name in ("dbname", "user", "password", "host", "port")
    }
    return {
        "ENGINE": "aura.kernel.database",
        "NAME": known["dbname"],
        "USER": known["user"],
        "PASSWORD": known["password"],
        "HOST": known["host"],
        "PORT": known["port"],
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
        "OPTIONS": {
            "connect_timeout": 5,
            "application_name": "aura",
            "prepare_threshold": 5,  # without it `prepared_cursor` could not
            **info,
        },
    }


def _celery_broker(url: str) -> str:
    """Celery spells a Redis Unix socket differently from redis-py."""
    parts = urlsplit(url)
    return f"redis+socket://{parts.path}" if parts.scheme == "unix" else url


DATABASE_URL = embedded.database_url(AURA)
REDIS_URL = embedded.redis_url(AURA)
DATABASES = {"default": _database(DATABASE_URL)}

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = None  # served from the packages themselves, through the finders
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

LOGIN_URL = "/admin/login/"
LOGIN_REDIRECT_URL = "/admin/"
SESSION_ENGINE = "governance.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "aura.console.ended.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
# TLS ends at a proxy before us, so a request never looks secure here: what follows from it is
# decided by AURA_PUBLIC_URL, and the headers are set in `aura.serving.headers`.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = AURA.tls
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if AURA.tls else 0
CSRF_TRUSTED_ORIGINS = [AURA.public_origin] if AURA.tls else []
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # whether other names below the domain speak https is not ours to promise
    "security.W008",  # the proxy that ends TLS redirects to it; nobody else reaches our port
    "security.W021",  # nor is a place in the browsers' preload lists
]
if not AURA.tls:  # HSTS and cookies for https alone would lock everybody out; see aura.W001
    SILENCED_SYSTEM_CHECKS += ["security.W004", "security.W012", "security.W016"]

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AXES_HANDLER = "governance.lockout.Lockout"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"], "ip_address"]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # nobody can keep somebody else out for ever
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "governance.lockout.client_ip"
AXES_LOCKOUT_CALLABLE = "governance.lockout.page"
AXES_DISABLE_ACCESS_LOG = True  # our own log is told
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
# Shown as asterisks: a name may be a password in the wrong field. Firewalls need the address.
AXES_SENSITIVE_PARAMETERS = ["username"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "governance.identity.TokenAuthentication",
        "governance.identity.ConsoleSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["aura.surfaces.access.MayUseApi"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["aura.kernel.fields.Json"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "aura.kernel.http.answer_exception",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "aura.kernel.http.JSONAlways",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Aura API",
    "DESCRIPTION": "Tickets, plans, approvals, audit log and event streams of Aura.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_URLCONF": "aura.surfaces.api",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "tickets.api.openapi.describe",
    ],
    "ENUM_NAME_OVERRIDES": {
        "PriorityEnum": "tickets.models.Priority",
        "StatusEnum": "tickets.models.Status",
        "AvailabilityEnum": ["available", "unavailable"],
        "FrameTypeEnum": "tickets.api.streams.FRAMES",
    },
}

# The log is the only event table: the library's own table stays empty (ARCHITECTURE §1.3).
EVENTSTREAM_STORAGE_CLASS = "tickets.stream.LogStorage"
EVENTSTREAM_CHANNELMANAGER_CLASS = "tickets.stream.Channels"

CELERY_BROKER_URL = _celery_broker(REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # for as long as Redis is away
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 2,
    "socket_timeout": 10,
    "socket_keepalive": True,
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = (
    False  # a lost wake-up is found by the sweep; a request never waits for Redis
)
CELERY_TASK_ACKS_LATE = False
# Celery would close the connection around every task; `aura.celery` keeps it as a request does.
CELERY_DB_REUSE_MAX = sys.maxsize
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "tickets.tasks.sweep", "schedule": 2.0, "options": {"expires": 2}},
    "helpdesk": {"task": "agents.tasks.sweep", "schedule": 2.0, "options": {"expires": 2}},
    "tidy": {
        "task": "tickets.tasks.tidy_leftovers",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "count": {
        "task": "tickets.tasks.count_days",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "maintain": {"task": "tickets.tasks.maintain", "schedule": 24 * 3600.0},
    "look": {
        "task": "tickets.tasks.look",
        "schedule": 20.0,
        "kwargs": {"scheduled": True},
        "options": {"expires": 20},
    },
}

# Text where a person watches, JSON where a machine reads.
_WATCHED = AURA.env == "development" and sys.stderr is not None and sys.stderr.isatty()
LOGGING = logs.configuration(
    level=AURA.logging_level, style=AURA.logging_format or ("text" if _WATCHED else "json")
)
