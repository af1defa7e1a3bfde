"""The light theme's colours, written into every SVG for readers that know no stylesheet (PDF, mail).

Browsers let the class next to the literal win, which is how the dark theme reaches a chart. A test compares
these values with the tokens.
"""

COLOURS = {
    "ok": "#14906a",
    "watch": "#f5a60a",
    "risk": "#c65306",
    "down": "#6d0533",
    "mute": "#a6accb",
    "none": "#e6e9ef",
    "track": "#e6e9ef",
    "ink": "#131a2b",
    "ink3": "#5f6982",
    "acc": "#2f4fd0",
    "surf": "#ffffff",
    "line": "#e1e5ec",
    "line2": "#868fa1",
    "risktext": "#a13c00",
}

TOKENS = {
    "none": "h0",
    "track": "h0",
    "ink3": "ink-3",
    "acc": "accent",
    "surf": "surface",
    "line2": "line-strong",
    "risktext": "risk-text",
}
"""Palette name -> custom property of tokens.css, where the two differ."""

FONT = "Inter, 'Inter Var', Helvetica, Arial, sans-serif"
