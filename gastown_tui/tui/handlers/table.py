"""Every handler, by the id of its action."""

from __future__ import annotations

from typing import Final

from gastown_tui.tui.handlers import (
    absence,
    agents,
    beads,
    capacity,
    diffs,
    moving,
    panes,
    proposals,
    town,
    work,
)
from gastown_tui.tui.handlers.kinds import Handler

HANDLERS: Final[dict[str, Handler]] = {
    **moving.HANDLERS,
    **panes.HANDLERS,
    **agents.HANDLERS,
    **work.HANDLERS,
    **diffs.HANDLERS,
    **beads.HANDLERS,
    **town.HANDLERS,
    **absence.HANDLERS,
    **capacity.HANDLERS,
    **proposals.HANDLERS,
}
