"""What only the overseer can know about a new rig: asked once, by a flag, or left safe."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import msgspec

from gastown_tui.cli.common import plain, show
from gastown_tui.cli.rig_file import Decision
from gastown_tui.domain.config import CHOICES, Setup
from gastown_tui.domain.repository import some

if TYPE_CHECKING:
    from gastown_tui.domain.agents.catalogue import AgentEntry
    from gastown_tui.domain.repository import RepositoryFacts

_LANDS: Final = {
    "local": "on gastown/{branch} in the town; you fetch it from there",
    "push": "pushed to {branch} of {origin}",
    "pr": "by pull requests to {branch} of {origin}",
}
_PERMISSIONS: Final = {
    "default": "as your own configuration says: it asks you",
    "allowlist": "edits its sandbox and runs the gates without asking",
    "bypass": "asks for nothing, and runs what it likes, as you",
}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says about a new rig; None is left open."""

    review: str = "required"
    land: str | None = None
    permissions: str | None = None
    setup: bool | None = None
    gates: list[str] = []
    folder: str = ""
    sparse: list[str] = []
    is_person: bool = False
    """Whether somebody can be asked."""
    is_yes: bool = False
    """Whether the proposals are agreed to without a question."""


def decide(
    facts: RepositoryFacts, entry: AgentEntry, asked: Asked, flags: Mapping[str, object], hub: Path
) -> Decision:
    """Ask what is open, once; where nobody is asked, take what is safe and say so.

    Args:
        facts: what was found in the project.
        entry: what the rig's agents run.
        asked: of the command line.
        flags: those of consent: trust, trust_rules, mcp, api_key.
        hub: the clone.

    Raises:
        BadInput: an MCP server that the project does not name.
    """
    from gastown_tui.cli.consent import consent

    ask = asked.is_person and not asked.is_yes
    first = proposal(facts, asked)
    land = asked.land or (_land(facts) if ask else first.land)
    permissions = asked.permissions or (_permissions(entry) if ask else first.permissions)
    uses_setup = first.uses_setup
    if ask and asked.setup is None and _has_setup(first.setup):
        show(_setup_words(first.setup))
        uses_setup = click.confirm("Use that set-up?", default=True)
    given = consent(hub, entry, flags, ask=ask)
    if not asked.is_person and not asked.is_yes:
        _say_safe(first, asked, flags)
    return msgspec.structs.replace(
        first, land=land, permissions=permissions, uses_setup=uses_setup, consent=given
    )


def proposal(facts: RepositoryFacts, asked: Asked) -> Decision:
    """What `rig.toml` says when nobody is asked."""
    environment = facts.setup.environment
    setup = Setup(
        copy=facts.setup.secrets,
        run=facts.setup.run,
        inputs=facts.setup.packages if facts.setup.run else [],
        environment=environment if shutil.which(environment) else "",
    )
    uses_setup = asked.setup if asked.setup is not None else asked.is_yes
    return Decision(
        land=asked.land or "local",
        review=asked.review,
        permissions=asked.permissions or "default",
        gates=asked.gates,
        folder=asked.folder,
        sparse=asked.sparse,
        setup=setup,
        uses_setup=bool(uses_setup),
    )


def open_questions(facts: RepositoryFacts, asked: Asked, flags: Mapping[str, object]) -> list[str]:
    """What would be asked, each with the flag that answers it beforehand."""
    found = []
    if asked.land is None:
        found.append(f"where work lands: {', '.join(CHOICES['land'])} (--land)")
    if asked.permissions is None:
        found.append("what agents start in (--permissions)")
    if asked.setup is None and _has_setup(proposal(facts, asked).setup):
        found.append("whether sandboxes get that set-up (--setup, --no-setup)")
    if flags.get("trust") is None:
        found.append("whether you trust the project (--trust, --no-trust)")
    if flags.get("trust_rules") is None and facts.rules:
        found.append("whether its own permissions apply (--trust-rules)")
    if flags.get("mcp") is None and facts.mcp:
        found.append("which of its MCP servers may run (--mcp all, none or names)")
    return found


def _land(facts: RepositoryFacts) -> str:
    show("Where does finished work land?")
    for name in CHOICES["land"]:
        about = _LANDS[name].format(branch=facts.default, origin=facts.origin)
        show(f"  {name:<6} {about}{_but(name, facts)}")
    return str(click.prompt("Land", type=click.Choice(CHOICES["land"]), default="local"))


def _but(land: str, facts: RepositoryFacts) -> str:
    if land in {"push", "pr"} and not facts.is_pushable:
        return " (not possible: somebody works in it)"
    return " (it is protected)" if land == "push" and facts.is_protected else ""


def _permissions(entry: AgentEntry) -> str:
    known = [one for one in CHOICES["permissions"] if one in entry.permissions]
    if len(known) < 2:
        return "default"
    show(f"What do its agents ({entry.name}) start in?")
    for name in known:
        show(f"  {name:<10} {_PERMISSIONS[name]}")
    return str(click.prompt("Permissions", type=click.Choice(known), default="default"))


def _has_setup(setup: Setup) -> bool:
    return bool(setup.copy or setup.run or setup.environment)


def _setup_words(setup: Setup) -> str:
    lines = ["Every fresh sandbox could get:"]
    if setup.copy:
        lines.append(f"  copies of {plain(some(setup.copy))}, which agents can read then")
    if setup.environment:
        lines.append(
            f"  what {setup.environment} makes of the project's files: they are run for it"
        )
    lines += [f"  $ {plain(one)}" for one in setup.run]
    return "\n".join(lines)


def _say_safe(taken: Decision, asked: Asked, flags: Mapping[str, object]) -> None:
    """One line on what was decided without anybody."""
    words = []
    if asked.land is None:
        words.append("it lands locally (--land)")
    if asked.permissions is None:
        words.append("agents ask as usual (--permissions)")
    if asked.setup is None and _has_setup(taken.setup):
        words.append("the set-up it seems to need is comments in rig.toml (--setup)")
    if not any(flags.get(name) for name in ("trust", "trust_rules", "mcp", "api_key")):
        words.append("nothing is agreed to in your name (--trust, --mcp)")
    if words:
        show(f"Nobody was asked: {'; '.join(words)}.")
