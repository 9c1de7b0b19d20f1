"""The town: where it is, its daemons, its beads and its rigs."""

from __future__ import annotations

import msgspec

from gastown_tui.domain.doctor.finding import Finding, fail, ok, warn


class BeadsFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One beads directory, as `gastown bead doctor` sees it."""

    name: str
    """The rig's, or `town`."""
    beads: int = 0
    problems: int = 0
    warnings: int = 0
    first: str = ""
    """What was found first."""
    error: str = ""
    """Why it cannot be opened at all."""


class RigFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One rig."""

    name: str
    error: str = ""
    """What is wrong with its settings or its hub, in one line."""
    remedy: str = ""
    moved: int = 0
    """Worktrees that name another place than the one they are in."""
    original: str = ""
    """The repository elsewhere that they belong to: this town is a copy."""
    target: str = ""
    land: str = ""
    gates: int = 0
    is_setup_source_gone: bool = False
    """`[setup] copy` names files of a folder that is no more."""


class TownFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of a town."""

    path: str
    error: str = ""
    """Why its settings cannot be used."""
    runtime_error: str = ""
    """Why its sockets cannot be used, with what to do."""
    is_running: bool = False
    is_elsewhere: bool = False
    """Its daemons run on for the place from which it was moved."""
    stale: list[str] = []
    """Sockets in its runtime folder at which nobody listens."""
    beads: list[BeadsFacts] = []
    rigs: list[RigFacts] = []


def of_town(facts: TownFacts) -> list[Finding]:
    """Findings about a town."""
    found = [_settings(facts), _daemons(facts)]
    found += [_beads(one) for one in facts.beads]
    if not facts.rigs:
        found.append(warn("rigs", "none yet", "gastown rig add NAME PATH_OR_URL"))
    return found + [_rig(one) for one in facts.rigs]


def _settings(facts: TownFacts) -> Finding:
    if facts.error:
        return fail("town", facts.error, "mend town.toml")
    return ok("town", facts.path)


def _daemons(facts: TownFacts) -> Finding:
    if facts.runtime_error:
        return fail("daemons", facts.runtime_error, "then gastown up")
    if facts.is_elsewhere:
        return fail(
            "daemons", "the town was moved while it ran: its agents work for the old place",
            "gastown down, then gastown up",
        )  # fmt: skip
    if facts.is_running:
        return ok("daemons", "running")
    if facts.stale:
        return warn(
            "daemons", f"not running; they were killed and left {', '.join(facts.stale)}",
            "gastown up: it starts them anew",
        )  # fmt: skip
    return ok("daemons", "not running")


def _beads(facts: BeadsFacts) -> Finding:
    about = f"beads {facts.name}"
    if facts.error:
        return fail(about, facts.error, "gastown bead doctor")
    if facts.problems:
        text = f"{facts.problems} of its findings are problems: {facts.first}"
        return fail(about, text, "gastown bead doctor --fix (it keeps copies)")
    if facts.warnings:
        text = f"{facts.beads} beads; {facts.warnings} to look at: {facts.first}"
        return warn(about, text, "gastown bead doctor")
    return ok(about, f"{facts.beads} beads, clean")


def _rig(facts: RigFacts) -> Finding:
    about = f"rig {facts.name}"
    if facts.error:
        return fail(about, facts.error, facts.remedy or "see rig.toml and the rig's repo folder")
    if facts.original:
        text = (
            f"this town is a copy: its worktrees belong to {facts.original}, which is still there"
        )
        return fail(about, text, "remove the copy, or move the original away and run gastown up")
    if facts.moved:
        count = f"{facts.moved} worktree{'s' if facts.moved > 1 else ''}"
        return warn(
            about, f"moved: {count} and the repo name each other no more", "gastown up mends it"
        )
    if facts.is_setup_source_gone:
        text = "[setup] copy takes files from a folder that is gone"
        return warn(about, text, "mend `source` in rig.toml")
    text = f"lands on {facts.target} ({facts.land})"
    if not facts.gates:
        return warn(about, f"{text}; no gates: nothing is tested before it lands",
                    'gates = ["..."] in rig.toml')  # fmt: skip
    return ok(about, f"{text}, {facts.gates} gate{'s' if facts.gates > 1 else ''}")
