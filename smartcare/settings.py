"""Settings, all from the environment. `.env.example` lists every name; `manage.py doctor` says what is wrong with a value."""

import os
import secrets
import sys
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.utils.csp import CSP

BASE_DIR = Path(__file__).resolve().parent.parent


def needed(name: str, how: str) -> str:
    """Value of an environment variable without a safe default; stops the start with a sentence that says how to set it."""
    if value := os.environ.get(name, "").strip():
        return value
    raise ImproperlyConfigured(f"{name} is not set: {how}")


def flag(name: str) -> bool:
    return os.environ.get(name, "").strip().lower() in {"1", "true", "yes", "on"}


def listed(name: str) -> list[str]:
    return [part.strip() for part in os.environ.get(name, "").split(",") if part.strip()]


def database(url: str) -> dict[str, object]:
    """DATABASES entry of a postgresql:// URL; `?host=` may name a socket folder."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured("DATABASE_URL must be postgresql://user:password@host:port/name")
    query = parse_qs(parts.query)
    options = {key: values[0] for key, values in query.items() if key != "host"}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "smartcare",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query["host"][0] if "host" in query else parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 2, **options},
    }


def cache_url(redis_url: str) -> str:
    """The broker's server, next database: the cache may be flushed, and so may the broker."""
    parts = urlsplit(redis_url)
    if parts.scheme == "redis+socket":
        return f"unix://{parts.path}?db=1"
    return f"{parts.scheme}://{parts.netloc}/1"


# Commands that judge recorded files run without database, cache or settings of an installation.
OFFLINE = len(sys.argv) > 1 and sys.argv[1] in {"detect", "score-series", "calibrate"}

DEBUG = flag("DEBUG")
if OFFLINE:
    SECRET_KEY = secrets.token_urlsafe(50)
else:
    SECRET_KEY = needed(
        "SECRET_KEY", "export SECRET_KEY=$(python3 -c 'import secrets; print(secrets.token_urlsafe(50))')"
    )
SECRET_KEY_FALLBACKS = listed("SECRET_KEY_FALLBACKS")

PUBLIC_URL = os.environ.get("PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
_public = urlsplit(PUBLIC_URL)
IS_LOOPBACK = _public.hostname in {"127.0.0.1", "localhost", "::1"}
IS_HTTPS = _public.scheme == "https"
if not IS_HTTPS and not IS_LOOPBACK:
    raise ImproperlyConfigured(
        "PUBLIC_URL must start with https:// (http is accepted for 127.0.0.1 and localhost alone)"
    )
ALLOWED_HOSTS = listed("ALLOWED_HOSTS") or ([_public.hostname or "", "127.0.0.1", "localhost"] if IS_LOOPBACK else [])
if not ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS is not set: export ALLOWED_HOSTS=the.host.name of PUBLIC_URL")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

if OFFLINE:
    DATABASES: dict[str, dict[str, object]] = {}
else:
    DATABASES = {
        "default": database(
            needed(
                "DATABASE_URL",
                "export DATABASE_URL=postgresql://sc_app:password@host/smartcare, or use manage.py stack",
            )
        )
    }
    # The login that migrates. It exists for `migrate`, `doctor` and tests; web, worker and beat are started without it.
    if os.environ.get("DATABASE_OWNER_URL"):
        DATABASES["owner"] = database(os.environ["DATABASE_OWNER_URL"])
        DATABASES["owner"]["CONN_MAX_AGE"] = 0
        DATABASES["owner"]["OPTIONS"]["assume_role"] = "sc_owner"  # type: ignore[index]
DATABASE_ROUTERS: list[str] = []
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = (
    "memory://" if OFFLINE else needed("REDIS_URL", "export REDIS_URL=redis://host:6379/0, or use manage.py stack")
)
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": cache_url(REDIS_URL),
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
    }
    if not OFFLINE
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

INSTALLED_APPS = [
    "smartcare.apps.SmartcareConfig",
    "partners.apps.PartnersConfig",
    "telemetry.apps.TelemetryConfig",
    "access.apps.AccessConfig",
    "django.contrib.admin.apps.SimpleAdminConfig",  # without the tables that other packages register
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "guardian",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
]

MIDDLEWARE = [
    "smartcare.middleware.RequestId",
    "smartcare.middleware.ApiSlash",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "smartcare.middleware.PrivateAnswers",
    # Last: it runs the view itself, inside the viewer's transaction, after every other check has passed.
    "smartcare.middleware.ViewerTransaction",
]
ROOT_URLCONF = "smartcare.urls"
WSGI_APPLICATION = "smartcare.wsgi.application"

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
                "smartcare.navigation.shell",
            ],
        },
    }
]

