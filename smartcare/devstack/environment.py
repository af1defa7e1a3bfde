"""What the product needs in its environment to run on this machine alone."""

import secrets
from collections.abc import MutableMapping

DEFAULT_PORT = "8000"
LIBPQ = "PG"  # PGPORT, PGSERVICE, PGREQUIREAUTH and two dozen more bend the address that a program is given


def complete(env: MutableMapping[str, str]) -> None:
    """Fill in what nobody has set: settings, a secret for this run, this machine alone as host."""
    env.setdefault("DJANGO_SETTINGS_MODULE", "smartcare.settings")
    defaults = {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "PUBLIC_URL": f"http://127.0.0.1:{env.get('PORT') or DEFAULT_PORT}",
    }
    for name, value in defaults.items():
        env[name] = env.get(name) or value  # an empty one counts as missing, as it does for the settings


def forget_libpq(env: MutableMapping[str, str]) -> None:
    """Before a database of our own is used."""
    for name in [name for name in env if name.startswith(LIBPQ)]:
        del env[name]
