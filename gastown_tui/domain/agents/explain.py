"""What an agent is started with, told without a single value of its environment."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from gastown_tui.domain.agents.catalogue import AgentEntry
from gastown_tui.domain.agents.claude_settings import allowed
from gastown_tui.domain.agents.environment import money
from gastown_tui.domain.agents.launch import LaunchContext, LaunchSpec, settings_facts, sourced


class Launched(msgspec.Struct, frozen=True, kw_only=True):
    """One start, as it is written down beside the session's settings."""

    entry: str = ""
    """Of the catalogue."""
    run: str = ""
    folder: str = ""
    command: list[str] = []
    """The whole command line."""
    settings: str = ""
    """The settings file that the program got besides the person's own; empty when none."""
    permissions: str = ""
    """The mode, as in `rig.toml`."""
    permission_args: list[str] = []
    """What the mode adds to the command line."""
    allowed: list[str] = []
    """Rules of the settings file: what needs no question."""
    mcp_on: list[str] = []
    """MCP servers of the repository that may run."""
    mcp_off: list[str] = []
    consents: list[str] = []
    """Questions of a start that are answered by the overseer's recorded yes."""
    pays: str = ""
    """`subscription` or `API key ...1234`; empty for what costs nothing."""
    environment: dict[str, str] = {}
    """Name of each variable that reaches it, and where it comes from."""
    held_back: list[str] = []
    """Variables of the person's that do not reach it."""
    missing: list[str] = []
    """Names in `env_pass` that the person's environment does not have."""


def launched(entry: AgentEntry, context: LaunchContext, spec: LaunchSpec) -> Launched:
    """What a start consists of: `spec` was made of the other two."""
    has_settings = context.settings_path in spec.files
    facts = settings_facts(context)
    given = context.consents
    agreed = {
        "trust": given.trust,
        "trust_rules": given.trust_rules,
        "api_key": given.api_key,
        "bypass": given.bypass,
    }
    return Launched(
        entry=entry.name,
        run=context.run,
        folder=context.cwd,
        command=spec.argv,
        settings=context.settings_path if has_settings else "",
        permissions=context.permissions,
        permission_args=entry.permissions.get(context.permissions, []),
        allowed=allowed(facts) if has_settings else [],
        mcp_on=facts.mcp_enabled,
        mcp_off=facts.mcp_disabled,
        consents=[name for name, is_given in agreed.items() if is_given],
        pays=money(spec.env, entry.keys) if entry.prices else "",
        environment={name: source for name, (_, source) in sorted(sourced(entry, context).items())},
        held_back=_held_back(context.caller_env, spec.env),
        missing=[name for name in entry.env_pass if not context.caller_env.get(name)],
    )


def _held_back(person: Mapping[str, str], env: Mapping[str, str]) -> list[str]:
    """Names of a person's variables that are not passed on as they are."""
    return sorted(name for name, value in person.items() if value and env.get(name) is None)
