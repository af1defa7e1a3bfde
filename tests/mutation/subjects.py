"""What is mutated, most important first, and the tests that are to notice."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Subject:
    """path: the module's file. tests: where a test that notices may stand. prose: its texts are what it is for."""

    name: str
    path: str
    tests: tuple[str, ...]
    prose: bool = False

    @property
    def module(self) -> str:
        return self.path.removesuffix(".py").replace("/", ".")


# A model's fields and constraints are the database's as well: a change that no migration knows is noticed there.
SCHEMA = "tests/architecture/test_migrations.py"

SUBJECTS = (
    Subject(
        "door",
        "access/models/tenancy.py",
        (
            SCHEMA,
            "tests/access/test_door.py",
            "tests/access/test_door_alone.py",
            "tests/access/test_invariants.py",
            "tests/access/test_preview.py",
            "tests/access/test_staff.py",
            "tests/proofs/test_rowlevel.py",
        ),
    ),
    Subject(
        "policy",
        "access/policy.py",
        (
            "tests/access/test_policy.py",
            "tests/access/test_sharing.py",
            "tests/partners/test_planner.py",
        ),
    ),
    Subject(
        "gate",
        "access/gate.py",
        ("tests/access/test_gate.py", "tests/partners/test_sending.py", "tests/partners/test_notices.py"),
    ),
    Subject(
        "sharing",
        "access/sharing.py",
        (
            "tests/access/test_sharing.py",
            "tests/access/test_grants.py",
            "tests/access/test_decisions.py",
            "tests/access/test_door.py",
            "tests/access/test_expiry.py",
            "tests/access/test_preview.py",
            "tests/access/test_invariants.py",
            "tests/access/test_failpoints.py",
            "tests/access/test_requests.py",
            "tests/partners/test_sending.py",
        ),
    ),
    Subject("sentences", "access/sentences.py", ("tests/access/test_sentences.py",), prose=True),
    Subject("lengths", "access/lengths.py", ("tests/access/test_lengths.py", "tests/access/test_requests.py")),
    Subject("signing", "partners/forwarding/signing.py", ("tests/partners/forwarding/test_signing.py",)),
    Subject(
        "limits",
        "telemetry/ingest/limits.py",
        (
            "tests/telemetry/ingest/test_limits.py",
            "tests/telemetry/ingest/test_body.py",
            "tests/telemetry/ingest/test_protocol_page.py",
            "tests/telemetry/ingest/formats",
        ),
    ),
)
