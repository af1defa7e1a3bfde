"""Somebody at a browser: signs in, reads pages, presses buttons; with the cookies and tokens that a browser has."""

import html
import json
import re
from dataclasses import dataclass
from typing import Any

import requests

from smartcare.demo.check.marks import Leaks
from smartcare.demo.check.verdict import Broken

TIMEOUT_S = 15
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Page:
    status: int
    text: str

    @property
    def words(self) -> str:
        """As people read it: entities undone."""
        return html.unescape(self.text)


class Person:
    """reader: by whose marks everything is searched that this person gets (marks.py)."""

    def __init__(self, address: str, name: str, *, reader: str, leaks: Leaks) -> None:
        self.name = name
        self._address, self._reader, self._leaks = address, reader, leaks
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy between us and this machine

    def sign_in(self, email: str, password: str) -> None:
        """Raises Broken."""
        self.press("/accounts/login/", "/accounts/login/", login=email, password=password)
        if not self._session.cookies.get("sessionid"):
            raise Broken(f"{self.name} cannot sign in")

    def see(self, path: str) -> Page:
        """Any page or answer of the API; raises Broken if the server does not answer, or answers that it failed."""
        return self._page("GET", path)

    def read(self, path: str) -> Any:
        """JSON. Raises Broken for anything but success."""
        page = self.see(path)
        if page.status != 200:
            raise Broken(f"{self.name} gets {page.status} at {path}")
        try:
            return json.loads(page.text)
        except ValueError as error:
            raise Broken(f"{path} is no JSON for {self.name}") from error

    def press(self, shown_at: str, action: str, **fields: str) -> Page:
        """Send the form that stands on a page. Raises Broken if it is not there."""
        shown = self.see(shown_at)
        token = TOKEN.search(shown.text)
        if shown.status != 200 or token is None:
            raise Broken(f"{self.name} finds no form at {shown_at} ({shown.status})")
        return self._page("POST", action, {"csrfmiddlewaretoken": token.group(1), **fields})

    def _page(self, method: str, path: str, fields: dict[str, str] | None = None) -> Page:
        try:
            answer = self._session.request(method, f"{self._address}{path}", data=fields, timeout=TIMEOUT_S)
        except requests.RequestException as error:
            raise Broken(f"{path} does not answer {self.name}: {type(error).__name__}") from error
        if answer.status_code >= 500:
            raise Broken(f"{path} fails for {self.name} ({answer.status_code})")
        page = Page(answer.status_code, answer.text)
        self._leaks.look(self._reader, path, page.words)
        return page
