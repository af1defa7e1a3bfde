"""Where mail goes. People are told by mail what nobody may miss."""

import os
import smtplib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import mailers

from smartcare.doctor.findings import Finding, fault, good, note


def server_answers() -> Iterator[Finding]:
    parts = urlsplit(settings.EMAIL_URL)
    if parts.scheme in {"smtp", "smtps"}:
        yield _smtp(f"{parts.hostname}:{parts.port or ''}".rstrip(":"))
    elif parts.scheme == "file":
        yield _folder(Path(parts.path))
    else:
        said = f"goes nowhere: EMAIL_URL is {parts.scheme}://"
        advice = "export EMAIL_URL=smtp://user:password@host:587?tls=1"
        yield note("mail", said, advice) if settings.IS_LOOPBACK else fault("mail", said, advice)


def _smtp(where: str) -> Finding:
    """Signs in and says good-bye; sends nothing."""
    connection = mailers.default
    try:
        connection.open()
    except (smtplib.SMTPException, OSError) as error:
        return fault(
            "mail",
            f"the server at {where} does not let us in: {type(error).__name__}: {str(error)[:120]}",
            "correct EMAIL_URL, or start the server; mails wait and are tried again for days",
        )
    connection.close()
    return good("mail", f"the server at {where} lets us in")


def _folder(folder: Path) -> Finding:
    if folder.is_dir() and os.access(folder, os.W_OK):
        return note("mail", f"is written to {folder}, nobody gets it", "set EMAIL_URL=smtp://… for people to be told")
    return fault("mail", f"{folder} cannot be written to", "make the folder, or correct EMAIL_URL")
