"""What an agent is doing, from the most exact sign to the least.

======== ==================================================================================
source   sign
======== ==================================================================================
exit     the process ended, or is frozen
dialog   a live dialog on the screen
screen   an error rule of the catalogue (a dead login, a usage limit)
registry the agent's own session file, its process start checked
hook     the last hook event of the main agent
title    the terminal's title, then its progress
screen   the catalogue's other rules
quiet    how long nothing was printed
======== ==================================================================================

`derive` is the one place where a state comes from. It is pure: `now` is the wall clock in seconds,
and every age in `Evidence` is in seconds awake, so a lid closed for lunch stalls nobody.
"""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from gastown_tui.domain.agents.catalogue import AgentEntry, Rule, State
from gastown_tui.domain.agents.dialog import Dialog
from gastown_tui.domain.agents.dialogs import find_dialog
from gastown_tui.domain.agents.screen import Screen
from gastown_tui.protocol import Signals

HOLD_S: Final = 0.3
"""A working agent is idle only after it looked idle for so long: tool calls flicker."""
Source = Literal["exit", "wanted", "dialog", "registry", "hook", "title", "screen", "quiet"]
_NEEDS: Final[dict[str, tuple[State, str]]] = {
    "permission": ("waiting", "permission"),
    "question": ("waiting", "question"),
    "plan": ("waiting", "question"),
    "limit": ("error", "limit"),
    "login": ("error", "auth"),
}
_WAITING_FOR: Final = {"permission prompt": "permission", "input needed": "question"}
"""Else `dialog open`: a menu of the program's own."""
_QUESTION_TOOLS: Final = frozenset({"AskUserQuestion", "ExitPlanMode"})
_RULE_SOURCE: Final = {"title": "title", "progress": "title"}
_WORD: Final = re.compile(r"\b[^\W\d_]+\b")
"""What counts in a row of a terminal: spinners turn, and seconds and tokens are counted."""


class RegistryRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent's own session file says, after its process was checked."""

    status: str = ""
    """busy, idle, waiting or shell."""
    waiting_for: str = ""
    conversation: str = ""
    updated: float = 0.0
    """Seconds since the epoch; 0 when unknown."""
    same_process: bool = False
    """The file's process start is that of the process that has its id now."""
    version: str = ""


class HookEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a hook file, bounded and checked."""

    name: str
    at: float = 0.0
    """When it was read, seconds since the epoch."""
    age_s: float = 0.0
    """Awake seconds since then; filled in by whoever makes `Evidence`."""
    conversation: str = ""
    tool: str = ""
    kind: str = ""
    """Of a notification or a session start: its type or source."""
    message: str = ""
    """What it says, at most one line of 200 characters."""
    sub_agent: bool = False


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of one session."""

    entry: AgentEntry
    alive: bool = True
    exit_code: int | None = None
    exit_signal: int = 0
    frozen: bool = False
    """Stopped by SIGSTOP."""
    wanted: Literal["running", "paused", "stopped"] = "running"
    wanted_why: str = ""
    signals: Signals | None = None
    registry: RegistryRecord | None = None
    hooks: tuple[HookEvent, ...] = ()
    """The latest events, oldest first; a few are enough."""
    age_s: float = 0.0
    """Awake seconds since the start."""
    quiet_s: float = 0.0
    """Awake seconds since the last output."""
    progress_s: float = 0.0
    """Awake seconds since the last step: a hook, a transcript record; output where neither is."""
    previous: AgentState | None = None
    """What was published last for this run."""


class AgentState(msgspec.Struct, frozen=True, kw_only=True):
    """What is published of an agent."""

    state: State
    needs: str = ""
    """For waiting: permission, question or dialog; for error: auth, limit, api or start."""
    since: float = 0.0
    source: Source = "quiet"
    evidence: str = ""
    """One line: what was seen."""
    question: str = ""
    """What it asks, for whoever answers."""
    dialog: Dialog | None = None
    quieter_since: float = 0.0
    """When it first looked idle while it is still published as working; 0 otherwise."""
    recheck_at: float = 0.0
    """Derive again at this time even if nothing new is seen; 0 = no need."""
    was_ready: bool = False
    """It has shown in this run that it can work."""


class _Sign(msgspec.Struct, frozen=True):
    state: State
    source: Source
    evidence: str
    needs: str = ""
    question: str = ""
    dialog: Dialog | None = None


def derive(evidence: Evidence, now: float) -> AgentState:
    """The agent's state; `since` is kept while state and needs stay the same."""
    sign = _read(evidence)
    if sign.state == "idle" and _is_before_first_prompt(evidence):
        sign = _Sign("starting", sign.source, f"{sign.evidence}; it has not taken its prompt yet")
    if sign.state == "starting" and evidence.age_s >= evidence.entry.ready.start_s:
        sign = _never_ready(sign.evidence, evidence)
    if sign.state == "working" and evidence.progress_s >= evidence.entry.ready.stall_s:
        minutes = evidence.entry.ready.stall_s / 60
        sign = _Sign("stalled", sign.source, f"{sign.evidence}; no step for {minutes:.0f} min")
    return _published(sign, evidence, now)


