"""What must hold at rest, counted: in the database as its owner sees it, against ledgers that the database has never seen."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from standardwebhooks.webhooks import Webhook

from telemetry.analysis import engine
from telemetry.analysis.facts import DeviceFacts, Sample, series_of
from tests.chaos import script
from tests.chaos.stack import Stack
from tests.chaos.world import World

Lines = list[dict[str, Any]]
# Work that is due or under way. What waits for its time (a retry) is at rest.
DUE = "state = 'running' OR (state = 'ready' AND run_at < statement_timestamp() + interval '8 s')"
UNREST = {
    "devices to analyse": "SELECT count(*) FROM telemetry_analysisdue",
    "facts to apply": "SELECT count(*) FROM telemetry_factinbox",
    "jobs": f"SELECT count(*) FROM telemetry_job WHERE {DUE}",
    "deliveries": f"SELECT count(*) FROM partners_delivery WHERE {DUE}",
    "grants to drain": "SELECT count(*) FROM access_grant WHERE closed_at IS NOT NULL AND drained_at IS NULL",
}
NEWEST = """
SELECT d.id::text, coalesce(max(r.received), 0), coalesce(max(s.read_up_to), 0)
  FROM telemetry_device d
  LEFT JOIN telemetry_detectorstate s ON s.device_id = d.id
  LEFT JOIN (SELECT stay, received FROM telemetry_healthsample UNION ALL SELECT stay, received FROM telemetry_trafficsample
             UNION ALL SELECT stay, received FROM telemetry_deviceevent) r ON r.stay = d.stay_number
 GROUP BY d.id
