"""Work that was given up: which, since when and why; and doing it again."""

import json
from collections import Counter
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.timesince import timesince

from smartcare import given_up
from smartcare.given_up import GivenUp


class Command(BaseCommand):
    help = "List work that was given up (jobs, analyses, deliveries, bodies in quarantine), or have it done again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--again",
            nargs="+",
            default=[],
            metavar="ID|KIND",
            help="do these again; once the cause is gone, or they are given up again",
        )
        parser.add_argument("--customer", default="", metavar="PUBLIC_ID", help="of this organization alone")
        parser.add_argument(
            "--whole-errors",
            action="store_true",
            help="errors with their words, which may quote a customer's data; else their kind alone",
        )
        parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON object on standard output")

    def handle(
        self, *args: Any, again: list[str], customer: str, whole_errors: bool, as_json: bool, **options: Any
    ) -> None:
        found = given_up.listed(organization=customer)
        if again:
            self._do_again(found, again)
            return
        if as_json:
            rows = [_as_dict(one, whole_errors) for one in found]
            self.stdout.write(json.dumps({"given_up": Counter(one.kind for one in found), "work": rows}))
            return
        for one in found:
            error = " ".join(one.error.split()) if whole_errors else one.error_kind
            self.stdout.write(
                f"{one.kind:22} {one.id:36} {one.organization}  {_ago(one.since):>20}  {one.tries:3} tries  {error}"
            )
        self.stderr.write(_summed_up(found))

    def _do_again(self, found: list[GivenUp], wanted: list[str]) -> None:
        known = {name for one in found for name in (one.id, one.kind)}
        if unknown := [name for name in wanted if name not in known]:
            raise CommandError(f"Nothing that was given up has the id or kind {unknown[0]}. Nothing was changed")
        chosen = [one for one in found if one.id in wanted or one.kind in wanted]
        done = [given_up.again(one) for one in chosen]
        for one, is_done in zip(chosen, done, strict=True):
            if not is_done:
                self.stderr.write(f"{one.kind} {one.id}: {_not_done(one)}")
        self.stdout.write(f"{sum(done)} of {len(done)} begun again")


def _not_done(one: GivenUp) -> str:
    if one.store == "quarantine":
        return "still cannot be read, or its key was stopped; it is kept (the error is in the log)"
    return "is not given up any more"


def _as_dict(one: GivenUp, whole: bool) -> dict[str, Any]:
    return {name: value for name, value in asdict(one).items() if name != "store"} | {
        "since": one.since.isoformat(),
        "error": one.error if whole else one.error_kind,
    }


def _ago(since: datetime) -> str:
    return f"{timesince(since, timezone.now(), depth=1)} ago".replace("\xa0", " ")


def _summed_up(found: list[GivenUp]) -> str:
    if not found:
        return "Nothing was given up."
    kinds = ", ".join(f"{count} {kind}" for kind, count in Counter(one.kind for one in found).items())
    return f"Given up: {kinds}. Once the cause is gone: manage.py jobs --again ID or KIND"