def _is_before_first_prompt(evidence: Evidence) -> bool:
    """Whether a prompt from the command line is still to be taken: it looks idle until then."""
    entry = evidence.entry
    return (
        entry.prompt == "argument"
        and entry.settings == "claude"
        and evidence.age_s < entry.ready.grace_s
        and all(event.name == "SessionStart" for event in evidence.hooks)
    )


def _never_ready(seen: str, evidence: Evidence) -> _Sign:
    """It should have shown by now that it is ready: to nudge or end it would mend nothing."""
    text = f"not ready {evidence.entry.ready.start_s:.0f} s after its start: {seen}"
    return _Sign("error", "quiet", text, "start", "It did not get ready: look at its pane")


def _is_ready(sign: _Sign, evidence: Evidence) -> bool:
    """Whether the agent has shown, now or before in this run, that it can work."""
    if evidence.previous is not None and evidence.previous.was_ready:
        return True
    if sign.source in {"registry", "hook", "title", "screen"}:
        return sign.state not in {"starting", "error"}
    return any(event.name != "SessionStart" for event in evidence.hooks)


def _published(sign: _Sign, evidence: Evidence, now: float) -> AgentState:
    before = evidence.previous
    since = now
    if before is not None:
        if before.state == "working" and sign.state in ("idle", "parked"):
            quieter = before.quieter_since or now
            if now - quieter < HOLD_S:
                return msgspec.structs.replace(
                    before, quieter_since=quieter, recheck_at=quieter + HOLD_S
                )
            since = quieter
        elif (before.state, before.needs) == (sign.state, sign.needs):
            since = before.since
    return AgentState(
        state=sign.state,
        needs=sign.needs,
        since=since,
        source=sign.source,
        evidence=_told(sign, before),
        question=sign.question[:500],
        dialog=sign.dialog,
        recheck_at=_recheck(sign, evidence, now),
        was_ready=_is_ready(sign, evidence),
    )


def _told(sign: _Sign, before: AgentState | None) -> str:
    """What was seen; as it was told before while it says the same."""
    text = sign.evidence[:200]
    if before is None or before.source != sign.source or sign.source not in {"title", "screen"}:
        return text
    return before.evidence if _WORD.findall(before.evidence) == _WORD.findall(text) else text


def _recheck(sign: _Sign, evidence: Evidence, now: float) -> float:
    """When silence alone would change the answer."""
    ready = evidence.entry.ready
    left: float = 0.0
    if sign.state == "working":
        left = ready.stall_s - evidence.progress_s
        if sign.source == "quiet":
            left = min(left, ready.quiet_s - evidence.quiet_s)
        if sign.source == "hook" and evidence.hooks:
            left = min(left, ready.hook_fresh_s - evidence.hooks[-1].age_s)
    if sign.state == "starting":
        left = (ready.grace_s if evidence.age_s < ready.grace_s else ready.start_s) - evidence.age_s
    return now + max(left, 0.1) if left else 0.0


def _read(evidence: Evidence) -> _Sign:
    gone = _from_process(evidence)
    if gone:
        return gone
    screen = None
    if evidence.signals is not None:
        screen = Screen(evidence.signals, evidence.entry.typing)
    own_word = _from_registry(evidence.registry, evidence.hooks)
    rules = evidence.entry.rules
    busy = own_word is not None and own_word.state == "working"
    errors = [rule for rule in rules if rule.state == "error" and (rule.over_busy or not busy)]
    return (
        _from_dialog(screen)
        or _from_rules(screen, errors)
        or own_word
        or _from_hooks(evidence)
        or _from_rules(screen, [rule for rule in rules if rule.state != "error"])
        or _from_quiet(evidence, screen)
    )


def _from_process(evidence: Evidence) -> _Sign | None:
    if not evidence.alive or evidence.exit_code is not None:
        how = (
            f"killed by signal {evidence.exit_signal}"
            if evidence.exit_signal
            else f"exit code {evidence.exit_code if evidence.exit_code is not None else 'unknown'}"
        )
        if evidence.wanted == "stopped":
            return _Sign("stopped", "wanted", evidence.wanted_why or "stopped by you")
        return _Sign("exited", "exit", how)
    if evidence.frozen:
        return _Sign("paused", "exit", evidence.wanted_why or "frozen")
    return None


