"""What the town can decide to do. Each command has a key (one at a time) and a version.

A command whose key is in flight, or done at the same version, is not issued again; one that failed
at the same version is tried again later. Preconditions are checked again when it is carried out.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from gastown_tui.domain.agents.dialog import Dialog


class _Command(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Base of all commands."""

    key: str
    version: str


class Dispatch(_Command, frozen=True, kw_only=True):
    """Put a slung bead on a polecat's hook, making the polecat if it is new."""

    bead: str
    rig: str
    agent: str
    is_new: bool = False


class PrepareSandbox(_Command, frozen=True, kw_only=True):
    """Make the worktree and branch for the bead on an agent's hook, and set it up."""

    agent: str
    bead: str


class StartSession(_Command, frozen=True, kw_only=True):
    """Start an agent's program in its sandbox, its former run fenced."""

    agent: str
    bead: str
    resume: bool
    is_respawn: bool
    """Its last session died and nobody had asked for that: the bead counts it."""


class EndSession(_Command, frozen=True, kw_only=True):
    """End an agent's living run."""

    agent: str
    run: str
    why: str


class MarkStopped(_Command, frozen=True, kw_only=True):
    """Record that an agent was left by its own exit: it stays stopped, its hook kept."""

    agent: str
    why: str


class Submit(_Command, frozen=True, kw_only=True):
    """Turn an agent's `done` into a merge request (or a new tip of the one there is)."""

    agent: str
    bead: str
    request: str
    """Empty for a first hand-in."""
    is_reported: bool = False
    """The bead asks for a report and has it: it is closed when there is no change to hand in."""


class StartEvidence(_Command, frozen=True, kw_only=True):
    """Run the gates on a request's own branch."""

    request: str


class FinishEvidence(_Command, frozen=True, kw_only=True):
    """Record what the gates said of a request's branch."""

    request: str
    run: str


class StartLanding(_Command, frozen=True, kw_only=True):
    """Stack approved requests on the target and run the gates on the result."""

    rig: str
    requests: tuple[str, ...]
    """None: the unpublished commits are put on top of an upstream that has moved."""


class FinishLanding(_Command, frozen=True, kw_only=True):
    """Move the target if the gates were green, else narrow down or reject."""

    rig: str
    run: str


class RecheckTarget(_Command, frozen=True, kw_only=True):
    """Run the gates on a target that held its queue by failing them."""

    rig: str


class FollowPulls(_Command, frozen=True, kw_only=True):
    """Ask how the pull requests of a rig stand."""

    rig: str


class CleanUp(_Command, frozen=True, kw_only=True):
    """Take a landed request's sandbox and branch away and free its polecat."""

    request: str


class CloseDropped(_Command, frozen=True, kw_only=True):
    """Close a dropped request and its bead; the branch is kept."""

    request: str


class PutAway(_Command, frozen=True, kw_only=True):
    """Free a polecat whose sandbox nobody needs, keeping all that is in it on its branch."""

    agent: str
    bead: str


class Tell(_Command, frozen=True, kw_only=True):
    """Put a text in front of an agent, by the nudge machine."""

    agent: str
    text: str
    request: str = ""
    """The request that counts as told when the text has arrived; empty for a nudge."""
    attempt: int = 0


class AnswerDialog(_Command, frozen=True, kw_only=True):
    """Give the overseer's recorded yes to a question that a program asks at its start."""

    agent: str
    run: str
    dialog: Dialog
    option: str
    """The text of the option to choose."""


class Escalate(_Command, frozen=True, kw_only=True):
    """Tell the overseer, once for each key and version."""

    subject: str
    why: str


class CloseConvoy(_Command, frozen=True, kw_only=True):
    """Everything a convoy tracks is closed: close it and say so."""

    convoy: str


class ReturnProposal(_Command, frozen=True, kw_only=True):
    """A proposal was dropped: close what was filed for it, and tell the mayor why."""

    convoy: str


class FeedConvoy(_Command, frozen=True, kw_only=True):
    """Beads of a launched convoy have become ready and are not slung: sling them."""

    convoy: str
    beads: tuple[str, ...]


Command: TypeAlias = (
    Dispatch
    | FeedConvoy
    | PrepareSandbox
    | StartSession
    | EndSession
    | MarkStopped
    | Submit
    | StartEvidence
    | FinishEvidence
    | StartLanding
    | FinishLanding
    | FollowPulls
    | RecheckTarget
    | CleanUp
    | CloseDropped
    | PutAway
    | Tell
    | AnswerDialog
    | Escalate
    | CloseConvoy
    | ReturnProposal
)
