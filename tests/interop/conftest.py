"""The real Claude Code, without an account: its own home, and a scripted model on loopback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fake_messages import KEY, FakeMessages, Script
from pane import Pane

from gastown_tui.adapters.agents.catalogue_files import shipped_entries
from gastown_tui.adapters.agents.claude_registry import ClaudeRegistry
from gastown_tui.adapters.agents.hook_file import HookFile
from gastown_tui.domain.agents.catalogue import AgentEntry, load_entries
from gastown_tui.domain.agents.launch import LaunchContext, launch
from gastown_tui.domain.agents.nudge import (
    Finish,
    Receipt,
    SignalsSeen,
    TypeBytes,
    TypedAnswer,
)
from gastown_tui.domain.agents.state import AgentState, Evidence, HookEvent, derive
from gastown_tui.services.files import write_private

VERSION = os.environ.get("GASTOWN_INTEROP_CLAUDE", "2.1.330")
REQUIRED = os.environ.get("GASTOWN_REQUIRE_INTEROP") == "1"
CACHE = os.environ.get("GASTOWN_INTEROP_CACHE", "")
PACKAGE = "@anthropic-ai/claude-code"

GASTOWN = """#!/bin/sh
# Stands in for our command line: writes down what it was asked, answers the Stop hook once.
printf '%s\\n' "$*" >>"$GASTOWN_TOWN/asked"
if [ "$1" = agent-stop ]; then
    cat >/dev/null
    if [ -f "$GASTOWN_TOWN/block" ]; then cat "$GASTOWN_TOWN/block"; rm "$GASTOWN_TOWN/block"; fi
else
    echo "gastown $* for $GASTOWN_AGENT"
fi
"""


def _unavailable(reason: str) -> None:
    if REQUIRED:
        pytest.fail(f"{reason} (GASTOWN_REQUIRE_INTEROP=1 makes this a failure)", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def claude_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of the pinned version, installed on first use."""
    if not REQUIRED and not CACHE:
        pytest.skip("set GASTOWN_REQUIRE_INTEROP=1 or GASTOWN_INTEROP_CACHE=FOLDER to run it")
    root = Path(CACHE).absolute() if CACHE else tmp_path_factory.mktemp("claude")
    folder = root / f"claude-code-{VERSION}"
    program = _program(folder)
    if program is None:
        _install(folder)
        program = _program(folder)
    if program is None:
        _unavailable(f"{PACKAGE} {VERSION} was installed but does not run")
    assert program is not None
    return program


