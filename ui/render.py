"""Texts of documents, models and users, made inert.

There are two ways to show them, and no other is used: `st.html` with the markup built here, in which every such text goes
through `escape`; and labels of widgets, which read Markdown, through `plain`. Pure: nothing here calls Streamlit.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence

from rag.types import Answer, Citation, Claim, ClaimStatus, Passage

MARKS: dict[ClaimStatus, tuple[str, str, str]] = {
    "supported": ("✓", "supported", "The passage cited says this."),
    "partly": ("◐ partly", "partly supported", "The passage cited says part of this."),
    "computed": ("∑ computed", "computed", "Computed from figures in the passages cited; the sum was checked."),
    "unsupported": ("✗ not supported", "not supported", "No passage cited says this: do not rely on it."),
    "uncited": ("○ no source", "no source", "The answer names no passage for this."),
}
"""What stands behind a sentence, its name, and its explanation. Signs and words tell them apart, not colours."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, those that turn the direction of writing around, and halves of characters."""

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|$:~^=&])")
_ADDRESS = re.compile(r"(?i:https?:|ftp:|mailto:|xmpp:|www|@)")
_PRINTED_BREAK = re.compile(r"(?<=[\w,;’')%])[ \t]*\n[ \t]*(?=[a-z(])")
DOUBTFUL: tuple[ClaimStatus, ...] = ("unsupported", "partly")
"""Where the reason is shown below the answer too: a phone has no pointer to rest on the mark."""

_COMMAND = re.compile(r"`([^`\n]+)`")
_FOOTNOTES = re.compile(r"[ \t]*(?:\[\d{1,3}\])+")


def escape(text: object) -> str:
    """A text as HTML that shows it and does nothing. Control characters are left out."""
    return html.escape(_CONTROL.sub("", str(text)), quote=True)


def plain(text: object) -> str:
    """A text for a widget's label, where Markdown would be read: shown as it is, on one line.

    Beside Markdown's own signs `$` (formulas) and `:` (emoji, colours) are escaped. What looks like an address becomes a link
    even when escaped, so that an invisible character is put into it.
    """
    unlinked = _ADDRESS.sub("\\g<0>\u2060", " ".join(escape_nothing(text).split()))
    return _MARKDOWN.sub(r"\\\1", unlinked)


def reflow(text: str) -> str:
    """A text without the line breaks that only come from the width of a printed page; lists and tables keep theirs."""
    return _PRINTED_BREAK.sub(" ", text)


def escape_nothing(text: object) -> str:
    """A text without control characters, for widgets that read no markup at all (cells, options)."""
    if isinstance(text, str) and text.isprintable():  # a table of 10,000 documents asks this for 30,000 cells
        return text
    return re.sub(r"[\n\t]", " ", _CONTROL.sub("", str(text)))


def paragraph(text: object, kind: str = "") -> str:
    """A text as a paragraph, with its line breaks."""
    return f'<div class="fn fn-lines {kind}">{escape(text)}</div>'


def problem_html(message: str, remedy: str = "") -> str:
    """A warning: what happened, and below it what to do. What stands in backquotes is a command."""
    shown, todo = (_COMMAND.sub(r"<code>\1</code>", escape(part)) for part in (message, remedy))
    below = f"<div>{todo}</div>" if remedy else ""
    return f'<div class="fn fn-problem" role="alert"><b>⚠</b> {shown}{below}</div>'


# Places


def place(source: Citation | Passage) -> str:
    """Where a passage is, in words: document, page, section."""
    return " · ".join(part for part in (source.document, page_name(source), source.section) if part)


def page_name(source: Citation | Passage) -> str:
    """`page 7`; where the label printed on it differs, both: `page vii (PDF page 7)`. Empty where there are no pages."""
    if source.page is None:
        return ""
    label = source.page_label
    return f"page {label} (PDF page {source.page})" if label and label != str(source.page) else f"page {source.page}"


# Answers


