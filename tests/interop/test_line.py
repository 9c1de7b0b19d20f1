"""The whole line with the real Claude Code: from beads to commits pushed to a remote."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from fake_messages import KEY, FakeMessages, Script, Turn, run, say, user_texts

pytestmark = [pytest.mark.interop, pytest.mark.slow, pytest.mark.timeout(240)]

GATE = "python3 check.py"
CHECK = (
    "import pathlib\nassert all(p.read_text().strip() for p in pathlib.Path('.').glob('*.txt'))\n"
)


class Line:
    """A town with one rig on a bare remote, and the verbs of its overseer."""

    def __init__(self, root: Path, claude: Path, model: FakeMessages, *consents: str) -> None:
        self.town, self.remote = root / "town", root / "remote.git"
        home = root / "home"
        home.mkdir()
        self.env = {name: value for name, value in os.environ.items() if "CLAUDE" not in name}
        self.env |= {
            "HOME": str(home), "XDG_RUNTIME_DIR": "", "IS_SANDBOX": "1",
            "ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": model.url, "GASTOWN_TOWN": "",
        }  # fmt: skip
        servers = {"mcpServers": {name: {"command": "true"} for name in ("one", "two")}}
        self._make_remote(root / "seed", {".mcp.json": json.dumps(servers)} if consents else {})
        self.gastown("init", str(self.town))
        self.env["GASTOWN_TOWN"] = str(self.town)
        settings = self.town / "town.toml"
        settings.write_text(
            settings.read_text() + f"\n[agents.claude]\ncommand = {json.dumps(str(claude))}\n"
            'env_pass = ["ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "IS_SANDBOX"]\n'
        )
        self.gastown(
            "rig", "add", "app", str(self.remote), "--prefix", "app", "--review", "none",
            "--land", "push", "--permissions", "allowlist", "--gate", GATE, *consents,
        )  # fmt: skip
        known = {
            "hasCompletedOnboarding": True,
            "customApiKeyResponses": {"approved": [KEY[-20:]], "rejected": []},
            "projects": {str(self.town / "app" / "repo"): {"hasTrustDialogAccepted": True}},
        }
        if consents:  # it knows of nothing, and asks about everything
            known = {"hasCompletedOnboarding": True}
        (home / ".claude.json").write_text(json.dumps(known))
        self.gastown("up")

    def _make_remote(self, seed: Path, files: dict[str, str]) -> None:
        def git(*args: str) -> None:
            identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.invalid"]
            subprocess.run(["git", *identity, *args], check=True, env=self.env)

        git("init", "-q", "-b", "main", str(seed))
        (seed / "check.py").write_text(CHECK)
        (seed / "first.txt").write_text("first\n")
        for name, text in files.items():
            (seed / name).write_text(text)
        git("-C", str(seed), "add", ".")
        git("-C", str(seed), "commit", "-qm", "first")
        git("clone", "-q", "--bare", str(seed), str(self.remote))

    def gastown(self, *args: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "gastown_tui", *args],
            env=self.env, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"gastown {args}: {done.stderr}"
        return done.stdout.strip()

    def bead(self, title: str) -> str:
        bead = self.gastown("bead", "create", title, "--rig", "app")
        self.gastown("sling", bead)
        return bead

    def agents(self) -> dict[str, dict]:
        return {row["bead"]: row for row in json.loads(self.gastown("agents", "--json"))}

    def pushed(self) -> list[str]:
        done = subprocess.run(
            ["git", "-C", str(self.remote), "log", "--format=%s", "main"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.splitlines()

    def wait(self, what: str, check, seconds: float = 90):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if found := check():
                return found
            time.sleep(0.3)
        log = (self.town / ".gastown/log/controller.log").read_text()[-1500:]
        shown = self.gastown("agents")
        for row in self.agents().values():
            shown += "\n" + self.gastown("peek", row["session"])
        raise AssertionError(f"{what} did not come\n{shown}\n{log}")


def work(messages: list[dict]) -> Turn:
    """A model that works on any bead: prime, write a file, commit, hand in."""
    said = "\n".join(user_texts(messages))
    answers = sum(message.get("role") == "assistant" for message in messages)
    if "On your hook:" not in said:
        return run("gastown prime", "I look at my hook.")
    title = said.partition("On your hook: ")[2].splitlines()[0].split()[-1].strip("\\n\"'")
    name = "".join(c for c in title if c.isalnum())
    if f"wrote {name}" not in said:
        return run(f"printf '%s\\n' {name} > {name}.txt && echo wrote {name}", "I write the file.")
    if "slow" in name and "slept well" not in said:
        return run("sleep 4; echo slept well", "I let it run for a while.")
    if f"Add {name}" not in said.partition("wrote")[2]:
        return run(f"git add {name}.txt && git commit -m 'Add {name}'", "I commit.")
    if "is handed in" not in said:
        return run("gastown done", "I hand it in.")
    del answers
    return say("It is handed in.")


@pytest.fixture
def line(claude_program: Path, tmp_path_factory):
    root = tmp_path_factory.mktemp("line")
    with FakeMessages(Script("gastown prime", work)) as model:
        made = Line(root, claude_program, model)
        try:
            yield made
        finally:
            made.gastown("down")


@pytest.fixture
def asked_line(claude_program: Path, tmp_path_factory):
    """A town whose overseer said yes at `rig add`, and a Claude that knows nothing of it."""
    root = tmp_path_factory.mktemp("line")
    with FakeMessages(Script("gastown prime", work)) as model:
        made = Line(root, claude_program, model, "--trust", "--api-key", "--mcp", "one")
        try:
            yield made
        finally:
            made.gastown("down")


def approve_all(line: Line) -> None:
    """Answer every permission question as the overseer does with the key for yes."""
    from gastown_tui.cli import common

    for row in line.agents().values():
        if row["needs"] == "permission":
            os.environ["GASTOWN_TOWN"] = str(line.town)
            try:
                common.ask("approve_dialog", row["session"], if_rows=row["rows_hash"])
            except Exception as error:  # the next look tries again
                print(error)


def test_two_beads_are_worked_landed_and_pushed(line):
    one, two = line.bead("Add the file alpha"), line.bead("Add the file beta")

    def landed():
        approve_all(line)
        return {"Add alpha", "Add beta"} <= set(line.pushed())

    line.wait("both on the remote", landed)
    line.wait("both closed", lambda: all(
        json.loads(line.gastown("bead", "show", bead, "--json"))[0]["status"] == "closed"
        for bead in (one, two)
    ))  # fmt: skip


def test_what_was_agreed_to_at_rig_add_is_answered_by_itself_and_once(asked_line):
    asked_line.bead("Add the file gamma")

    def landed():
        approve_all(asked_line)
        return "Add gamma" in asked_line.pushed()

    asked_line.wait("the change on the remote", landed)
    answered = [one["text"] for one in json.loads(asked_line.gastown("events", "--json"))
                if one["kind"] == "answered" and one["actor"] == "controller"]  # fmt: skip
    assert sorted(text.split(": ")[1].split()[0] for text in answered) == ["api_key", "trust"]
    assert all("said so on" in text for text in answered)


def test_a_killed_agent_goes_on_in_its_conversation_and_lands(line):
    bead = line.bead("Add the file slowone")
    row = line.wait("the agent at work", lambda: line.agents().get(bead))

    def sleeping():
        approve_all(line)
        agent = line.agents()[bead]
        pid = agent["pid"]
        if not pid:
            return None
        children = psutil.Process(pid).children(recursive=True)
        return pid if any("sleep" in child.name() for child in children) else None

    pid = line.wait("the middle of its work", sleeping)
    os.kill(pid, signal.SIGKILL)
    line.wait("a new session", lambda: line.agents()[bead]["pid"] not in {0, pid})

    def landed():
        approve_all(line)
        return "Add slowone" in line.pushed()

    line.wait("the change on the remote", landed)
    events = json.loads(line.gastown("events", "--json"))
    assert any(event["kind"] == "resumed" for event in events)
    conversations = list(Path(line.env["HOME"], ".claude/projects").glob("*/*.jsonl"))
    assert len(conversations) == 1
    assert row["session"]
