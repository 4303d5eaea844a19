"""The formats that Footnote reads, as a table: what names them, which loader reads them, and what that rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Protocol, cast

from ingest.loading.limits import Limits
from ingest.loading.parsed import Parsed


class Loader(Protocol):
    """Reads the bytes of one format. That of PDF also takes `recognised`: the text of pages read from their pictures."""

    def __call__(
        self, name: str, data: bytes, limits: Limits, /, *, recognised: Mapping[int, str] | None = ...
    ) -> Parsed:
        """Raises `FileRefused`; any other exception means that the file is damaged."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format: its short name, what people call such a file, its loader (`module:function`), suffixes and libraries.

    `revision` goes up whenever the loader gives another text for the same bytes: files are then read anew. `binary` formats
    have marks in their content; a file that is only named like one is not one.
    """

    kind: str
    said: str
    loader: str
    revision: int
    suffixes: tuple[str, ...]
    libraries: tuple[str, ...] = ()
    binary: bool = False
    recognises: bool = False

    @property
    def parser(self) -> str:
        """The code and versions that read a file, as `pdf/1 pypdfium2 5.15.2`."""
        return " ".join([f"{self.kind}/{self.revision}", *(f"{name} {version(name)}" for name in self.libraries)])

    def imported(self) -> Loader:
        """The loader: its module and the libraries it needs come in now."""
        module, function = self.loader.split(":")
        return cast("Loader", getattr(import_module(f"ingest.loading.{module}"), function))


_SOURCES = (
    "py pyi pyx js mjs cjs jsx ts mts cts tsx java kt kts scala groovy c h cc cpp cxx hpp hh cs fs vb go rs rb php pl pm"
    " lua r jl swift m mm dart ex exs erl hs ml clj el lisp f90 f95 pas asm s sh bash zsh fish ps1 bat cmd sql css scss"
    " sass less vue svelte graphql proto tf hcl gradle cmake mk xml xsd xsl xslt rss atom plist yaml yml toml ini cfg"
    " conf properties env tex bib sty adoc asciidoc org log diff patch ics vcf srt vtt"
)

PDF = Format("pdf", "a PDF", "pdf:load", 2, (".pdf",), ("pypdfium2", "pypdf"), binary=True, recognises=True)
DOCX = Format("docx", "a Word document", "docx:load", 2, (".docx", ".docm", ".dotx", ".dotm"), ("python-docx",), True)
PPTX = Format(
    "pptx",
    "a PowerPoint presentation",
    "pptx:load",
    1,
    (".pptx", ".pptm", ".ppsx", ".ppsm", ".potx", ".potm"),
    ("python-pptx",),
    binary=True,
)
XLSX = Format("xlsx", "an Excel workbook", "sheets:load", 1, (".xlsx", ".xlsm", ".xltx", ".xltm"), ("openpyxl",), True)
LEGACY = Format(
    "legacy", "an older Office document", "legacy:load", 1, (".doc", ".xls", ".ppt", ".odt", ".ods", ".odp"), (), True
)
CSV = Format("csv", "a table of comma-separated values", "csv_table:load", 1, (".csv", ".tsv", ".tab"))
HTML = Format("html", "an HTML page", "html:load", 2, (".html", ".htm", ".xhtml", ".xht"), ("selectolax",))
MARKDOWN = Format(
    "markdown", "Markdown", "text:load_markdown", 2, (".md", ".markdown", ".mdown", ".mkd", ".mdx", ".qmd")
)
TEXT = Format("text", "text", "text:load", 1, (".txt", ".text"))
RST = Format("rst", "reStructuredText", "rst:load", 1, (".rst", ".rest"))
RTF = Format("rtf", "an RTF document", "rtf:load", 1, (".rtf",), ("striprtf",), binary=True)
EPUB = Format("epub", "an EPUB book", "epub:load", 1, (".epub",), ("selectolax",), binary=True)
EML = Format("eml", "a mail", "mail:load", 1, (".eml", ".mht", ".mhtml"), ("selectolax",))
MBOX = Format("mbox", "a mailbox", "mail:load_mailbox", 1, (".mbox",))
MSG = Format("msg", "an Outlook mail", "msg:load", 1, (".msg", ".oft"), ("olefile", "selectolax"), binary=True)
JSON = Format("json", "JSON", "data:load", 1, (".json", ".geojson", ".webmanifest"))
JSON_LINES = Format("jsonl", "JSON lines", "data:load_lines", 1, (".jsonl", ".ndjson"))
NOTEBOOK = Format("notebook", "a notebook", "data:load_notebook", 1, (".ipynb",))
ZIP = Format("zip", "a zip archive", "zipped:load", 1, (".zip",), binary=True)
SOURCE = Format("source", "source code", "source:load", 1, tuple(f".{suffix}" for suffix in _SOURCES.split()))

FORMATS = (
    PDF,
    DOCX,
    PPTX,
    XLSX,
    LEGACY,
    CSV,
    HTML,
    MARKDOWN,
    TEXT,
    RST,
    RTF,
    EPUB,
    EML,
    MBOX,
    MSG,
    JSON,
    JSON_LINES,
    NOTEBOOK,
    ZIP,
    SOURCE,
)
BY_SUFFIX = {suffix: each for each in FORMATS for suffix in each.suffixes}
SUPPORTED = tuple(BY_SUFFIX)
"""Every suffix that is known to be readable. Text under any other is read, too."""

READS = (
    "Footnote reads PDF, Word (docx), PowerPoint (pptx), Excel (xlsx), CSV, HTML, Markdown, text, reStructuredText, RTF, EPUB,"
    " mail (eml, msg), JSON, notebooks, zip archives of these, and source code."
)
"""What people are told who add something else."""


@cache
def parsers() -> frozenset[str]:
    """What reads files today, as in `Document.parser`; what something else has read should be read anew."""
    return frozenset(each.parser for each in FORMATS)
