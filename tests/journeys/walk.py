"""A person in a browser who counts every click. Typing is not counted, as in the promise of each journey."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.browsing import DESKTOP, window


@dataclass(slots=True)
class Walk:
    """page: of Playwright. js: whether its scripts run."""

    page: Any
    js: bool
    clicks: int = 0

    def goes(self, path: str) -> None:
        """Types an address or comes by a bookmark: not a click."""
        self.page.goto(path)

    def follows(self, link: str) -> None:
        """Clicks a link in a mail, which opens in this browser."""
        self.clicks += 1
        self.page.goto(link)

    def clicks_on(self, name: str, *, role: str = "button") -> None:
        """One click on what is called so, exactly once on the page; waits for the page that follows."""
        self.leaves_by(self.page.locator("main").get_by_role(role, name=name, exact=True))

    def leaves_by(self, thing: Any) -> None:
        """One click that leads to another page."""
        self.clicks += 1
        with self.page.expect_navigation():
            thing.click()

    def ticks(self, name: str) -> None:
        """One click on a big choice; the box itself is small."""
        self.clicks += 1
        self.page.locator("main label").filter(has_text=name).locator("input").first.check()

    def types(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).fill(text)

    def presses(self, key: str, *, leaves: bool = False) -> None:
        """A key, which is no click. leaves: it leads to another page."""
        if not leaves:
            self.page.keyboard.press(key)
            return
        with self.page.expect_navigation():
            self.page.keyboard.press(key)

    def reads(self) -> str:
        """What stands in the middle of the page, on one line."""
        return " ".join(self.page.locator("main").inner_text().split())


@contextmanager
def walking(
    browser: Any, url: str, user: Any = None, *, js: bool, size: tuple[int, int] = DESKTOP, **more: Any
) -> Iterator[Walk]:
    """Signed in as `user`, if any. more: of Playwright's contexts."""
    with window(browser, url, user, size=size, java_script_enabled=js, **more) as page:
        yield Walk(page, js)
