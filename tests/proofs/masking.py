"""What may differ between two answers to the same question: times, tokens against forged forms, ids of what was just made."""

import re
from typing import Any

MASKS = [
    (re.compile(rb'(name="csrfmiddlewaretoken" value=")[^"]+'), rb"\1CSRF"),
    (re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00)?"), b"TIME"),
    (re.compile(rb"\b\d\d:\d\d(:\d\d)?\b"), b"CLOCK"),
]
MADE = re.compile(rb"\b[a-z]{2}-[2-9a-hjkmnp-z]{10}\b")
VARYING = {"content-length", "set-cookie"}


def masked(response: Any, *, made: bool = False) -> bytes:
    """Status, headers and body of an answer. made: it made something, and its public ids are new."""
    head = "\n".join(f"{k}: {v}" for k, v in sorted(response.headers.items()) if k.lower() not in VARYING)
    body = b"".join(response.streaming_content) if response.streaming else response.content
    text = f"{response.status_code}\n{head}\n\n".encode() + body
    for pattern, instead in MASKS:
        text = pattern.sub(instead, text)
    return MADE.sub(b"ID", text) if made else text