def answer_html(answer: Answer, number: int) -> str:
    """An answer, each sentence with its mark and its footnotes as small numbers, and a legend of the marks used.

    `number` tells the answers on a page apart: a footnote leads to the card of its source (`source_html`).
    """
    notes = {note.n: (card_id(number, note.n), place(note)) for note in answer.citations}
    parts: list[str] = []
    position = 0
    for claim in answer.claims:
        start = answer.text.find(claim.text, position)
        if start >= 0:
            parts.append(_between(answer.text[position:start]))
            position = start + len(claim.text)
        parts.append(claim_html(claim, notes))
    parts.append(_between(answer.text[position:]))
    reasons = "".join(_reason(claim) for claim in answer.claims if claim.status in DOUBTFUL and claim.reason)
    return f'<div class="fn fn-answer">{"".join(parts)}</div>{reasons}{_legend(answer.claims)}'


def card_id(number: int, n: int) -> str:
    """The HTML id of a source's card: footnote `n` of the answer `number`."""
    return f"source-{number}-{n}"


def claim_html(claim: Claim, known: Mapping[int, tuple[str, str]] | None = None) -> str:
    """One sentence with its mark and its footnotes; those that are `known` (their card and place) lead to their card."""
    sign, name, meaning = MARKS[claim.status]
    title = escape(f"{name}: {claim.reason or meaning}")
    ok = " fn-ok" if claim.status == "supported" else ""
    notes = "".join(_note(n, (known or {}).get(n)) for n in claim.citations)
    said = f'<span class="fn-said">{escape(reflow(claim.text))}</span>'
    mark = f'<span class="fn-mark{ok}" title="{title}" aria-label="{escape(name)}">{sign}</span>'
    return f'<span class="fn-claim fn-{claim.status}" data-status="{claim.status}">{said}{notes}{mark}</span> '


def _note(n: int, known: tuple[str, str] | None) -> str:
    if known is None:
        return f'<span class="fn-note">{n}</span>'
    card, where = known
    return f'<a class="fn-note" href="#{escape(card)}" target="_self" title="{escape(where)}">{n}</a>'


def stream_html(claims: Sequence[Claim], text: str) -> str:
    """An answer while it is written: the sentences that were checked with their marks, the rest as it comes."""
    rest = text
    for claim in claims:
        start = rest.find(claim.text)
        if start >= 0:
            rest = rest[start + len(claim.text) :]
    done = "".join(claim_html(claim) for claim in claims)
    return f'<div class="fn fn-answer">{done}<span class="fn-lines fn-quiet">{escape(_FOOTNOTES.sub("", rest))} ▌</span></div>'


def _between(text: str) -> str:
    """What stands between sentences: headings and line breaks; footnotes are shown with their sentences."""
    return f'<span class="fn-lines">{escape(_FOOTNOTES.sub("", text))}</span>'


def _reason(claim: Claim) -> str:
    sign = MARKS[claim.status][0].split()[0]
    return f'<div class="fn fn-reason">{sign} “{escape(shorten(claim.text, 90))}”: {escape(claim.reason)}</div>'


def _legend(claims: Iterable[Claim]) -> str:
    used = {claim.status for claim in claims}
    shown = "".join(
        f"<span>{sign.split()[0]} {escape(name)}</span>" for status, (sign, name, _) in MARKS.items() if status in used
    )
    return f'<div class="fn fn-legend">{shown}</div>' if shown else ""


# Sources


def source_html(source: Citation | Passage, n: int | None = None, card: str = "") -> str:
    """A source's card with the HTML id `card`: its number, where it is, and the sentences quoted."""
    number = f'<span class="fn-n">{n}</span>' if n is not None else ""
    where = " · ".join(escape(part) for part in (page_name(source), source.section) if part)
    text = source.quote if isinstance(source, Citation) else shorten(source.text, 400)
    return (
        f'<div class="fn fn-card" id="{escape(card)}">{number}<b>{escape(source.document)}</b> <span class="fn-quiet">{where}</span>'
        f'<div class="fn-quote">{escape(reflow(text))}</div></div>'
    )


def passage_html(text: str, start: int, end: int, around: int = 1200) -> str:
    """A document's text around a passage, with the passage marked."""
    first, last = max(0, start - around), min(len(text), end + around)
    before = ("… " if first else "") + text[first:start]
    after = text[end:last] + (" …" if last < len(text) else "")
    return f'<div class="fn fn-passage">{escape(before)}<mark>{escape(text[start:end])}</mark>{escape(after)}</div>'


def shorten(text: str, most: int) -> str:
    """The beginning of a text, cut at a blank."""
    return text if len(text) <= most else text[:most].rsplit(None, 1)[0] + " …"


def count(number: int, noun: str) -> str:
    """`1 document`, `2 documents`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
