"""`gastown agents explain`: what an agent is started with, and why it is in its state."""

from __future__ import annotations

import os
import shlex
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gastown_tui.cli.common import age, known_tables, plain
from gastown_tui.domain.agents.explain import Launched, launched
from gastown_tui.domain.agents.launch import LaunchContext, launch
from gastown_tui.domain.errors import BadInput, Damaged, NotFound, Unavailable

if TYPE_CHECKING:
    from gastown_tui.domain.agents.catalogue import AgentEntry
    from gastown_tui.domain.town import Agent
    from gastown_tui.protocol import TableRow

_STATE: Final = (
    "state", "since", "source", "evidence", "needs", "question", "wanted", "wanted_why", "bead",
)  # fmt: skip
_NO_STATE: Final[dict[str, Any]] = dict.fromkeys(_STATE, "") | {"since": 0.0}
_CONVERSATION: Final = "00000000-0000-4000-8000-000000000000"
_SOURCES: Final = {
    "town": "set by the town",
    "git guard": "of git's guard",
    "set-up": "of set-up",
    "catalogue": "of the catalogue",
    "env_pass": "yours, by env_pass",
    "env_file": "of env_file",
    "person": "yours, as they are",
}
_WIDTH: Final = 100
_INDENT: Final = 22


def explained(town: Path, name: str) -> dict[str, Any]:
    """All that is known of an agent, or of a kind of agent (the town's own without a name).

    Raises:
        NotFound: there is neither.
    """
    from gastown_tui.roots.town import catalogue, town_config

    config = town_config(town)
    entries = catalogue(config)
    if not name or name in entries:
        return {"agent": ""} | _NO_STATE | _fields(_of_entry(town, entries[name or config.agent]))
    agent = _agent(town, name, sorted(entries))
    return {"agent": agent.address} | _state(town, agent) | _fields(_recorded(town, agent))


def _fields(record: Launched) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(record)
    return found


def _agent(town: Path, name: str, kinds: list[str]) -> Agent:
    from gastown_tui.domain import records
    from gastown_tui.roots.town import town_store

    store = town_store(town)
    try:
        known = [records.agent_of(bead) for bead in store.list(issue_type=records.AGENT)]
    finally:
        store.close()
    found = [one for one in known if one is not None and name in {one.address, one.name}]
    if len(found) != 1:
        some = ", ".join(sorted(one.address for one in found))
        hint = some or f"agents: `gastown agents`; kinds: {', '.join(kinds)}"
        raise NotFound(f"there is no agent {name!r}", hint=hint)
    return found[0]


def _state(town: Path, agent: Agent) -> dict[str, Any]:
    """State and reason as the controller knows them; what is on record when there is none."""
    on_record = {"wanted": agent.wanted, "wanted_why": agent.wanted_why, "bead": agent.sandbox_for}
    try:
        row: TableRow | None = known_tables(town)["agents"].get(agent.address)
    except (Unavailable, BadInput):
        row = None
    if row is None:
        return _NO_STATE | on_record
    return {key: row.get(key, "") for key in _STATE}


def _recorded(town: Path, agent: Agent) -> Launched:
    """What its last session was started with; nothing when it never was."""
    from gastown_tui.services.context import Paths
    from gastown_tui.services.launching import RECORD

    path = Paths(town=town).session_file(agent, RECORD)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Launched)
    except FileNotFoundError:
        return Launched()
    except msgspec.MsgspecError as error:
        raise Damaged(f"{path}: {error}", hint="the next start writes it anew") from error


def _of_entry(town: Path, entry: AgentEntry) -> Launched:
    """What a session of this kind would be started with from this shell."""
    from gastown_tui.adapters.agents.machine import Machine

    start = LaunchContext(
        town=str(town), rig="RIG", role="polecat", agent="RIG/polecats/NAME", bead="BEAD",
        run="RUN", cwd="SANDBOX", conversation=_CONVERSATION, settings_path="SETTINGS",
        hooks_path="HOOKS", bin_dir=str(town / ".gastown" / "bin"), caller_env=dict(os.environ),
        permissions="default" if "default" in entry.permissions else next(iter(entry.permissions)),
        secrets=Machine().secrets(_beside(town, entry.env_file)) if entry.env_file else {},
    )  # fmt: skip
    found = launched(entry, start, launch(entry, start))
    command = [part.replace(_CONVERSATION, "CONVERSATION") for part in found.command]
    return msgspec.structs.replace(found, command=command)


def _beside(town: Path, name: str) -> Path:
    return town / Path(name).expanduser()


def page(found: Mapping[str, Any]) -> Iterator[str]:
    """The same for a person, a line at a time."""
    if found["agent"]:
        yield f"{plain(found['agent'])}: {found['entry'] or 'never started'}"
        yield from _why(found)
    else:
        yield f"{found['entry']}: what a session of it would be started with from this shell"
    if not found["command"]:
        return
    yield from _item("command", shlex.join(found["command"]))
    yield from _item("folder", found["folder"])
    yield from _item("settings", found["settings"] or "its own alone")
    args = shlex.join(found["permission_args"])
    yield from _item("permissions", found["permissions"] + (f" ({args})" if args else ""))
    yield from _item("no question", ", ".join(found["allowed"]) or "what its own settings allow")
    servers = [f"{name} may run" for name in found["mcp_on"]]
    servers += [f"{name} may not" for name in found["mcp_off"]]
    yield from _item("MCP servers", ", ".join(servers) or "its own word; nothing agreed to here")
    yield from _item("your yes to", ", ".join(found["consents"]) or "nothing: it asks you")
    if found["pays"]:
        yield from _item("pays", found["pays"])
    yield "environment, names only"
    for source, title in _SOURCES.items():
        names = [name for name, of in found["environment"].items() if of == source]
        if names:
            yield from _item(f"  {title}", " ".join(names))
    if found["missing"]:
        yield from _item("  not set", " ".join(found["missing"]))
    yield from _item("  held back", " ".join(found["held_back"]) or "nothing")


def _why(found: Mapping[str, Any]) -> Iterator[str]:
    if found["state"]:
        yield from _item("state", f"{found['state']} for {age(found['since'])}")
        yield from _item("why", f"{found['source']}: {found['evidence']}")
    else:
        yield from _item("state", "not known: the controller is not running")
    if found["needs"]:
        yield from _item("needs you", f"{found['needs']}: {found['question'] or found['evidence']}")
    reason = f": {found['wanted_why']}" if found["wanted_why"] else ""
    yield from _item("wanted", f"{found['wanted']}{reason}")
    if found["bead"]:
        yield from _item("bead", found["bead"])


def _item(title: str, text: str) -> Iterator[str]:
    """A title and its text, wrapped beside it; names and commands are never cut."""
    head = f"{title:<{_INDENT}}" if len(title) < _INDENT else f"{title}  "
    lines = textwrap.wrap(
        plain(text), _WIDTH - _INDENT, break_long_words=False, break_on_hyphens=False
    )
    if len(head) > _INDENT:
        yield title
        yield from (" " * _INDENT + line for line in lines)
        return
    for number, line in enumerate(lines or [""]):
        yield (head if number == 0 else " " * _INDENT) + line
