"""How the app looks: colours, fonts that every system has, and the icon. Nothing is loaded from elsewhere."""

from __future__ import annotations

from typing import Any

TITLE = "Footnote"

ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="14" fill="#2f5d50"/>'
    '<path d="M14 20h24M14 31h30M14 42h18" stroke="#fff" stroke-width="5" stroke-linecap="round"/>'
    '<circle cx="47" cy="17" r="8" fill="#ffd84d"/></svg>'
)
"""The favicon: lines of text and a footnote's mark."""

LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 190 48"><rect x="2" y="4" width="40" height="40" rx="9" fill="#2f5d50"/>'
    '<path d="M11 18h14M11 25h20M11 32h12" stroke="#fff" stroke-width="3.2" stroke-linecap="round"/>'
    '<circle cx="32" cy="14.500" r="5" fill="#ffd84d"/><text x="54" y="33" font-size="26" font-weight="600" fill="#3f8472" '
    'font-family="system-ui, sans-serif">Footnote</text></svg>'
)

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', Arial, sans-serif"
MONOSPACE = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace"

THEME: dict[str, Any] = {
    "theme.font": FONT,
    "theme.headingFont": FONT,
    "theme.codeFont": MONOSPACE,
    "theme.fontFaces": [],
    "theme.headingFontSizes": ["1.9rem", "1.3rem", "1.15rem", "1rem", "1rem", "1rem"],
    "theme.baseRadius": "0.6rem",
    "theme.light.primaryColor": "#2f5d50",
    "theme.light.backgroundColor": "#fcfcfa",
    "theme.light.secondaryBackgroundColor": "#f0f1ec",
    "theme.light.textColor": "#1e2422",
    "theme.light.borderColor": "#d9dcd4",
    "theme.dark.primaryColor": "#3a8571",
    "theme.dark.backgroundColor": "#151918",
    "theme.dark.secondaryBackgroundColor": "#1f2523",
    "theme.dark.textColor": "#e6eae7",
    "theme.dark.borderColor": "#38413d",
}
"""Light and dark, by what the browser prefers."""

CSS = """<style>
.stMainBlockContainer { max-width: 56rem; padding-top: 4.5rem; padding-bottom: 2rem; }
.fn { overflow-wrap: anywhere; line-height: 1.6; }
.fn p { margin: 0 0 .6rem; }
.fn-quiet { opacity: .78; font-size: .875rem; }
.fn-lines { white-space: pre-wrap; }
.fn-question { font-size: 1.2rem; font-weight: 600; margin: .4rem 0 .1rem; white-space: pre-wrap; }
.fn-claim { white-space: pre-wrap; }
.fn-unsupported > .fn-said { text-decoration: line-through; text-decoration-thickness: 2px; opacity: .75; }
.fn-partly > .fn-said { text-decoration: underline dotted 2px; text-underline-offset: .25em; }
.fn-uncited > .fn-said { font-style: italic; text-decoration: underline dashed 1px; text-underline-offset: .25em; }
.fn-mark { font-size: .8em; font-weight: 600; padding: 0 .35em; margin: 0 .15em; border: 1px solid currentColor;
  border-radius: .5em; white-space: nowrap; cursor: help; opacity: .85; }
.fn-ok { border: 0; padding: 0 .1em; }
.fn-note { font-size: .72em; line-height: 0; vertical-align: super; font-weight: 700; padding: 0 .12em; cursor: help; }
a.fn-note { text-decoration: none; color: inherit; padding: .1em .35em; margin-left: .15em; border-radius: .4em;
  background: rgba(120, 140, 130, .22); }
a.fn-note:hover, a.fn-note:focus-visible { background: #ffec3d; color: #1e2422; }
.fn-card:target .fn-n { background: #ffec3d; color: #1e2422; }
.fn-card { scroll-margin-top: 6rem; }
.fn-n { display: inline-block; min-width: 1.5em; text-align: center; font-weight: 700; font-size: .8rem; border-radius: .4em;
  padding: .05em .3em; margin-right: .5em; background: rgba(120, 140, 130, .22); }
.fn-quote { margin: .35rem 0 0; padding-left: .8rem; border-left: 3px solid rgba(120, 140, 130, .5); white-space: pre-wrap; }
.fn-reason { margin: .1rem 0 .5rem; font-size: .875rem; }
.fn-legend { font-size: .8rem; opacity: .8; margin-top: .5rem; }
.fn-legend span { margin-right: 1.1em; white-space: nowrap; }
.fn-problem { padding: .7rem .9rem; border: 1px solid #c08a1e; border-left-width: 5px; border-radius: .5rem;
  background: rgba(214, 158, 46, .12); margin-bottom: .4rem; }
.fn-problem code { padding: .05em .35em; border-radius: .3em; background: rgba(120, 140, 130, .22); }
.fn-refused { font-size: 1.05rem; font-weight: 600; }
.fn-passage { white-space: pre-wrap; line-height: 1.6; }
.fn-passage mark { background: #ffec3d; color: #1e2422; padding: .05em 0; }
.fn-foot { margin-top: 2rem; padding-top: .6rem; border-top: 1px solid rgba(120, 140, 130, .35); font-size: .8rem; opacity: .8; }
.fn-table { width: 100%; border-collapse: collapse; font-size: .9rem; }
.fn-table td:nth-child(2) { width: 38%; }
.fn-table td { padding: .35rem .5rem .35rem 0; border-top: 1px solid rgba(120, 140, 130, .25); vertical-align: top; }
.fn-report th { width: 9.5rem; padding: .35rem .8rem .35rem 0; border-top: 1px solid rgba(120, 140, 130, .25); text-align: left;
  vertical-align: top; font-weight: 600; }
.fn-report td:nth-child(2) { width: auto; }
@media (max-width: 40rem) { .stMainBlockContainer h1 { font-size: 1.5rem; } .stMainBlockContainer { padding-left: 1rem; padding-right: 1rem; } }
</style>"""
