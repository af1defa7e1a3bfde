"""Journey 1: from signing up to the first device that is heard, against the real server, with a device that posts over HTTP."""

import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.db import connections
from django.utils import timezone

from access.models import Grant, User
from smartcare import server
from tests.cast import PASSWORD
from tests.journeys.walk import Walk, walking

ROOT = Path(__file__).parents[2]
PROMISED_S = 300


@pytest.fixture
def real_server(transactional_db: None, tmp_path: Path) -> Iterator[str]:
    """granian as `serve` starts it, open to everybody, on this worker's test database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    database = urlsplit(os.environ["DATABASE_URL"])
    environment = os.environ | {
        "DATABASE_URL": urlunsplit(database._replace(path="/" + quote(connections["default"].settings_dict["NAME"]))),
        "SECRET_KEY": settings.SECRET_KEY,
        "PUBLIC_URL": url,
        "OPEN_SIGNUP": "1",
        "SECOND_FACTOR": "optional",
        "EMAIL_URL": f"file://{tmp_path}",
    }
    environment.pop("DATABASE_OWNER_URL", None)
    with subprocess.Popen(
        server.command(host="127.0.0.1", port=port, access_log=False), cwd=ROOT, env=environment
    ) as process:
        try:
            wait_for(url)
            yield url
        finally:
            process.terminate()
            process.wait(30)


def wait_for(url: str) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(f"{url}/healthz", timeout=2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"{url} does not answer")


def posts_a_report(line: str) -> int:
    """Paste the line into a terminal; where there is no curl, send what it sends. The status of the answer."""
    if shutil.which("curl") and Path("/proc/uptime").exists():
        told = subprocess.run(
            ["bash", "-c", f"{line} -w '%{{http_code}}' -o /dev/null"], capture_output=True, check=True
        )
        return int(told.stdout)
    url = re.search(r"(http\S+/ingest/v1/reports)", line)[1]  # type: ignore[index]
    key = re.search(r"Bearer (scd_\w+?_[\w-]+)", line)[1]  # type: ignore[index]
    report = {
        "schema": "smartcare.report/1",
        "report_id": str(uuid.uuid4()),
        "sent_at": timezone.now().isoformat(timespec="seconds").replace("+00:00", "Z"),
        "interval_s": 300,
        "devices": [
            {
                "ref": "d1",
                "identity": {"hostname": "fw"},
                "uptime_s": 4711,
                "samples": [{"m": "device.uptime", "v": 4711}],
            }
        ],
    }
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(report).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return int(answer.status)


def signs_up(new: Walk, email: str, mailbox: Path) -> None:
    """As far as the link in the mail, where the promise begins to count."""
    new.goes("/accounts/signup/")
    new.types("Email", email)
    new.types("Password", PASSWORD)
    new.clicks_on("Create account")
    written = "".join(file.read_text() for file in mailbox.iterdir()).replace("=\n", "")
    new.goes(re.search(r"http\S+/accounts/confirm-email/\S+", written)[0])  # type: ignore[index]
    new.clicks_on("Yes, it is mine")


def waits_to_be_heard(new: Walk) -> None:
    """The page notices by itself; without scripts a person looks again."""
    if new.js:
        new.page.get_by_role("link", name="Continue", exact=True).wait_for(timeout=15_000)
    else:
        new.clicks_on("Look again", role="link")


def test_journey_1_from_signing_up_to_the_first_device_in_5_clicks(
    real_server: str, browser: Any, js: bool, tmp_path: Path, record_property: Any
):
    begun = time.monotonic()
    email = f"iris.{uuid.uuid4().hex[:8]}@bakery.example"  # one address gets such a mail once in three minutes
    with walking(browser, real_server, js=js) as new:
        signs_up(new, email, tmp_path)
        new.clicks = 0  # counted from here on
        new.types("Company", "Corner Bakery")
        new.types("First site (optional)", "Main street")
        new.clicks_on("Continue")
        new.clicks_on("Firewall or router")
        line = new.page.locator(".code code").first.inner_text()
        if js:
            new.clicks += 1
            new.page.locator("[data-copy]").first.click()

        assert posts_a_report(line) == 202
        waits_to_be_heard(new)
        new.clicks_on("Continue", role="link")

        assert "Nobody. You see everything and get all alerts." in new.reads()
        new.clicks_on("Finish", role="link")

        assert "1 device" in new.reads()
        assert new.clicks == 5  # copying is a click with scripts, looking again without
    took = time.monotonic() - begun
    assert took < PROMISED_S
    assert User.objects.filter(email=email).exists()
    assert not Grant.objects.exists()
    record_property(
        "journey",
        f"1 sign up to first device, {'with' if js else 'without'} scripts: {new.clicks} clicks, {took:.1f} s",
    )