def _install(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        _unavailable("npm is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    command = [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--no-save"]
    done = subprocess.run(
        [*command, f"{PACKAGE}@{VERSION}"], check=False, capture_output=True, text=True, timeout=300
    )
    if done.returncode:
        _unavailable(f"npm install {PACKAGE}: {done.stderr.strip()[-300:]}")


def _program(folder: Path) -> Path | None:
    modules = folder / "node_modules"
    for path in [modules / ".bin" / "claude", *modules.glob(f"{PACKAGE}-*/claude")]:
        if path.exists():
            asked = subprocess.run([path, "--version"], check=False, capture_output=True, text=True)
            if VERSION in asked.stdout:
                return path
    return None


@dataclass
class ClaudeTown:
    """One agent's town, home and repository, and what is known of its session."""

    root: Path
    entry: AgentEntry
    model: FakeMessages
    conversation: str = field(default_factory=lambda: str(uuid.uuid4()))
    trusted: bool = True
    previous: AgentState | None = None
    events: list[HookEvent] = field(default_factory=list)
    started: float = 0.0

    def __post_init__(self) -> None:
        for folder in ("home", "repo", "bin"):
            (self.root / folder).mkdir()
        self.repo = self.root / "repo"
        subprocess.run(["git", "init", "-q", str(self.repo)], check=True)
        stand_in = self.root / "bin" / "gastown"
        stand_in.write_text(GASTOWN)
        stand_in.chmod(0o755)
        projects = {str(self.repo): {"hasTrustDialogAccepted": True}} if self.trusted else {}
        known = {
            "hasCompletedOnboarding": True,
            "customApiKeyResponses": {"approved": [KEY[-20:]], "rejected": []},
            "projects": projects,
        }
        (self.root / "home" / ".claude.json").write_text(json.dumps(known))
        self.registry = ClaudeRegistry(self.root / "home" / ".claude")
        self.hook_file = HookFile(self.root / "hooks")

    def context(self, **changes: Any) -> LaunchContext:
        values: dict[str, Any] = {
            "town": str(self.root),
            "rig": "rig",
            "role": "polecat",
            "agent": "rig/polecats/nux",
            "bead": "rig-abc",
            "run": f"interop-{self.conversation}",
            "conversation": self.conversation,
            "permissions": "manual",
            "gate_commands": ["make test"],
            "settings_path": str(self.root / "settings.json"),
            "hooks_path": str(self.root / "hooks"),
            "bin_dir": str(self.root / "bin"),
            "caller_env": {
                **os.environ,
                "HOME": str(self.root / "home"),
                "ANTHROPIC_API_KEY": KEY,
                "ANTHROPIC_BASE_URL": self.model.url,
                "IS_SANDBOX": "1",
            },
            **changes,
        }
        return LaunchContext(**values)

    def start(self, **changes: Any) -> Pane:
        spec = launch(self.entry, self.context(**changes))
        for path, text in spec.files.items():
            write_private(path, text)
        self.started = time.time()
        self.previous = None
        self.events = []
        return Pane(spec.argv, spec.env, self.repo)

    def state(self, pane: Pane) -> AgentState:
        now = time.time()
        self.events += self.hook_file.read(now)
        signals = pane.signals()
        evidence = Evidence(
            entry=self.entry,
            alive=pane.alive,
            signals=signals,
            registry=self.registry.read(pane.pid),
            hooks=tuple(self.events[-20:]),
            age_s=now - self.started,
            quiet_s=now - signals.last_output,
            previous=self.previous,
        )
        self.previous = derive(evidence, now)
        return self.previous

    def wait_state(self, pane: Pane, state: str, seconds: float = 30) -> AgentState:
        """The state, once it is this one for as long as it takes to look twice."""

        def settled(_: object) -> bool:
            return self.state(pane).state == state and self.state(pane).state == state

        pane.wait(f"state {state}", settled, seconds)
        assert self.previous is not None
        return self.previous

    def drive(self, pane: Pane, machine: Any, commands: list[Any], seconds: float = 30) -> Receipt:
        """Run a machine that types against the pane until it gives its receipt."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            answers: list[Any] = []
            for command in commands:
                if isinstance(command, Finish):
                    return command.receipt
                if isinstance(command, TypeBytes):
                    reason = pane.type(command.data, command.if_generation, command.if_rows)
                    answer = TypedAnswer(ok=not reason, reason=reason, now=time.time())
                    answers += machine.handle(answer)
            if any(isinstance(command, Finish | TypeBytes) for command in answers):
                commands = answers
                continue
            time.sleep(0.1)
            state = self.state(pane)
            seen = SignalsSeen(
                signals=pane.signals(),
                state=state.state,
                needs=state.needs,
                now=time.time(),
                prompts=self.hook_file.prompts,
            )
            commands = machine.handle(seen)
        raise AssertionError(f"no receipt in {seconds:.0f} s\n{pane.text()}")

    def asked(self) -> list[str]:
        """What `gastown` was asked."""
        file = self.root / "asked"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def town(claude_program: Path, tmp_path: Path) -> Iterator[Callable[..., ClaudeTown]]:
    """Makes a town whose model follows the given scripts."""
    override = {
        "command": str(claude_program),
        "env_pass": ["ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "IS_SANDBOX"],
    }
    entry = load_entries(shipped_entries(), {"claude": override})["claude"]
    models: list[FakeMessages] = []

    def make(*scripts: Script, **more: Any) -> ClaudeTown:
        model = FakeMessages(*scripts)
        model.__enter__()
        models.append(model)
        return ClaudeTown(tmp_path, entry, model, **more)

    yield make
    for model in models:
        model.__exit__()
