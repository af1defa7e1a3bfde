"""Take the README's pictures of a running `manage.py demo`: take.py URL ADAS_PASSWORD NORAS_PASSWORD. See `make pictures`."""

import os
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
# The seed's marks say which reader a text is for; people who look at a picture need the text alone.
WITHOUT_MARKS = """() => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replace(/[ ]?canary-[a-z0-9-]+/g, '');
}"""
WIDTH = 1280
PICTURES = (("customer", "ada@acme.example", "/"), ("partner", "nora@northwind.example", "/p/northwind/triage"))


def main(url: str, *passwords: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
        )
        for (name, email, path), password in zip(PICTURES, passwords, strict=True):
            page = browser.new_context(base_url=url, viewport={"width": WIDTH, "height": 900}).new_page()
            page.goto("/accounts/login/")
            page.fill("input[name=login]", email)
            page.fill("input[name=password]", password)
            page.click("button[type=submit]")
            page.wait_for_url(lambda now: "/accounts/" not in now)
            page.goto(path, wait_until="networkidle")
            page.evaluate(WITHOUT_MARKS)
            height = page.evaluate("document.documentElement.scrollHeight")
            page.set_viewport_size({"width": WIDTH, "height": height})  # so that the menu reaches down the whole picture
            page.screenshot(path=HERE / f"{name}.png")


if __name__ == "__main__":
    main(*sys.argv[1:])
