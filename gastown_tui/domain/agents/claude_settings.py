"""The settings file that a Claude Code session gets by `--settings`, beside the person's own.

Tool hooks run for every tool call of every agent, and a Python start is 86 ms of CPU: they append
one bounded line to a file with the shell instead (about 2 ms). Only `Stop`, and a start after a
compaction, run `gastown`.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

APPEND: Final = (
    'printf \'%s\\n\' "$(head -c 4000; cat >/dev/null)" >>"${GASTOWN_HOOKS:-/dev/null}" || :'
)
"""One write of at most 4,001 bytes with O_APPEND: lines of hooks that run at once never mix. The
rest of a long payload is read and dropped, so the agent never meets a closed pipe."""
APPENDED: Final = (
    "SessionStart",
    "UserPromptSubmit",
    "PreToolUse",
    "PostToolUse",
    "PostToolUseFailure",
    "PermissionRequest",
    "PermissionDenied",
    "Notification",
    "Stop",
    "StopFailure",
    "SubagentStart",
    "SubagentStop",
    "PreCompact",
    "SessionEnd",
)
AGENT_VERBS: Final = (
    "prime",
    "hook",
    "done",
    "step",
    "bead create",
    "bead show",
    "bead list",
    "bead ready",
    "bead update",
    "bead comment",
    "bead dep",
    "mail",
    "nudge mayor",
    "status",
    "agents",
    "mq list",
)
"""`gastown` verbs that every agent may use without asking."""
BD_VERBS: Final = (
    "create", "q", "show", "list", "ready", "blocked", "update", "comment", "comments", "dep",
    "label", "search", "stats", "count", "prime",
)  # fmt: skip
"""What every agent may use of `bd`, where it finds it."""
MAYOR_VERBS: Final = ("bead close", "convoy", "sling", "nudge", "mq diff", "events", "peek")
_SIMPLE: Final = re.compile(r"[\w ./:=,@%+-]+")
_STOP_SECONDS: Final = 10
_PRIME_SECONDS: Final = 20


class SettingsFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a session's settings depend on."""

    role: str = ""
    gate_commands: list[str] = []
    mcp_enabled: list[str] = []
    mcp_disabled: list[str] = []
    bypass: bool = False
    read_only: list[str] = []
    """Absolute folders outside of its own that it may read, and not edit."""
    bd: bool = False
    """Whether the session finds our `bd` on PATH."""


def claude_settings(facts: SettingsFacts) -> str:
    """The text of the settings file, as JSON."""
    settings: dict[str, Any] = {
        "hooks": _hooks(),
        "permissions": {"allow": allowed(facts)},
        "sandbox": {"excludedCommands": ["gastown *", "gastown"]},
    }
    if facts.read_only:
        settings["permissions"] |= {
            "additionalDirectories": facts.read_only,
            "deny": [f"Edit(/{folder}/**)" for folder in facts.read_only],
        }
    if facts.mcp_enabled:
        settings["enabledMcpjsonServers"] = facts.mcp_enabled
    if facts.mcp_disabled:
        settings["disabledMcpjsonServers"] = facts.mcp_disabled
    if facts.bypass:
        settings["skipDangerousModePermissionPrompt"] = True
    return msgspec.json.format(msgspec.json.encode(settings), indent=2).decode() + "\n"


def allowed(facts: SettingsFacts) -> list[str]:
    """The permission rules: our verbs for the role, and the rig's gate commands."""
    verbs = [*AGENT_VERBS, *(MAYOR_VERBS if facts.role == "mayor" else ())]
    rules = [f"Bash(gastown {verb}:*)" for verb in verbs]
    if facts.bd:
        rules += [f"Bash(bd {verb}:*)" for verb in BD_VERBS]
    for command in facts.gate_commands:
        rules.append(f"Bash({command})")
        if _SIMPLE.fullmatch(command):
            rules.append(f"Bash({command}:*)")
    return rules


def _hooks() -> dict[str, list[dict[str, Any]]]:
    hooks: dict[str, list[dict[str, Any]]] = {
        event: [{"hooks": [{"type": "command", "command": APPEND, "timeout": 5}]}]
        for event in APPENDED
    }
    hooks["SessionStart"].append(
        {
            "matcher": "compact",
            "hooks": [{"type": "command", "command": "gastown prime", "timeout": _PRIME_SECONDS}],
        }
    )
    hooks["Stop"].append(
        {"hooks": [{"type": "command", "command": "gastown agent-stop", "timeout": _STOP_SECONDS}]}
    )
    return hooks
