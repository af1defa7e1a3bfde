"""Web only, in the production's shape: this process becomes the web server."""

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from smartcare import server

LOOPBACK = "127.0.0.1"


class Command(BaseCommand):
    help = "Run the web server. Worker and beat are `celery -A smartcare worker` and `celery -A smartcare beat`."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--host", default=os.environ.get("HOST") or LOOPBACK, help=f"address to listen on: HOST, or {LOOPBACK}"
        )
        parser.add_argument("--port", type=int, default=settings.PORT, help="PORT, or 8000")
        parser.add_argument(
            "--workers", default=os.environ.get("WEB_WORKERS") or "1", help="processes: WEB_WORKERS, or 1"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        command = server.command(host=options["host"], port=options["port"], workers=_count(options["workers"]))
        self.stderr.write(f"smartcare: http://{options['host']}:{options['port']} for {settings.PUBLIC_URL}")
        environment = dict(os.environ)
        if environment.pop("DATABASE_OWNER_URL", None):
            self.stderr.write("smartcare: DATABASE_OWNER_URL is kept from the web server: it is for migrate and doctor")
        connections.close_all()
        sys.stderr.flush()
        os.execve(command[0], command, environment)  # noqa: S606 - our own command line, no shell


def _count(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 64):
        raise CommandError("WEB_WORKERS must be a number from 1 to 64")
    return int(text)
