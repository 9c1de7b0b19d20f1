"""From a catalogue entry and a task to the exact command line, environment and files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from gastown_tui.domain.agents.catalogue import AgentEntry
from gastown_tui.domain.agents.claude_settings import SettingsFacts, claude_settings
from gastown_tui.domain.agents.environment import inherited, path_with
from gastown_tui.domain.config import RigConfig
from gastown_tui.domain.errors import BadInput, Forbidden

MAX_PROMPT: Final = 4096
"""Bytes. A command line is visible to every user of the machine, and one argument ends at 128 kB:
the prompt only points to `gastown prime`, the task itself is read from there."""
FIRST_PROMPT: Final = "Run `gastown prime` and do what is on your hook."
RESUME_PROMPT: Final = "You were interrupted. Run `gastown prime` and go on with your hook."
_CONVERSATION: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Consents(msgspec.Struct, frozen=True, kw_only=True):
    """What the overseer has agreed to, once and on record; nothing else is agreed to for them."""

    trust: bool = False
    """This repository may be worked in."""
    trust_rules: bool = False
    """The permissions that the repository's own settings pre-approve may apply."""
    mcp: list[str] | None = None
    """MCP servers of the repository that may run; None when it was never asked."""
    api_key: bool = False
    """The API key that `env_pass` names may be used."""
    bypass: bool = False
    """Sessions may start without any permission check; typed by the overseer."""


def consents_of(rig: RigConfig) -> Consents:
    """What is on record for a rig; `bypass` in its settings was typed by a person."""
    given, is_bypass = rig.consent, rig.permissions == "bypass"
    return Consents(
        trust=given.trust or is_bypass,
        trust_rules=given.trust_rules,
        mcp=given.mcp,
        api_key=given.api_key,
        bypass=is_bypass,
    )


