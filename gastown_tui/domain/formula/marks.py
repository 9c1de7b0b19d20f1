"""Labels by which the beads of a molecule say what they are; read without any formula at hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gastown_tui.domain.bead import Bead

MOLECULE: Final = "molecule"
"""The type of a molecule's root."""
STEP: Final = "step:"
"""Begins the label with a step's id in its formula."""
FORMULA: Final = "formula:"
"""Begins the label of the root."""
PARALLEL: Final = "parallel"
"""The label of a step that may be done while others are."""
HOLDS: Final = "holds:"
"""Begins the label of a gate with the step that it holds back, when that is text in the root."""
BOND_POINT: Final = "bond-point:"
"""Begins the label of a root with a bond point: `ID=after:STEP`, `side:` or `before:`."""
ON_COMPLETE: Final = "on_complete:"
"""Begins the label of a step with what is bonded to it when it is done, as JSON."""
JOIN: Final = "join"
"""The label of a container that only holds back the step in it."""
UNTIL: Final = "until:"
"""Begins the label of the first steps of a later round: skipped when the condition holds."""
WITH: Final = "with:"
"""Begins the label of the other steps of such a round: skipped when that first step is."""
GATE: Final = "gate:"
"""Begins the label of a condition that has to hold before a step is begun."""


def is_molecule(bead: Bead) -> bool:
    """Whether a bead is the root of one; what its text says makes none of it."""
    return bead.issue_type == MOLECULE or (bead.issue_type == "epic" and bool(bead.source_formula))


def condition_label(condition: str) -> str:
    """The label that keeps a condition, as `bd` writes it."""
    return GATE + json.dumps({"condition": condition}, ensure_ascii=False)


def labelled_condition(label: str) -> str:
    """The condition that a label keeps; empty when it keeps none."""
    if not label.startswith(f"{GATE}{{"):
        return ""
    try:
        found = json.loads(label.removeprefix(GATE))
    except (ValueError, RecursionError):
        return ""
    condition = found.get("condition") if isinstance(found, dict) else None
    return condition if isinstance(condition, str) else ""
