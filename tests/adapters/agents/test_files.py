"""Files of agents are read bounded and believed only as far as they can be checked."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import threading
import time

import pytest

from gastown_tui.adapters.agents.catalogue_files import shipped_entries
from gastown_tui.adapters.agents.claude_registry import ClaudeRegistry, config_folder, proc_start
from gastown_tui.adapters.agents.env_file import read_env_file
from gastown_tui.adapters.agents.hook_file import MAX_LINE, HookFile, parse_line
from gastown_tui.adapters.agents.machine import Machine
from gastown_tui.adapters.agents.signs import AgentSigns
from gastown_tui.adapters.agents.transcript import Transcript, transcript_path
from gastown_tui.domain.agents.catalogue import Price, load_entries
from gastown_tui.domain.agents.claude_settings import APPEND
from gastown_tui.domain.errors import BadInput, NotFound
from gastown_tui.services.files import write_private

UUID = "01234567-89ab-cdef-0123-456789abcdef"


@pytest.fixture
def sleeper():
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def write_record(folder, pid, **values):
    folder.mkdir(parents=True, exist_ok=True)
    record = {
        "pid": pid,
        "sessionId": UUID,
        "procStart": proc_start(pid),
        "status": "busy",
        "statusUpdatedAt": 5000,
    }
    (folder / f"{pid}.json").write_text(json.dumps(record | values))


def test_the_registry_is_believed_for_the_process_it_was_written_by(tmp_path, sleeper):
    registry = ClaudeRegistry(tmp_path)
    assert registry.read(sleeper.pid) is None
    write_record(registry.folder, sleeper.pid)
    record = registry.read(sleeper.pid)
    assert (record.status, record.same_process, record.updated, record.conversation) == (
        "busy",
        True,
        5.0,
        UUID,
    )
    write_record(
        registry.folder,
        sleeper.pid,
        status="waiting",
        waitingFor="permission prompt",
        procStart="1",
    )
    record = registry.read(sleeper.pid)
    assert (record.waiting_for, record.same_process) == ("permission prompt", False)


def test_a_dead_process_has_no_record_that_counts(tmp_path, sleeper):
    registry = ClaudeRegistry(tmp_path)
    write_record(registry.folder, sleeper.pid)
    assert registry.find(UUID)[0] == sleeper.pid
    sleeper.kill()
    sleeper.wait()
    os.utime(registry.folder / f"{sleeper.pid}.json")
    assert not registry.read(sleeper.pid).same_process
    assert registry.find(UUID) is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"status": 3}', '{"pid": 1, "status": "busy"}', '{"pid": 0}', "\udcff"]
)
def test_a_record_that_makes_no_sense_is_none(tmp_path, sleeper, text):
    registry = ClaudeRegistry(tmp_path)
    registry.folder.mkdir()
    (registry.folder / f"{sleeper.pid}.json").write_text(text, errors="surrogateescape")
    assert registry.read(sleeper.pid) is None
    assert registry.read(1) is None


def test_the_configuration_folder_follows_the_environment():
    assert str(config_folder({"HOME": "/h"})) == "/h/.claude"
    assert str(config_folder({"HOME": "/h", "CLAUDE_CONFIG_DIR": "/c"})) == "/c"


def hook_line(**fields):
    return json.dumps({"session_id": UUID, "hook_event_name": "PreToolUse"} | fields)


def test_a_hook_file_is_followed_line_by_line(tmp_path):
    path = tmp_path / "hooks"
    hooks = HookFile(path)
    assert hooks.read(1.0) == []
    path.write_text(
        hook_line(tool_name="Bash", tool_input={"command": "ls\x1b[31m  -l"})
        + "\n"
        + hook_line()[:30]
    )
    (event,) = hooks.read(2.0)
    assert (event.name, event.tool, event.message, event.at, event.conversation) == (
        "PreToolUse",
        "Bash",
        "ls [31m -l",
        2.0,
        UUID,
    )
    with path.open("a") as file:
        file.write(hook_line()[30:] + "\n" + hook_line(hook_event_name="UserPromptSubmit") + "\n")
    assert [event.name for event in hooks.read(3.0)] == ["PreToolUse", "UserPromptSubmit"]
    assert hooks.prompts == 1
    assert hooks.read(4.0) == []
    path.unlink()
    path.write_text(hook_line(hook_event_name="Stop") + "\n")
    assert [event.name for event in hooks.read(5.0)] == ["Stop"]


def test_hostile_lines_are_skipped_and_the_next_is_read(tmp_path):
    path = tmp_path / "hooks"
    bad = [
        b"\xff\xfe",
        b"{}",
        b"[1]",
        b"x" * (MAX_LINE * 3),
        b'{"hook_event_name": ["Stop"]}',
        b'{"hook_event_name": "S t"}',
    ]
    path.write_bytes(b"\n".join(bad) + b"\n" + hook_line().encode() + b"\n")
    assert len(HookFile(path).read(1.0)) == 1


def test_a_line_that_was_cut_still_names_its_event():
    line = hook_line(
        hook_event_name="PreToolUse",
        tool_name="Write",
        tool_input={"content": '"hook_event_name":"Stop"' * 500},
    )
    event = parse_line(line.encode()[:4000], 1.0)
    assert (event.name, event.tool) == ("PreToolUse", "Write")


def test_hooks_that_run_at_once_never_mix_their_lines(tmp_path):
    path = tmp_path / "hooks"
    payloads = [
        hook_line(
            tool_name=f"Tool{n}", tool_input={"content": "y" * (20 + 30_000 * (n % 2))}
        ).encode()
        for n in range(24)
    ]

    def run(payload):
        subprocess.run(
            ["sh", "-c", APPEND],
            input=payload,
            env={"GASTOWN_HOOKS": str(path), "PATH": os.environ["PATH"]},
            check=True,
        )

    threads = [threading.Thread(target=run, args=(payload,)) for payload in payloads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = HookFile(path).read(1.0)
    assert {event.tool for event in events} == {f"Tool{n}" for n in range(24)}
    assert path.stat().st_size < 24 * 4002


@pytest.mark.parametrize("target", ["", "/nowhere/at/all"])
def test_a_hook_without_its_file_does_not_fail(target):
    env = {"PATH": os.environ["PATH"]} | ({"GASTOWN_HOOKS": target} if target else {})
    assert (
        subprocess.run(
            ["sh", "-c", APPEND], check=False, input=b"{}", env=env, capture_output=True
        ).returncode
        == 0
    )


def answer(ident, model="claude-opus-5", **usage):
    return (
        json.dumps({"type": "assistant", "message": {"id": ident, "model": model, "usage": usage}})
        + "\n"
    )


def test_a_transcript_counts_the_last_record_of_each_answer(tmp_path):
    path = tmp_path / "t.jsonl"
    price = Price(model="claude-opus", input=10.0, output=100.0, cache_read=1.0)
    transcript = Transcript(path, [Price(model="claude", input=1.0, output=1.0), price])
    assert not transcript.read()
    path.write_text(
        answer("a", output_tokens=1)
        + answer("a", output_tokens=30, input_tokens=100)
        + '{"type": "user"}\nrubbish\n'
    )
    assert transcript.read()
    last = answer("b", model="other", output_tokens=7, cache_read_input_tokens=-5)
    with path.open("a") as file:
        file.write(last[:20])
    transcript.read()
    with path.open("a") as file:
        file.write(last[20:])
    transcript.read()
    assert (transcript.usage.output, transcript.usage.input, transcript.usage.total) == (
        37,
        100,
        137,
    )
    assert transcript.cost == pytest.approx((100 * 10 + 30 * 100) / 1e6)


def test_a_transcript_is_found_by_its_folder_or_wherever_it_lies(tmp_path):
    expected = transcript_path(tmp_path, tmp_path / "a b_c", UUID)
    assert expected.name == f"{UUID}.jsonl"
    assert expected.parent.name.endswith("-a-b-c")
    other = tmp_path / "projects" / "elsewhere" / f"{UUID}.jsonl"
    other.parent.mkdir(parents=True)
    other.touch()
    assert transcript_path(tmp_path, tmp_path, UUID) == other
    assert not transcript_path(tmp_path, tmp_path, "../../etc/passwd").exists()


def test_launch_files_are_private_and_replace_what_was_there(tmp_path):
    target = tmp_path / "new" / "settings.json"
    write_private(target, "one")
    write_private(target, "two")
    assert target.read_text() == "two"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert stat.S_IMODE(target.parent.stat().st_mode) == 0o700
    outside = tmp_path / "outside"
    outside.write_text("kept")
    link = tmp_path / "new" / "link"
    link.symlink_to(outside)
    write_private(link, "three")
    assert outside.read_text() == "kept"


def test_secrets_are_read_from_a_private_file_only(tmp_path):
    path = tmp_path / "env"
    with pytest.raises(NotFound):
        read_env_file(path)
    path.write_text("# keys\nexport A=1\nB='two words'\n\nC=a=b\n")
    path.chmod(0o644)
    with pytest.raises(BadInput, match="chmod 600"):
        read_env_file(path)
    path.chmod(0o600)
    assert read_env_file(path) == {"A": "1", "B": "two words", "C": "a=b"}
    path.write_text("not a line\n")
    with pytest.raises(BadInput, match="line 1"):
        read_env_file(path)


def test_secrets_are_read_again_when_the_file_has_changed(tmp_path):
    path, machine = tmp_path / "env", Machine()
    path.write_text("A=1\n")
    path.chmod(0o600)
    assert machine.secrets(path) == {"A": "1"}
    path.write_text("A=two\n")
    assert machine.secrets(path) == {"A": "two"}
    path.chmod(0o604)
    with pytest.raises(BadInput, match="chmod 600"):
        machine.secrets(path)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"mcpServers": 3}', '{"permissions": {"allow": "x"}}']
)
def test_what_a_repository_says_of_itself_is_not_trusted_to_be_well_formed(tmp_path, text):
    machine = Machine()
    (tmp_path / ".claude").mkdir()
    for name in (".mcp.json", ".claude/settings.json"):
        (tmp_path / name).write_text(text)
    assert machine.mcp_servers(tmp_path) == machine.allowed_by(tmp_path) == []
    (tmp_path / ".mcp.json").write_text('{"mcpServers": {"b": {}, "a": {}}}')
    (tmp_path / ".claude/settings.json").write_text('{"permissions": {"allow": ["Bash(ls:*)"]}}')
    assert machine.mcp_servers(tmp_path) == ["b", "a"]
    assert machine.allowed_by(tmp_path) == ["Bash(ls:*)"]


class Session:
    address, run, conversation = "rig/polecats/nux", "run1", UUID


def test_signs_of_a_session_are_kept_by_run_with_ages_in_awake_time(tmp_path, sleeper):
    entry = load_entries(shipped_entries(), {})["claude"]
    path = tmp_path / "hooks"
    signs = AgentSigns({"HOME": str(tmp_path)}, lambda session: path, lambda session: tmp_path)
    session = Session()
    path.write_text(hook_line(hook_event_name="UserPromptSubmit") + "\n")
    now = time.time()
    assert signs.hooks(session, now, 10.0)[0].age_s == 0.0
    assert signs.hooks(session, now + 900, 15.0)[0].age_s == 5.0
    assert signs.prompts(session) == 1
    session.run = "run2"
    path.write_text("")
    assert signs.hooks(session, now, 20.0) == ()
    write_record(tmp_path / ".claude" / "sessions", sleeper.pid)
    assert signs.registry(entry, sleeper.pid).status == "busy"
    assert signs.registry(load_entries(shipped_entries(), {})["demo"], sleeper.pid) is None
    assert signs.usage(entry, session)[1] == 0.0
    assert not signs.can_resume(entry, session)
    transcript = transcript_path(tmp_path / ".claude", tmp_path, UUID)
    transcript.parent.mkdir(parents=True)
    transcript.write_text(answer("a", output_tokens=1_000_000))
    usage, cost = signs.usage(entry, session)
    assert usage.output == 1_000_000
    assert cost > 0
    assert signs.can_resume(entry, session)
    assert not signs.can_resume(load_entries(shipped_entries(), {})["aider"], session)
