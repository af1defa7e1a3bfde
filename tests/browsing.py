"""The product in a real browser: a server on a free port, people signed in, pages looked at from every side."""

import contextlib
import gzip
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from django.conf import settings
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from tests.signing_in import sign_in

DESKTOP, PHONE = (1440, 900), (390, 844)
WIDTHS = (320, 390, 1440)
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Rules whose verdict depends on colours and sizes; the others read the document, which is the same in every theme.
OF_THE_LOOK = ["color-contrast", "target-size", "link-in-text-block", "scrollable-region-focusable"]
WHAT_IS_SHOWN = """() => [...document.querySelectorAll('main h1, main h2, main a, main button, main input, main select')]
    .filter(e => e.checkVisibility({visibilityProperty: true}) && !e.closest('.needs-js'))
    .map(e => e.tagName + ' ' + (e.textContent.trim().replace(/\\s+/g, ' ') || e.name || e.id))"""


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The address of the whole product, in a thread of this process, on the committed state of its test database."""
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    live = LiveServer("127.0.0.1:0")
    try:
        yield live.url
    finally:
        live.stop()


def cookies_of(user: Any, url: str) -> list[Any]:
    """The session of somebody who has signed in, for a browser's context."""
    client = sign_in(Client(), user)
    name = settings.SESSION_COOKIE_NAME
    return [{"name": name, "value": client.cookies[name].value, "url": url}]


@contextlib.contextmanager
def window(browser: Any, url: str, user: Any = None, *, size: tuple[int, int] = DESKTOP, **more: Any) -> Iterator[Any]:
    """A page in a context of its own, signed in as `user`, if any."""
    context = browser.new_context(base_url=url, viewport={"width": size[0], "height": size[1]}, **more)
    if user is not None:
        context.add_cookies(cookies_of(user, url))
    try:
        yield context.new_page()
    finally:
        context.close()


@dataclass(frozen=True, slots=True)
class Look:
    """How a page is looked at. whole: all of axe's rules, else those of the look."""

    size: tuple[int, int]
    theme: str
    whole: bool

    def __str__(self) -> str:
        return f"{self.size[0]} px, {self.theme}"


SQUEEZED = """() => [...document.querySelectorAll("main td, main th")]
  .filter((cell) => cell.checkVisibility() && cell.clientWidth < 48 && cell.clientHeight > 120 && cell.innerText.length > 8)
  .map((cell) => cell.innerText.slice(0, 40))"""


@dataclass(slots=True)
class Visit:
    """What was found on one page. weight: bytes of its HTML, gzipped; wider: {width of the window: width of the page}."""

    path: str
    status: int
    weight: int = 0
    elements: int = 0
    axe: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    wider: dict[int, int] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)  # shown with scripts, not without
    squeezed: list[str] = field(default_factory=list)  # cells in which text stands letter by letter on a phone


def visit(page: Any, path: str, looks: tuple[Look, ...], *, without_scripts: Any = None) -> Visit:
    """Open the path once and look at it in every way; in a second window that runs no scripts, if given."""
    said: list[str] = []

    def hear(message: Any) -> None:
        if message.type in {"error", "warning"}:
            said.append(message.text)

    page.on("console", hear)
    page.set_viewport_size({"width": looks[0].size[0], "height": looks[0].size[1]})
    response = page.goto(path, wait_until="load")
    found = Visit(path, response.status, len(gzip.compress(response.body(), 6)))
    found.elements = page.evaluate("document.querySelectorAll('*').length")
    found.shown = page.evaluate(WHAT_IS_SHOWN)
    if without_scripts is not None:
        without_scripts.goto(path)
        there = without_scripts.evaluate(WHAT_IS_SHOWN)
        found.gone = [what for what in found.shown if what not in there]
    page.remove_listener("console", hear)  # before axe, which tries a stylesheet of its own
    page.evaluate(AXE_SCRIPT)
    for look in looks:
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", look.theme)
        page.set_viewport_size({"width": look.size[0], "height": look.size[1]})
        found.axe += [f"{path} at {look}: {line}" for line in judged(page, whole=look.whole)]
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
            found.wider[width] = wide
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    found.squeezed = page.evaluate(SQUEEZED)
    # The browser itself notes a main document that is an error page.
    found.console = [f"{path}: {text}" for text in said if found.status < 400 or "Failed to load resource" not in text]
    return found


def judged(page: Any, *, whole: bool) -> list[str]:
    """Violations, one line each, of a page into which axe's script has been put."""
    chosen = {"type": "tag", "values": TAGS} if whole else {"type": "rule", "values": OF_THE_LOOK}
    options = {"runOnly": chosen, "resultTypes": ["violations"]}
    answer = page.evaluate("options => axe.run(options)", options)
    return [
        f"{v['id']}, {len(v['nodes'])} times, first {v['nodes'][0]['html'][:160]} ({v['help']})"
        for v in answer["violations"]
    ]
