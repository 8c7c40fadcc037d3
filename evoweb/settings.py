"""Django's settings. Whatever differs from place to place comes from `evoweb.environment`."""

import os
import sys
from hashlib import sha256
from typing import Any

from evoweb import environment, values

try:
    ENVIRONMENT = environment.read(os.environ)
except environment.BadEnvironment as problem:
    print(problem, file=sys.stderr)
    sys.exit(2)

BASE_DIR = environment.ROOT
DATA_DIR = ENVIRONMENT.data_dir
VERSION = "0.2.dev0"

SECRET_KEY = ENVIRONMENT.secret_key
DEBUG = False
PUBLIC_URL = ENVIRONMENT.public_url
ALLOWED_HOSTS = sorted({ENVIRONMENT.public_host, "127.0.0.1", "localhost", "[::1]"})
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

INSTALLED_APPS = [
    "chat",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "channels",
    "csp",
    "template_partials",
]

# One synchronous chain with the view. Static files never come here: `evoweb.pages` has both.
MIDDLEWARE = [
    "chat.middleware.RequestLogMiddleware",
    "chat.middleware.CompressionMiddleware",
    "chat.middleware.ConnectionMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "chat.middleware.PreferencesMiddleware",
]

ROOT_URLCONF = "evoweb.urls"
ASGI_APPLICATION = "evoweb.asgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "chat.context_processors.site",
            ],
            "builtins": ["django.templatetags.i18n", "django.templatetags.static"],
        },
    }
]

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES: dict[str, dict[str, Any]] = {"default": ENVIRONMENT.database}
ON_SQLITE = ENVIRONMENT.database["ENGINE"] == values.SQLITE
if ON_SQLITE:
    DATABASES["default"]["OPTIONS"] = {
        # A transaction that begins by reading could not be told to wait when it comes to write.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000;"
        ),
    }
    # Django's own choice for tests is memory, which has no WAL and other locks.
    DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / "test.sqlite3"}
else:
    # One that died while it was kept is found out before a request is given it.
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    # Threads come and go with requests; the pool is what bounds the connections.
    DATABASES["default"]["OPTIONS"] = {
        "pool": {"min_size": 2, "max_size": 16, "timeout": 5},
        # A server that is gone without a word is noticed within seconds.
        "connect_timeout": 5,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 15_000,
        # A process that is frozen within a transaction must not hold its rows for ever.
        "options": "-c idle_in_transaction_session_timeout=10000",
        **DATABASES["default"].get("OPTIONS", {}),
    }

# Several processes

REDIS_URL = ENVIRONMENT.redis_url
# What one team's processes keep in a Redis and tell each other is nothing for another team's.
_TEAM = sha256(f"{SECRET_KEY} {ENVIRONMENT.database['NAME']}".encode()).hexdigest()[:16]
if REDIS_URL:
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {
                "hosts": [{"address": REDIS_URL, **environment.REDIS_PATIENCE}],
                "prefix": f"evoweb-{_TEAM}",
            },
        }
    }

# People

