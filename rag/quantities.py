"""A number in one form, so that two ways of writing it are equal. Pure.

1.2 billion is 1,200 million; $1,577 is USD 1577; 12 % is 12 percent; ninety days are 90 days; 6 pm is 18:00.
`rag.figures` reads them from a text.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from rag.units import Bound


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number: its value in the base of its unit, and how it was written.

    `step` is the worth of its last written digit, `scale` the factor of a word like `million` (1 where there is none).
    """

    value: float
    unit: str
    start: int
    end: int
    text: str
    step: float = 1.0
    scale: float = 1.0
    bound: Bound = ""
    hedged: bool = False


def same_quantity(claim: Quantity, evidence: Quantity, scale: float = 1.0) -> bool:
    """Whether the evidence gives the claim's number: equal, or rounded to the digits that the claim writes.

    `scale` is what a table says of its figures (`in millions`: 1e6). Rounding counts where the claim says `about`, uses a
    word like `million`, or writes decimals.
    """
    if claim.unit and evidence.unit and claim.unit != evidence.unit:
        return False
    one, two = abs(claim.value), abs(evidence.value)
    candidates = [two] if scale == 1.0 or evidence.scale != 1.0 else [two, two * scale]
    for value in candidates:
        if math.isclose(one, value, rel_tol=1e-9, abs_tol=1e-12):
            return True
        if claim.scale == 1.0 and claim.step == 1.0 and not claim.hedged:
            continue
        digits = one / claim.step if claim.step else 0
        if (
            (digits >= 10 or claim.hedged)
            and abs(one - value) <= claim.step * 0.5000001
            and evidence.step < claim.step * max(1.0, value / max(two, 1e-12))
        ):
            return True
        if (
            claim.hedged
            and one
            and _written_digits(claim) < _written_digits(evidence)
            and abs(one - value) / one <= 0.05
        ):
            return True
    return False


def _written_digits(quantity: Quantity) -> int:
    """How many digits count: 2 in `1,200` and in `0.42`."""
    return len("".join(c for c in quantity.text if c.isdigit()).strip("0")) if quantity.text[:1].isdigit() else 1
