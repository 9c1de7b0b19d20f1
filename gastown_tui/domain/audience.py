"""Who may ask for what: verbs that only the overseer may use, and what the mayor may."""

from __future__ import annotations

from typing import Final

from gastown_tui.domain.errors import Forbidden

OVERSEER: Final = frozenset(
    {
        "approve", "approve_always", "approve_dialog", "cancel", "create_town", "deny_dialog",
        "checkout", "checkout_done",
        "down", "drop", "estop", "freeze", "hold", "interrupt", "key", "kill",
        "proposal_accept", "proposal_drop", "proposal_edit",
        "max_working", "mayor", "notify", "nudge", "pause", "publish", "reject", "release",
        "remove_rig", "restart", "resume", "resume_all", "retry", "stop", "thaw",
        "submit_branch", "unhook", "unpublished", "up", "upgrade",
    }
)  # fmt: skip
"""Refused to whoever runs inside a session."""
ANYBODY: Final = frozenset({"sling", "create_bead", "convoy"})
"""Open to agents too: they only make work known."""
MAYOR: Final = frozenset({"nudge", "sling", "create_bead", "convoy"})
"""What the mayor's session may do besides `ANYBODY`."""


def check(verb: str, session: str | None) -> None:
    """Refuse a verb that is not for this caller; `session` is None for a person's shell.

    Raises:
        Forbidden: naming the verb and the session.
    """
    if session is None or verb in ANYBODY:
        return
    if session == "mayor" and verb in MAYOR:
        return
    raise Forbidden(
        f"`{verb}` is for the overseer, and this was asked from inside the session {session}",
        hint="say what you need in a comment on the bead",
    )