AUTH_USER_MODEL = "chat.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "chat.hashers.FewAtOnceHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
_VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {
        "NAME": f"{_VALIDATION}.MinimumLengthValidator",
        "OPTIONS": {"min_length": values.SHORTEST_PASSWORD},
    },
    {
        "NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "display_name")},
    },
    {"NAME": f"{_VALIDATION}.CommonPasswordValidator"},
    {"NAME": f"{_VALIDATION}.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "new_conversation"
ACCOUNT_ADAPTER = "chat.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "evoweb: "
ALLAUTH_TRUSTED_PROXY_COUNT = ENVIRONMENT.trusted_proxies
ACCOUNT_FORMS = {
    "login": "chat.forms.people.SignInForm",
    "change_password": "chat.forms.people.ChangePasswordForm",
    "reset_password": "chat.forms.people.AskForResetForm",
    "reset_password_from_key": "chat.forms.people.SetPasswordForm",
}
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "chat.domain.accounts.PasswordLinks"  # noqa: S105
PASSWORD_RESET_TIMEOUT = 3 * 24 * 3600

# Security

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ENVIRONMENT.is_secure
SESSION_COOKIE_HTTPONLY = True
# Not in a cookie of their own: they may hold a title, and would outlive the session.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SESSION_COOKIE_AGE = 30 * 24 * 3600
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31536000 if ENVIRONMENT.is_secure else 0
if ENVIRONMENT.trusted_proxies:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    USE_X_FORWARDED_HOST = False
X_FRAME_OPTIONS = "DENY"
# Where wrong passwords are counted, for all processes together if there are several.
CACHES: dict[str, dict[str, Any]] = {
    # Django's 300 entries would forget them within a flood.
    "local": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}
CACHES["default"] = CACHES["local"]
if REDIS_URL:
    CACHES["default"] = {
        "BACKEND": "evoweb.cache.SharedCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": f"evoweb-{_TEAM}",
        "OPTIONS": environment.REDIS_PATIENCE,
    }
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 20
CSRF_FAILURE_VIEW = "chat.views.errors.csrf_failure"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "font-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "worker-src": ["'self'"],
        # Diagrams, which a page without an origin draws.
        "frame-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
SILENCED_SYSTEM_CHECKS = [
    # Plain http is right on this machine alone; with https in PUBLIC_URL both are switched on.
    "security.W004",
    "security.W008",
]

# Words

LANGUAGE_CODE = "en"
# Each in its own words: whoever looks for one reads that.
LANGUAGES = [("en", "English"), ("es", "Español")]
LOCALE_PATHS = [BASE_DIR / "chat" / "locale"]
USE_I18N = True
FORMAT_MODULE_PATH = "chat.locale"
TIME_ZONE = ENVIRONMENT.time_zone
USE_TZ = True
USE_THOUSAND_SEPARATOR = True

# Files

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# A page about an error must not fail because a file is missing from the manifest.
SERVESTATIC_MANIFEST_STRICT = False
SERVESTATIC_ALLOW_ALL_ORIGINS = False


def _file_headers(headers: Any, _path: str, _url: str) -> None:
    """Files are answered for before any middleware that would say this."""
    headers["X-Content-Type-Options"] = "nosniff"


SERVESTATIC_ADD_HEADERS_FUNCTION = _file_headers
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    # What people send beside words. Every process of a team needs the same folder.
    "pictures": {
        "BACKEND": "evoweb.files.KeptFiles",
        "OPTIONS": {"location": ENVIRONMENT.files_dir},
    },
    "staticfiles": {"BACKEND": "evoweb.staticfiles.StaticFilesStorage"},
}

# Mail

DEFAULT_FROM_EMAIL = "evoweb@localhost"
globals().update(ENVIRONMENT.email)

# Pictures

PICTURE_SIDE = ENVIRONMENT.picture_side
# Whether the upstream fetches them by signed addresses that end, instead of getting them at once.
PICTURE_LINKS = ENVIRONMENT.picture_links
PICTURE_MODELS = ENVIRONMENT.picture_models

# The upstream

DRAIN_SECONDS = ENVIRONMENT.drain_seconds
READS_ON = ENVIRONMENT.reads_on
MAX_REPLIES = ENVIRONMENT.max_replies
MAX_REPLIES_PER_USER = ENVIRONMENT.max_replies_per_user
# 0 is as many as they like.
MESSAGES_PER_MINUTE = ENVIRONMENT.messages_per_minute
# Of one person, all devices together: a tab for each answer, and some that only lie open.
MAX_SOCKETS_PER_USER = MAX_REPLIES_PER_USER + 10
EVOLINK_API_KEY = ENVIRONMENT.api_key
EVOLINK_BASE_URL = ENVIRONMENT.base_url
IS_DEMONSTRATION = ENVIRONMENT.is_demonstration
MODELS = (environment.DEMONSTRATION_MODEL,) if ENVIRONMENT.is_demonstration else ENVIRONMENT.models
CONTEXT_WINDOWS = ENVIRONMENT.context_windows
# The small model has enough to do with answers.
MAKES_TITLES = ENVIRONMENT.makes_titles and not ENVIRONMENT.is_demonstration

CREDITS_PER_USD = ENVIRONMENT.credits_per_usd
METER_ALARM = ENVIRONMENT.meter_alarm / 100
BALANCE_LOW = ENVIRONMENT.balance_low

# Logs and metrics

METRICS_TOKEN = ENVIRONMENT.metrics_token

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    # A refusal that a view decided on is no fault, whatever its status.
    "filters": {
        "only_faults": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: record.exc_info is not None,
        }
    },
    "formatters": {
        "line": {"()": "evoweb.logs.LineFormatter"},
        "json": {"()": "evoweb.logs.JsonFormatter"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": ENVIRONMENT.log_format}},
    "root": {"handlers": ["stderr"], "level": ENVIRONMENT.log_level},
    "loggers": {
        "django": {"level": "WARNING"},
        "django.request": {"filters": ["only_faults"]},
        "daphne": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "asyncio": {"level": "WARNING"},
        # Each time that Redis is away, and again every second: `generation.hints` says it once.
        "channels_redis": {"level": "CRITICAL"},
    },
}