"""
STORED_SAMPLES = " + ".join(
    f"(SELECT coalesce(sum(octet_length(values)) / 8, 0) FROM telemetry_{name}sample)" for name in ("health", "traffic")
)
OPENING, ENDING = {"opened", "reopened"}, {"resolved"}


def read(ledger: Path) -> Lines:
    """Complete lines; of a line that was cut off nobody was told."""
    if not ledger.exists():
        return []
    return [json.loads(line) for line in ledger.read_bytes().split(b"\n")[:-1]]


def unrest(stack: Stack) -> dict[str, int]:
    """What is due or under way; nothing at rest."""
    counts = stack.ask("SELECT " + ", ".join(f"({question})" for question in UNREST.values()))[0]
    return {what: count for what, count in zip(UNREST, counts, strict=True) if count}


@dataclass
class Census:
    """Counts of one run, and in `wrong` a sentence for everything that must not be."""

    acknowledged: int = 0
    stored: int = 0
    lost: int = 0
    doubled: int = 0
    unasked: int = 0  # stored and never acknowledged: none, since senders repeat
    samples: int = 0
    alerts: int = 0
    transitions: int = 0
    deliveries: Counter[str] = field(default_factory=Counter)
    repeated_on_the_wire: int = 0
    wrong: list[str] = field(default_factory=list)

    def require(self, holds: bool, words: str) -> None:
        if not holds:
            self.wrong.append(words)

    @property
    def table(self) -> dict[str, Any]:
        counts = {name: getattr(self, name) for name in ("acknowledged", "stored", "lost", "doubled", "samples")}
        wire = {"repeated on the wire": self.repeated_on_the_wire}
        return counts | {"alerts": self.alerts, "changes": self.transitions, **self.deliveries, **wire}


def take(stack: Stack, world: World, acknowledged: Lines) -> Census:
    census = Census()
    _reports(census, stack, acknowledged)
    _analysis(census, stack)
    _alerts(census, stack, world, acknowledged)
    _deliveries(census, stack)
    _wire(census, stack, world)
    return census


# ---- what was acknowledged is stored and analysed


def _reports(census: Census, stack: Stack, acknowledged: Lines) -> None:
    told = Counter(line["id"] for line in acknowledged)
    kept = Counter(row[0] for row in stack.ask("SELECT report_id::text FROM telemetry_report"))
    census.acknowledged, census.stored = len(told), len(kept)
    census.lost = len(set(told) - set(kept))
    census.doubled = sum(count - 1 for count in kept.values())
    census.unasked = len(set(kept) - set(told))
    census.samples = stack.count(f"SELECT {STORED_SAMPLES}")
    expected = sum(line["samples"] for line in acknowledged)
    census.require(census.lost == 0, f"{census.lost} acknowledged reports are not there")
    census.require(census.doubled == 0, f"{census.doubled} reports are there twice")
    census.require(census.unasked == 0, f"{census.unasked} reports are there that nobody was told of")
    census.require(census.samples == expected, f"{census.samples} samples stored, {expected} acknowledged")


def _analysis(census: Census, stack: Stack) -> None:
    waiting = stack.ask("SELECT device_id::text, attempts, last_error FROM telemetry_analysisdue")
    census.require(not waiting, f"not analysed: {waiting}")
    behind = [row for row in stack.ask(NEWEST) if row[1] != row[2]]
    census.require(not behind, f"cursors not at the last receipt (device, received, read): {behind}")
    unfinished = stack.ask("SELECT kind, state, attempts, last_error FROM telemetry_job WHERE state <> 'done'")
    census.require(not unfinished, f"jobs that are not done: {unfinished}")


# ---- alerts as from a clean run


def _alerts(census: Census, stack: Stack, world: World, acknowledged: Lines) -> None:
    rows = stack.ask(
        "SELECT a.device_id::text, a.rule, a.subject, a.resolved_at IS NULL, array(SELECT t.kind FROM telemetry_alerttransition t"
        " WHERE t.alert_id = a.id ORDER BY t.at, t.id) FROM telemetry_alert a"
    )
    census.alerts, census.transitions = len(rows), sum(len(row[4]) for row in rows)
    serials = {pk: serial for serial, pk in world.devices.items()}
    found: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for pk, rule, subject, is_open, kinds in rows:
        serial = serials[pk]
        if is_open:
            found[serial][rule, subject] += 1
        steps = [kind for kind in kinds if kind in OPENING | ENDING]
        alternate = all((kind in OPENING) is (place % 2 == 0) for place, kind in enumerate(steps))
        census.require(alternate, f"{serial} {rule}: {kinds} is no life of an alert")
        part = subject.partition("/")[0]
        fault = script.fault(serial, part)
        if fault is not None and not fault.end:
            census.require(kinds == ["opened"], f"{serial} {rule}: one fault that stays, and {kinds}")
    doubles = {serial: held for serial, held in found.items() if held and max(held.values()) > 1}
    census.require(not doubles, f"alerts that are open twice: {doubles}")
    clean = clean_run(world, acknowledged)
    for serial in world.devices:
        census.require(
            set(found[serial]) == clean[serial], f"{serial}: open {set(found[serial])}, clean run {clean[serial]}"
        )
    one_problem = Counter((row[0], row[1], row[2]) for row in rows)
    census.require(not one_problem or max(one_problem.values()) == 1, "a problem that came back has a second alert")


def clean_run(world: World, acknowledged: Lines) -> dict[str, set[tuple[str, str]]]:
    """(rule, subject) of what holds for each device after what was acknowledged, by the detectors alone: no database, no
    front door, one block."""
    samples: dict[str, list[Sample]] = {serial: [] for serial in world.devices}
    serials = {sender.name: sender.serials for sender in world.senders}
    for line in acknowledged:
        for serial in serials[line["sender"]]:
            for said in script.device(serial, line["n"], "d")["samples"]:
                labels = tuple(said.get("l", {}).items())
                samples[serial].append(Sample(said["m"], said["i"], labels, line["at"], said.get("s", said.get("v"))))
    found = {}
    for serial, said in samples.items():
        block = DeviceFacts(serial, "switch", script.INTERVAL_S, "UTC", series_of(said))
        newest = max((sample.t for sample in said), default=0.0)
        found[serial] = {(finding.kind, finding.subject) for finding in engine.advance(None, block, newest).findings}
    return found


# ---- deliveries


def _deliveries(census: Census, stack: Stack) -> None:
    rows = stack.ask(
        "SELECT d.state, d.reason, d.subject, d.attempts, d.run_at > statement_timestamp() FROM partners_delivery d"
    )
    census.deliveries = Counter(state for state, *_ in rows)
    for state, reason, subject, attempts, is_later in rows:
        ended = state == "delivered" or (state in {"cancelled", "dead"} and reason) or (state == "ready" and is_later)
        census.require(bool(ended), f"a delivery of {subject} is {state} ({reason}) after {attempts} attempts")
        census.require(state != "dead", f"a delivery of {subject} was given up: {reason}")
    unplanned = stack.count(
        "SELECT count(*) FROM telemetry_alerttransition t JOIN partners_destination g ON g.owner_id = t.customer_id"
        " WHERE t.kind IN ('opened', 'reopened', 'resolved') AND g.verified_at < t.at"
        " AND NOT EXISTS (SELECT FROM partners_delivery d WHERE d.transition_id = t.id AND d.destination_id = g.id)"
    )
    census.require(unplanned == 0, f"{unplanned} changes were not planned for a destination of their own customer")
    unsaid = stack.count(
        "SELECT count(*) FROM partners_deliveryattempt a JOIN partners_delivery d ON d.id = a.delivery_id"
        " WHERE a.outcome = 'started' AND a.error = '' AND d.state <> 'ready'"
    )
    census.require(unsaid == 0, f"{unsaid} attempts have no end on record, and nobody was told")


def _wire(census: Census, stack: Stack, world: World) -> None:
    """What the receiver has against what we believe to have sent."""
    arrived = read(stack.received)
    taken = Counter(line["id"] for line in arrived if line["status"] == 200)
    census.repeated_on_the_wire = sum(count - 1 for count in taken.values())
    sent = stack.ask(
        "SELECT d.id::text, d.state, g.url, d.event FROM partners_delivery d JOIN partners_destination g ON g.id = d.destination_id"
        " WHERE g.kind = 'webhook'"
    )
    by_id = {row[0]: row for row in sent}
    missing = [row for row in sent if row[1] == "delivered" and row[0] not in taken]
    census.require(not missing, f"delivered, says the database, and the receiver has never seen it: {missing}")
    unknown = set(taken) - set(by_id)
    census.require(not unknown, f"the receiver has messages that nobody sent: {unknown}")
    for line in arrived:
        _, _, url, event = by_id.get(line["id"], ("", "", line["hook"], line["type"]))
        census.require(url.endswith(line["hook"]) and event == line["type"], f"{line['id']} went to {line['hook']}")
    census.require(_all_signed(arrived, world), "a message whose signature its receiver cannot check")


def _all_signed(arrived: Lines, world: World) -> bool:
    opened = {f"/{owner}": Webhook(secret) for owner, secret in world.hooks.items()}
    for line in arrived:
        signature = opened[line["hook"]].sign(line["id"], _moment(line["timestamp"]), line["body"])
        if signature not in line["signed"].split(" "):
            return False
    return True


def _moment(timestamp: str) -> Any:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(int(timestamp), UTC)


def percentile(values: Iterable[float], share: float) -> float:
    found = sorted(values)
    return float(np.quantile(found, share)) if found else float("nan")
