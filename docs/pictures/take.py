"""Take the README's pictures of a running `manage.py demo`: take.py URL ADAS_PASSWORD NORAS_PASSWORD. See `make pictures`."""

import os
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
PICTURES = (("customer", "ada@acme.example", "/"), ("partner", "nora@northwind.example", "/p/northwind/triage"))


def main(url: str, *passwords: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
        )
        for (name, email, path), password in zip(PICTURES, passwords, strict=True):
            page = browser.new_context(base_url=url, viewport={"width": 1440, "height": 900}).new_page()
            page.goto("/accounts/login/")
            page.fill("input[name=login]", email)
            page.fill("input[name=password]", password)
            page.click("button[type=submit]")
            page.wait_for_url(lambda now: "/accounts/" not in now)
            page.goto(path, wait_until="networkidle")
            page.screenshot(path=HERE / f"{name}.png", full_page=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
