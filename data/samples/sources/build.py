"""Builds the two sample papers that are not written by hand: the handbook (PDF) and the contract (docx).

The prose lies beside this script in two Markdown files. Running the script twice gives the same bytes. The
other papers (minutes, price lists and the IT policy) are written directly in the documents folder.

    python data/samples/sources/build.py            # builds, then checks the questions against the papers
    python data/samples/sources/build.py --into X   # builds into the folder X and checks nothing
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import sys
from pathlib import Path

import contract_docx
import handbook_pdf
import paper
import verify

HERE = Path(__file__).resolve().parent
DOCUMENTS = HERE.parent / "documents"

log = logging.getLogger("samples")


def build(folder: Path) -> list[Path]:
    """Write the handbook and the contract into `folder` and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    handbook = folder / "employee-handbook.pdf"
    handbook_pdf.typeset(paper.read(HERE / "handbook.md"), handbook)
    contract = folder / "supplier-contract-vellmark.docx"
    contract_docx.typeset(paper.read(HERE / "supplier-contract-vellmark.md"), contract)
    return [handbook, contract]


def main() -> int:
    """Build, say what was built, and return 1 if a question does not fit the papers."""
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_written)
    parser.add_argument("--into", type=Path, help="a folder to build into, in place of the documents folder")
    into: Path | None = parser.parse_args().into
    for path in build(into or DOCUMENTS):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        log.info("%s  %d bytes  sha256 %s", path.name, path.stat().st_size, digest[:16])
    if into:
        return 0
    problems = verify.verify(HERE.parent)
    for problem in problems:
        log.error("%s", problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
