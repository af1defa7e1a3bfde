"""The benchmarks: figures with the conditions they were taken under, beside a baseline in the same run."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from smartcare.bench import analyse, grants, ingest, pages
from smartcare.bench.store import NoOwner


class Command(BaseCommand):
    help = "Measure: `bench ingest|analyse|pages|grants`. Brings its own servers unless DATABASE_URL names an empty database of its own."

    def add_arguments(self, parser: CommandParser) -> None:
        kinds = parser.add_subparsers(dest="kind", required=True, metavar="ingest|analyse|pages|grants")
        one = kinds.add_parser("ingest", help="taking in reports, beside DRF + ORM + one Celery task per report")
        one.add_argument("--json", action="store_true", help="one JSON object on standard output")
        one.add_argument("--small", action="store_true", help="seconds instead of minutes: shows that it runs")
        one.add_argument("--repeat", type=int, help="runs of each kind; the median counts (3)")
        one.add_argument("--devices", type=int, help="simulated devices (1000)")
        one.add_argument("--no-analysis", action="store_true", help="leave out the run with a worker beside it")
        one.add_argument("--url", help="drive this server instead, http://host:port; needs --keys")
        one.add_argument(
            "--keys", type=Path, help="for --url: a file of `KEY` or `KEY SERIAL` of its device, one a line"
        )
        one.add_argument("--rounds", type=int, help="for --url: reports of each key (8)")
        one.add_argument("--per-second", type=float, default=0, help="for --url: the pace (as fast as answers come)")

        two = kinds.add_parser("grants", help="what consent costs a reader, beside guardian and an unprotected join")
        two.add_argument("--json", action="store_true", help="one JSON object on standard output")
        two.add_argument("--small", action="store_true", help="seconds instead of minutes: shows that it runs")
        two.add_argument("--runs", type=int, help="times each way is asked in each world (200)")
        two.add_argument(
            "--large", action="store_true", help="also a world ten times as large (ten million permissions)"
        )

        three = kinds.add_parser("analyse", help="detectors with their state in the database, beside one row at a time")
        three.add_argument("--json", action="store_true", help="one JSON object on standard output")
        three.add_argument("--small", action="store_true", help="seconds instead of minutes: shows that it runs")
        three.add_argument("--repeat", type=int, help="runs of each shape; the median counts (3)")
        three.add_argument("--devices", type=int, help="simulated devices (200)")

        four = kinds.add_parser("pages", help="what each page costs, beside a list of devices as it is usually written")
        four.add_argument("--json", action="store_true", help="one JSON object on standard output")
        four.add_argument("--small", action="store_true", help="seconds instead of minutes: shows that it runs")
        four.add_argument("--runs", type=int, help="visits of each page (40)")

    def handle(self, *args: Any, **options: Any) -> None:
        {"ingest": self._ingest, "analyse": self._analyse, "pages": self._pages, "grants": self._grants}[
            options["kind"]
        ](options)

    def _analyse(self, options: dict[str, Any]) -> None:
        plan = analyse.Plan.small() if options["small"] else analyse.Plan()
        plan = dataclasses.replace(plan, **{name: options[name] for name in ("repeat", "devices") if options[name]})
        self._tell(options, lambda: analyse.run(plan, ingest.to_stderr))

    def _pages(self, options: dict[str, Any]) -> None:
        plan = pages.Plan.small() if options["small"] else pages.Plan()
        plan = dataclasses.replace(plan, runs=options["runs"] or plan.runs)
        self._tell(options, lambda: pages.run(plan, ingest.to_stderr), pages.table)

    def _tell(
        self,
        options: dict[str, Any],
        measure: Callable[[], dict[str, Any]],
        table: Callable[[dict[str, Any]], str] = lambda found: json.dumps(found, indent=1),
    ) -> None:
        self._must_be_empty()
        try:
            found = measure()
        except (NoOwner, TimeoutError, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(found) if options["json"] else table(found))

    def _ingest(self, options: dict[str, Any]) -> None:
        plan = _plan(options)
        try:
            found = self._driven(plan, options) if options["url"] else self._measured(plan)
        except (NoOwner, TimeoutError, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(found) if options["json"] else json.dumps(found, indent=1))

    def _grants(self, options: dict[str, Any]) -> None:
        plan = grants.Plan.small() if options["small"] else grants.Plan()
        plan = dataclasses.replace(plan, runs=options["runs"] or plan.runs)
        if options["large"]:
            plan = dataclasses.replace(plan, factors=(*plan.factors, 10.0))
        self._tell(options, lambda: grants.run(plan, ingest.to_stderr), grants.table)

    def _driven(self, plan: ingest.Plan, options: dict[str, Any]) -> dict[str, Any]:
        if not options["keys"]:
            raise CommandError("--url needs --keys FILE: one ingest key a line")
        keys = [line.strip() for line in options["keys"].read_text().splitlines() if line.strip()]
        if not keys:
            raise CommandError(f"{options['keys']} holds no key")
        return ingest.drive(options["url"], keys, plan, ingest.to_stderr, per_second=options["per_second"])

    def _measured(self, plan: ingest.Plan) -> dict[str, Any]:
        self._must_be_empty()
        return ingest.run(plan, ingest.to_stderr)

    def _must_be_empty(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM access_user")
            if cursor.fetchone()[0]:
                raise CommandError("This database is in use: the benchmark fills one of its own. Unset DATABASE_URL.")


def _plan(options: dict[str, Any]) -> ingest.Plan:
    plan = ingest.Plan.small() if options["small"] else ingest.Plan()
    changes = {name: options[name] for name in ("repeat", "devices", "rounds") if options[name]}
    if options["no_analysis"]:
        changes["analysis"] = False
    return ingest.Plan(**{name: changes.get(name, getattr(plan, name)) for name in ingest.Plan.__slots__})