AUTH_USER_MODEL = "access.User"
AUTHENTICATION_BACKENDS = [
    "allauth.account.auth_backends.AuthenticationBackend",
    "guardian.backends.ObjectPermissionBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/accounts/login/"

# guardian: no anonymous row, no cache; only access/ knows it (design/access.md, traps 1-11).
ANONYMOUS_USER_NAME = None
GUARDIAN_AUTO_PREFETCH = False
GUARDIAN_MONKEY_PATCH_USER = False
GUARDIAN_GET_CONTENT_TYPE = "guardian.ctypes.get_default_content_type"

OPEN_SIGNUP = flag("OPEN_SIGNUP")
SECOND_FACTOR = os.environ.get("SECOND_FACTOR", "required").strip().lower()
if SECOND_FACTOR not in {"required", "optional"}:
    raise ImproperlyConfigured("SECOND_FACTOR must be 'required' or 'optional'")
ACCOUNT_ADAPTER = "smartcare.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
# Before anybody is signed in, or a sign-up would tell which addresses are taken.
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True  # in the browser that signed up, and nowhere else
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_NOTIFICATIONS = True  # of changes to how somebody signs in, to the old address too
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/5m/key"}
MFA_ADAPTER = "smartcare.accounts.MfaAdapter"
MFA_FORMS = {"add_webauthn": "smartcare.accounts.AddPasskeyForm"}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "SmartCare"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = IS_LOOPBACK and not IS_HTTPS

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / ".data" / "static"
STATICFILES_DIRS = [BASE_DIR / "smartcare" / "static"]
WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# Nothing inline, nothing foreign. Django 6's own middleware sends it.
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^ingest/", r"^healthz$", r"^readyz$", r"^metrics$"]  # a redirected POST is a lost report
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = IS_HTTPS
SECURE_HSTS_PRELOAD = IS_HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_HTTPS else None
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_NAME = "__Host-sessionid" if IS_HTTPS else "sessionid"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "__Host-csrftoken" if IS_HTTPS else "csrftoken"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "smartcare.errors.csrf_failure"
X_FRAME_OPTIONS = "DENY"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"


def mailer(url: str) -> dict[str, object]:
    """MAILERS entry of smtp://user:password@host:587?tls=1, smtps://…, file:///folder or console://."""
    parts = urlsplit(url)
    options: dict[str, object] = {}
    match parts.scheme:
        case "smtp" | "smtps":
            options = {
                "host": parts.hostname or "localhost",
                "port": parts.port or (465 if parts.scheme == "smtps" else 25),
                "username": unquote(parts.username or ""),
                "password": unquote(parts.password or ""),
                "use_tls": "tls" in parse_qs(parts.query),
                "use_ssl": parts.scheme == "smtps",
                "timeout": 10,
            }
            backend = "smtp"
        case "file":
            backend, options = "filebased", {"file_path": parts.path}
        case "console":
            backend = "console"
        case "memory":
            backend = "locmem"
        case _:
            raise ImproperlyConfigured(
                "EMAIL_URL must be smtp://user:password@host:587?tls=1, smtps://…, file:///folder or console://"
            )
    return {"BACKEND": f"django.core.mail.backends.{backend}.EmailBackend", "OPTIONS": options}


EMAIL_URL = os.environ.get("EMAIL_URL", "console://")
MAILERS = {"default": mailer(EMAIL_URL)}
_sender = parse_qs(urlsplit(EMAIL_URL).query).get("from", [""])[0]
DEFAULT_FROM_EMAIL = SERVER_EMAIL = _sender or f"SmartCare <no-reply@{_public.hostname}>"

# Hosts or networks to which webhooks may go although they are not public, there also by plain http.
EGRESS_ALLOW = listed("EGRESS_ALLOW")
METRICS_TOKEN = os.environ.get("METRICS_TOKEN", "")
PORT = int(os.environ.get("PORT", "8000"))

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "access.api.authentication.ServiceAccountToken",
        "access.api.authentication.Session",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["access.api.permissions.IsViewer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "access.api.pagination.Cursor",
    "PAGE_SIZE": 50,
    "DEFAULT_FILTER_BACKENDS": [],  # filters go through the door, written by hand: a generic one would ask for everything
    "DEFAULT_SCHEMA_CLASS": "access.api.schema.ApiSchema",
    "EXCEPTION_HANDLER": "access.api.problems.handle",
    "DEFAULT_THROTTLE_CLASSES": ["access.api.throttles.PerViewer"],
    "DEFAULT_THROTTLE_RATES": {"viewer": os.environ.get("API_RATE", "1200/min")},
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "SmartCare API",
    "VERSION": "1.0.0",
    "DESCRIPTION": "The customer owns the data and alone decides which partners see which sites, which kinds of data, until when.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# Celery carries wake-ups only; the queue of record is PostgreSQL (design/architecture.md section 7).
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SOFT_TIME_LIMIT = 20
CELERY_TASK_TIME_LIMIT = 25
CELERY_WORKER_MAX_TASKS_PER_CHILD = 500
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 300_000
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "maint"
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 120,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 25,
    "unacked_restore_interval": 5,
    # A wake is tried once: without this a broker that is down costs every publisher six seconds.
    "max_retries": 0,
}
CELERY_TIMEZONE = "UTC"

# Analysis. Two days by the book; the demo lives for minutes and sets a shorter one.
ANALYSIS_WARM_UP_S = int(os.environ.get("ANALYSIS_WARM_UP_S", str(2 * 86_400)))
# A device that reports again within these seconds is analysed after them, with whatever came meanwhile as one block; 0: at once.
# Shorter than the shortest interval a report may promise, so that only backlogs and those who send too often ever wait.
ANALYSIS_SPACING_S = float(os.environ.get("ANALYSIS_SPACING_S", "5"))
# Seconds between evaluations by the clock of the samples is the engine's matter; this is how often silence is looked at.
SILENCE_EVERY_S = int(os.environ.get("SILENCE_EVERY_S", "60"))

LOGGING_CONFIG = None
if not OFFLINE:
    from smartcare import log

    log.configure(debug=DEBUG)

SILENCED_SYSTEM_CHECKS = [
    "guardian.W001",  # the stock backend is not used: allauth's subclass of it is
]
