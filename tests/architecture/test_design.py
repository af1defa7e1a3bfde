"""House rules of the look: where colours live, what a template may hold, what the browser has to download."""

import ast
import gzip
import hashlib
import itertools
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from smartcare.charts.palette import COLOURS, TOKENS

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "smartcare" / "static"
CHARTS = ROOT / "smartcare" / "charts"
TEMPLATES = ROOT / "templates"
VENDOR = STATIC / "vendor"
WITHOUT_STYLESHEETS = ("mail", "print")  # mail programs and paper know no stylesheet of ours
COLOUR = re.compile(r"(?<![&\w])#(?:[0-9a-f]{8}|[0-9a-f]{6}|[0-9a-f]{3,4})\b|\b(?:rgb|hsl|oklch)a?\(", re.IGNORECASE)
LEAST_DISTANCE = 24  # CIE76, for every two states and every kind of colour vision
STATES = ("ok", "watch", "risk", "down", "mute")
VISION = {  # Machado et al. 2009, severity 1.0, linear RGB
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
Vector = tuple[float, ...]


def page_templates() -> list[Path]:
    """Templates a browser shows."""
    files = TEMPLATES.rglob("*.html")
    return sorted(file for file in files if file.relative_to(TEMPLATES).parts[0] not in WITHOUT_STYLESHEETS)


def code_of(template: Path) -> str:
    """A template without comments, and without tags, so that no condition hides an attribute."""
    text = re.sub(r"{% comment.*?{% endcomment %}", "", template.read_text(), flags=re.DOTALL)
    return re.sub(r"{#.*?#}|<!--.*?-->|{%.*?%}|{{.*?}}", " ", text, flags=re.DOTALL)


def strays(files: Iterator[Path] | list[Path], pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{file.relative_to(ROOT)}: {found.group()}"
        for file in files
        for found in pattern.finditer(code_of(file) if file.suffix == ".html" else file.read_text())
    ]


def blocks() -> list[dict[str, str]]:
    """The custom properties of tokens.css: light, dark by switch, dark by preference."""
    text = re.sub(r"/\*.*?\*/", "", (STATIC / "tokens.css").read_text(), flags=re.DOTALL)
    found = re.findall(r":root(?:\[data-theme=dark\]|:not\(\[data-theme\]\))?\{(.*?)\}", text, flags=re.DOTALL)
    return [dict(re.findall(r"--([\w-]+):([^;]+)", block)) for block in found]


def themes() -> dict[str, dict[str, str]]:
    light, dark, _ = blocks()
    return {"light": light, "dark": {**light, **dark}}


def rgb(colour: str) -> Vector:
    digits = colour.removeprefix("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    return tuple(int(digits[index : index + 2], 16) / 255 for index in (0, 2, 4))


def linear(colour: str) -> Vector:
    return tuple(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb(colour))


def times(matrix: tuple[Vector, ...], vector: Vector) -> Vector:
    return tuple(sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)


def lab(light: Vector) -> Vector:
    white = (0.9505, 1, 1.089)
    ratios = [part / full for part, full in zip(times(XYZ, light), white, strict=True)]
    x, y, z = (ratio ** (1 / 3) if ratio > 0.008856 else 7.787 * ratio + 16 / 116 for ratio in ratios)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio."""
    darker, lighter = sorted(times(XYZ, linear(colour))[1] for colour in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


def test_given_two_states_when_seen_by_any_eye_then_their_colours_are_far_apart():
    too_close = []
    for theme, tokens in themes().items():
        for kind, matrix in VISION.items():
            seen = {
                state: lab(tuple(min(1, max(0, part)) for part in times(matrix, linear(tokens[state]))))
                for state in STATES
            }
            for one, other in itertools.combinations(STATES, 2):
                distance = sum((a - b) ** 2 for a, b in zip(seen[one], seen[other], strict=True)) ** 0.5
                if distance < LEAST_DISTANCE:
                    too_close.append(f"{theme}, {kind}: {one} and {other} are {distance:.1f} apart")
    assert too_close == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_when_words_stand_on_their_ground_then_they_can_be_read(theme):
    tokens = themes()[theme]
    pairs = [(ink, ground) for ink in ("ink", "ink-2", "ink-3") for ground in ("bg", "surface", "surface-2")]
    pairs += [(f"{state}-text", f"{state}-soft") for state in STATES]
    pairs += [("accent-text", "accent-soft"), ("accent-ink", "accent"), ("accent-text", "surface"), ("bg", "ink")]
    pairs += [(f"a{tint}-text", f"a{tint}") for tint in range(1, 5)]

    pale = {pair: round(contrast(tokens[pair[0]], tokens[pair[1]]), 2) for pair in pairs}

    assert {pair: ratio for pair, ratio in pale.items() if ratio < 4.5} == {}


def test_when_dark_is_wished_by_switch_or_by_system_then_it_is_the_same_dark():
    _, by_switch, by_system = blocks()

    assert by_switch == by_system


def test_given_the_palette_of_the_charts_when_compared_then_it_is_the_light_theme():
    light, *_ = blocks()

    assert {name: rgb(colour) for name, colour in COLOURS.items()} == {
        name: rgb(light[TOKENS.get(name, name)]) for name in COLOURS
    }


def test_colour_literals_stand_only_in_the_tokens_and_in_the_palette():
    sheets = [file for file in STATIC.glob("*.css") if file.name != "tokens.css"]
    code = [*STATIC.glob("*.js"), *(file for file in CHARTS.glob("*.py") if file.name != "palette.py")]
    links = re.compile(r'href="#[\w-]*"')
    found = [stray for stray in strays([*sheets, *code, *page_templates()], COLOUR)]
    in_links = {match.split('"')[1] for file in page_templates() for match in links.findall(code_of(file))}

    assert [stray for stray in found if stray.rpartition(": ")[2] not in in_links] == [], "use a token of tokens.css"


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("a style attribute", r"\sstyle\s*="),
        ("a <style>", r"<style\b"),
        ("an event attribute", r"<[^>]*\son[a-z]+\s*="),
        ("a script without src", r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")[^>]*>"),
        ("an address with code", r"javascript:"),
        ("htmx with code", r"hx-on|hx-(?:vals|headers)=[\"']js:|hx-trigger=\"[^\"]*\["),
        ("hx-boost", r"hx-boost"),
    ],
)
def test_no_template_holds(what, pattern):
    assert strays(page_templates(), re.compile(pattern, re.IGNORECASE)) == [], f"{what} breaks the security policy"


def test_every_icon_a_template_names_is_in_the_sprite():
    sprite = (VENDOR / "icons.svg").read_text()
    ids = re.findall(r'<symbol id="([^"]+)"', sprite)
    named = {
        name
        for file in page_templates()
        for pattern in (r'{% icon "([\w-]+)"', r'\bicon="([\w-]+)"', r'icon\|default:"([\w-]+)"')
        for name in re.findall(pattern, file.read_text())
    }

    assert len(ids) == len(set(ids))
    assert named - set(ids) == set()


def test_charts_need_nothing_but_the_standard_library():
    foreign = set()
    for file in CHARTS.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            foreign |= {name for name in names if name.split(".")[0] not in sys.stdlib_module_names}

    assert {name for name in foreign if not name.startswith("smartcare.charts")} == set()


def test_third_party_files_are_those_that_vendor_txt_names():
    listed = dict(re.findall(r"^(\S+\.\w+)\s.*?([0-9a-f]{64})$", (VENDOR / "VENDOR.txt").read_text(), re.MULTILINE))
    there = {file.name for file in VENDOR.iterdir() if not file.name.startswith(("LICENSE", "VENDOR"))}

    assert set(listed) == there
    for name, digest in listed.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest, name


@pytest.mark.parametrize(
    ("what", "files", "most"),
    [
        ("stylesheets", ["tokens.css", "app.css"], 10_000),
        ("our script", ["theme.js", "app.js"], 3_000),
        ("hovering over a forecast", ["uplot.css", "forecast.js", "vendor/uplot.min.css"], 4_000),
        ("icons", ["vendor/icons.svg"], 6_500),
    ],
)
def test_what_a_browser_downloads_stays_small(what, files, most):
    weight = sum(len(gzip.compress((STATIC / file).read_bytes(), 9)) for file in files)

    assert weight <= most, f"{what}: {weight} bytes gzipped"
