"""A partner's web server: takes webhooks at /hook/<name>, answers the challenge, shows people what has arrived."""

import html
import json
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from smartcare.demo.outside.mailbox import Mailbox

HOOKS = "/hook/"
LONGEST = 1_000_000  # bytes of one webhook
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
SHOWN = 100
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#8881;padding:.6rem;border-radius:.4rem}"
    "summary{cursor:pointer;overflow-wrap:anywhere}"
)


def server(mailbox: Mailbox, port: int) -> ThreadingHTTPServer:
    """Bound to this machine alone, not yet serving. Raises OSError if the port is taken."""
    handler = type("Handler", (Receiver,), {"mailbox": mailbox})
    return ThreadingHTTPServer(("127.0.0.1", port), handler)


class Receiver(BaseHTTPRequestHandler):
    mailbox: Mailbox
    timeout = 15  # a sender that says nothing more must not keep a thread

    def do_POST(self) -> None:  # the name that http.server calls
        length = int(self.headers.get("Content-Length") or 0)
        if not self.path.startswith(HOOKS) or not 0 < length <= LONGEST:
            self._answer(404, "text/plain", "no such hook")
            return
        body = self.rfile.read(length).decode("utf-8", "replace")
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.mailbox.keep_webhook(path=self.path, headers=headers, body=body, at=time.time())
        self._answer(200, "application/json", json.dumps({"challenge": _challenge(body)}))

    def do_GET(self) -> None:
        pages = {"/": ("text/html", self._page), "/received": ("application/json", self._received)}
        kind, make = pages.get(self.path, ("", None))
        if self.path == "/style.css":
            self._answer(200, "text/css", STYLE)
        elif make is not None:
            self._answer(200, kind, make())
        else:
            self._answer(404, "text/plain", "not here")

    def _received(self) -> str:
        return json.dumps(self.mailbox.everything())

    def _page(self) -> str:
        found = self.mailbox.everything()
        mails = "".join(_mail(m) for m in reversed(found["mails"][-SHOWN:])) or "<p>None yet.</p>"
        hooks = "".join(_hook(w) for w in reversed(found["webhooks"][-SHOWN:])) or "<p>None yet.</p>"
        return (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>What left SmartCare</title>'
            '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/style.css">'
            "<h1>What left SmartCare</h1><p>Mails and webhooks of this demonstration, newest first. Reload to see more."
            f"</p><h2>Mails</h2>{mails}<h2>Webhooks</h2>{hooks}"
        )

    def _answer(self, status: int, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: what has arrived is on the page."""


def _challenge(body: str) -> str:
    """Who asks for a proof gets it; everything else gets an empty one."""
    try:
        data = json.loads(body).get("data", {})
    except (ValueError, AttributeError):
        return ""
    return str(data.get("challenge", "")) if isinstance(data, dict) else ""


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S UTC")


def _mail(found: dict[str, Any]) -> str:
    head = html.escape(f"{_when(found['at'])} to {', '.join(found['to'])}: {found['subject']}")
    return f"<details><summary>{head}</summary><pre>{html.escape(found['text'])}</pre></details>"


def _hook(found: dict[str, Any]) -> str:
    try:
        said = json.loads(found["body"])
        kind, text = str(said.get("type", "")), json.dumps(said, indent=2, ensure_ascii=False)
    except (ValueError, AttributeError):
        kind, text = "not JSON", found["body"]
    head = html.escape(f"{_when(found['at'])} {found['path']}: {kind}")
    return f"<details><summary>{head}</summary><pre>{html.escape(text)}</pre></details>"