def _from_dialog(screen: Screen | None) -> _Sign | None:
    dialog = find_dialog(screen.signals.bottom) if screen else None
    if dialog is None:
        return None
    state, needs = _NEEDS.get(dialog.kind, ("waiting", "dialog"))
    asked = dialog.question
    if dialog.detail and dialog.kind in ("permission", "question", "plan", "mcp"):
        asked = " ".join(dialog.detail.split("\n")) + " - " + asked
    return _Sign(state, "dialog", f"{dialog.kind} dialog: {dialog.question}", needs, asked, dialog)


def _from_rules(screen: Screen | None, rules: list[Rule]) -> _Sign | None:
    if screen is None:
        return None
    for rule in rules:
        if row := screen.fits(rule):
            source: Source = "title" if rule.region in _RULE_SOURCE else "screen"
            seen = f"{rule.region.replace('_', ' ')}: {row.strip()}"
            asked = row.strip() if rule.state in ("waiting", "error") else ""
            return _Sign(rule.state, source, seen, rule.needs, asked)
    return None


def _from_registry(record: RegistryRecord | None, hooks: tuple[HookEvent, ...]) -> _Sign | None:
    if record is None or not record.same_process:
        return None
    seen = f"its session file says {record.status}"
    match record.status:
        case "busy":
            return _Sign("working", "registry", seen)
        case "idle":
            last = _last_main(hooks)
            if last and last.name == "StopFailure":
                return _Sign("error", "hook", f"StopFailure: {last.message}", *_failure(last))
            if last and last.name == "UserPromptSubmit" and last.at > record.updated > 0:
                return _Sign(
                    "working", "hook", "hook UserPromptSubmit, newer than its session file"
                )
            return _Sign("idle", "registry", seen)
        case "shell":
            return _Sign("parked", "registry", "its session file says a background shell runs")
        case "waiting":
            asked = record.waiting_for
            needs = _WAITING_FOR.get(asked, "dialog")
            return _Sign("waiting", "registry", f"{seen} for {asked}", needs, asked)
        case _:
            return None


def _last_main(hooks: tuple[HookEvent, ...]) -> HookEvent | None:
    """The last event that tells of the main agent: sub-agents inherit the hooks."""
    mains = (
        event
        for event in reversed(hooks)
        if not event.sub_agent and event.name not in ("SubagentStart", "SubagentStop")
    )
    return next(mains, None)


def _from_hooks(evidence: Evidence) -> _Sign | None:
    event = _last_main(evidence.hooks)
    if event is None:
        return None
    seen = f"hook {event.name}" + (f" {event.tool}" if event.tool else "")
    fresh = event.age_s <= evidence.entry.ready.hook_fresh_s
    match event.name:
        case "UserPromptSubmit" | "PreToolUse" | "PostToolUse" | "PostToolUseFailure" if fresh:
            return _Sign("working", "hook", seen)
        case "PermissionRequest":
            needs = "question" if event.tool in _QUESTION_TOOLS else "permission"
            return _Sign("waiting", "hook", seen, needs, event.message or event.tool)
        case "Notification" if event.kind in ("permission_prompt", "elicitation_dialog"):
            return _Sign("waiting", "hook", seen, "permission", event.message)
        case "StopFailure":
            return _Sign("error", "hook", f"{seen}: {event.message}", *_failure(event))
        case "Stop" | "Notification":
            return _Sign("idle", "hook", seen)
        case _:
            return None


def _failure(event: HookEvent) -> tuple[str, str]:
    """What kind of failure ended a turn, and its text."""
    text = f"{event.kind} {event.message}".lower()
    if any(word in text for word in ("auth", "401", "login", "log in")):
        return "auth", event.message
    if any(word in text for word in ("limit", "billing", "credit", "quota")):
        return "limit", event.message
    return "api", event.message


def _from_quiet(evidence: Evidence, screen: Screen | None) -> _Sign:
    ready = evidence.entry.ready
    young = evidence.age_s < ready.grace_s
    if screen is None or evidence.signals is None:
        state: State = "starting" if young else "idle"
        return _Sign(state, "quiet", "nothing known of its terminal yet")
    if young and (evidence.entry.rules or not evidence.signals.last_output):
        return _Sign("starting", "quiet", "just started")
    if evidence.quiet_s < ready.quiet_s:
        return _Sign("working", "quiet", "it prints")
    if unready := _unready(evidence, screen):
        return _Sign("starting", "quiet", unready)
    return _Sign("idle", "quiet", "no known sign; it prints nothing")


def _unready(evidence: Evidence, screen: Screen) -> str:
    """Why a silent agent is not ready, as far as its program can be read; empty when it is."""
    was_ready = evidence.previous is not None and evidence.previous.was_ready
    if was_ready or any(event.name != "SessionStart" for event in evidence.hooks):
        return ""
    if not screen.signals.last_output:
        return "it has printed nothing"
    is_readable = bool(evidence.entry.rules) and evidence.entry.typing.submits
    return "its screen shows no prompt box" if is_readable and screen.box is None else ""
