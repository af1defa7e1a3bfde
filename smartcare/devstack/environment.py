"""What the product needs in its environment to run on this machine alone."""

import secrets
from collections.abc import MutableMapping

DEFAULT_PORT = "8000"
# libpq reads these beside the address it is given; they would lead it away from a socket of ours.
BENDS_ADDRESSES = ("PGHOST", "PGHOSTADDR", "PGPORT", "PGUSER", "PGDATABASE", "PGSERVICE", "PGOPTIONS", "PGSSLMODE")


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


def use_own_database(env: MutableMapping[str, str], addresses: dict[str, str]) -> None:
    for name in BENDS_ADDRESSES:
        env.pop(name, None)
    env.update(addresses)