class LaunchContext(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one start of one agent."""

    town: str
    """Absolute path of the town."""
    rig: str = ""
    role: str = ""
    agent: str
    """Address, as in `rig/polecats/nux`."""
    bead: str = ""
    run: str
    slot: int = 0
    cwd: str = ""
    conversation: str = ""
    """UUID, chosen by us and recorded before the start."""
    resume: bool = False
    permissions: str = "default"
    gate_commands: list[str] = []
    """The rig's gates, which the agent may run without asking."""
    read_only: list[str] = []
    """Folders besides its own that it reads: the mayor's are the hubs."""
    settings_path: str = ""
    """Where the agent's settings file goes: outside the repository and the person's home."""
    hooks_path: str = ""
    """The file that hooks append to."""
    bin_dir: str = ""
    """The folder that holds our `gastown`."""
    bd_dir: str = ""
    """The folder that holds our `bd`, for agents that shall find it; else empty."""
    tmp_dir: str = ""
    """A temporary folder of the agent's own; empty for the person's."""
    git_env: Mapping[str, str] = {}
    extra_env: Mapping[str, str] = {}
    """Of set-up: ports, compose project ..."""
    caller_env: Mapping[str, str] = {}
    """The person's environment: of the client that attached last."""
    secrets: Mapping[str, str] = {}
    """What the `env_file` of the rig and of the entry hold."""
    prompt: str = ""
    """Empty: the default for a start or a resume."""
    directives: str = ""
    """The town's short rules, added to the system prompt where the agent allows it."""
    consents: Consents = Consents()
    mcp_known: list[str] = []
    """Names in the repository's `.mcp.json`."""


class LaunchSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What is started: nothing else goes in."""

    argv: list[str]
    env: dict[str, str]
    """The whole environment."""
    files: dict[str, str]
    """Absolute path to text, written with mode 0600 before the start."""


def launch(entry: AgentEntry, context: LaunchContext) -> LaunchSpec:
    """The command line, environment and files of one start.

    Raises:
        BadInput: a mode that the agent does not know, a prompt that is too long, no UUID, or a
            resume of an agent that cannot.
        Forbidden: bypass without a wrapper and without the overseer's own word.
    """
    files: dict[str, str] = {}
    argv = [*entry.wrapper, entry.command, *entry.args, *_conversation_args(entry, context)]
    if entry.settings == "claude" and context.settings_path:
        files[context.settings_path] = claude_settings(settings_facts(context))
        argv += _filled(entry.settings_args, settings=context.settings_path)
    if context.hooks_path:
        files[context.hooks_path] = ""
    argv += _permission_args(entry, context)
    if context.directives:
        argv += _filled(entry.directives_args, directives=context.directives)
    argv += _prompt_args(entry, context)
    if any("\0" in part for part in argv):
        raise BadInput(f"{entry.name}: an argument holds a NUL byte")
    return LaunchSpec(argv=argv, env=environment(entry, context), files=files)


def environment(entry: AgentEntry, context: LaunchContext) -> dict[str, str]:
    """The whole environment of a session, as the table of `environment.py` says."""
    return {name: value for name, (value, _) in sourced(entry, context).items()}


def sourced(entry: AgentEntry, context: LaunchContext) -> dict[str, tuple[str, str]]:
    """Name to value and where it comes from, for every variable of a session's environment."""
    person = context.caller_env
    ours = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    passed = {name: person[name] for name in entry.env_pass if name in person}
    layers = (
        ("person", inherited(person)),
        ("town", ours),
        ("env_pass", passed),
        ("env_file", context.secrets),
        ("catalogue", entry.env),
        ("set-up", context.extra_env),
        ("git guard", context.git_env),
    )
    env = {name: (value, source) for source, some in layers for name, value in some.items()}

    def known(name: str) -> str:
        return env.get(name, ("", ""))[0] or person.get(name, "")

    last = {
        "PATH": path_with(f"{context.bin_dir}:{context.bd_dir}", known("PATH")),
        "TMPDIR": context.tmp_dir or known("TMPDIR"),
        "GASTOWN_TOWN": context.town,
        "GASTOWN_RIG": context.rig,
        "GASTOWN_ROLE": context.role,
        "GASTOWN_AGENT": context.agent,
        "GASTOWN_BEAD": context.bead,
        "GASTOWN_RUN": context.run,
        "GASTOWN_SLOT": str(context.slot),
        "GASTOWN_HOOKS": context.hooks_path,
        "BD_ACTOR": context.agent,
    }
    env |= {name: (value, "town") for name, value in last.items()}
    return {name: found for name, found in env.items() if found[0]}


def settings_facts(context: LaunchContext) -> SettingsFacts:
    """What the settings file of a start depends on."""
    agreed = context.consents.mcp
    return SettingsFacts(
        role=context.role,
        gate_commands=context.gate_commands,
        read_only=context.read_only,
        mcp_enabled=agreed or [],
        mcp_disabled=[]
        if agreed is None
        else [name for name in context.mcp_known if name not in agreed],
        bypass=context.permissions == "bypass",
        bd=bool(context.bd_dir),
    )


def _conversation_args(entry: AgentEntry, context: LaunchContext) -> list[str]:
    wanted = entry.resume_args if context.resume else entry.session_args
    if context.resume and not wanted:
        raise BadInput(f"{entry.name} cannot continue a conversation", hint="start a fresh one")
    if wanted and not _CONVERSATION.fullmatch(context.conversation):
        raise BadInput(f"{context.conversation!r} is not the id of a conversation (a UUID)")
    return _filled(wanted, conversation=context.conversation)


def _permission_args(entry: AgentEntry, context: LaunchContext) -> list[str]:
    mode = context.permissions
    if mode not in entry.permissions:
        raise BadInput(
            f"{entry.name} has no permission mode {mode!r}",
            hint="one of " + ", ".join(sorted(entry.permissions)),
        )
    if mode == "bypass" and not entry.wrapper and not context.consents.bypass:
        raise Forbidden(
            "bypass starts agents without any permission check",
            hint="the overseer types it, or the agent's entry has a wrapper such as bwrap",
        )
    return entry.permissions[mode]


def _prompt_args(entry: AgentEntry, context: LaunchContext) -> list[str]:
    if entry.prompt == "none":
        return []
    prompt = context.prompt or (RESUME_PROMPT if context.resume else FIRST_PROMPT)
    if len(prompt.encode("utf-8", "replace")) > MAX_PROMPT:
        raise BadInput(
            f"the first prompt is longer than {MAX_PROMPT} bytes",
            hint="put the text on the bead: the prompt only points to `gastown prime`",
        )
    return _filled(entry.prompt_args, prompt=prompt)


def _filled(args: list[str], **values: str) -> list[str]:
    """Arguments with `{name}` replaced in one pass: what is put in is not looked at again."""
    return [
        re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), part) for part in args
    ]
