"""Facts about a machine in, findings out."""

from __future__ import annotations

import msgspec
import pytest

from gastown_tui.domain.doctor.finding import Finding, is_sound, size
from gastown_tui.domain.doctor.machine import MachineFacts, of_machine, room_for
from gastown_tui.domain.doctor.programs import (
    AgentFacts,
    GhFacts,
    GitFacts,
    of_agents,
    of_git,
    of_tools,
)
from gastown_tui.domain.doctor.terminal import TerminalFacts, of_terminal
from gastown_tui.domain.doctor.town import BeadsFacts, RigFacts, TownFacts, of_town

GOOD = MachineFacts(
    version="1", python=(3, 12, 1), executable="/usr/bin/python3", files_soft=4096,
    files_hard=4096, watches=524288, instances=512, disk_free=100_000_000_000, disk_path="/home",
    memory_free=16_000_000_000, memory_total=32_000_000_000, encoding="UTF-8",
    locale="LANG=en_US.UTF-8", runtime="/run/user/1/gastown/x",
)  # fmt: skip
CLAUDE = AgentFacts(
    name="claude", command="claude", path="/bin/claude", version="2.1.330", pays="subscription",
    detail="max", config="~/.claude", is_town_agent=True,
)  # fmt: skip
TERMINAL = TerminalFacts(
    is_terminal=True, columns=80, rows=24, term="xterm-256color", colors=256, has_key_protocol=True
)
GIT = GitFacts(version="2.34.0", number=(2, 34), name="a", email="a@b", helpers=["store"])


def with_(facts, **changes):
    return msgspec.structs.replace(facts, **changes)


def levels(findings: list[Finding]) -> dict[str, str]:
    assert all(bool(one.remedy) == (one.level != "ok") for one in findings), findings
    return {one.about: one.level for one in findings}


def test_a_good_machine_has_nothing_to_mend():
    found = [*of_machine(GOOD), *of_git(GIT), *of_agents([CLAUDE]), *of_terminal(TERMINAL),
             *of_tools(GhFacts(), "")]  # fmt: skip
    assert set(levels(found).values()) == {"ok"}
    assert is_sound(found)


@pytest.mark.parametrize(
    ("changes", "about", "level"),
    [
        ({"python": (3, 10, 9)}, "python", "fail"),
        ({"files_soft": 512}, "open files", "warn"),
        ({"files_soft": 100}, "open files", "fail"),
        ({"files_soft": None}, "open files", "ok"),
        ({"watches": 8192}, "inotify", "warn"),
        ({"instances": 16}, "inotify", "warn"),
        ({"disk_free": 1_000_000_000}, "disk", "warn"),
        ({"disk_free": 19_000_000}, "disk", "fail"),
        ({"is_writable": False}, "disk", "fail"),
        ({"memory_free": 5_900_000_000}, "memory", "warn"),
        ({"memory_free": 6_000_000_000}, "memory", "ok"),
        ({"max_working": 15}, "memory", "warn"),
        ({"encoding": "ISO-8859-1"}, "language", "warn"),
        ({"encoding": "utf8"}, "language", "ok"),
        ({"is_locale_known": False}, "language", "warn"),
        ({"runtime_problem": "set XDG_RUNTIME_DIR to a shorter one"}, "sockets", "fail"),
        ({"kills_user_processes": True}, "logout", "warn"),
        ({"kills_user_processes": True, "lingers": True}, "logout", "ok"),
    ],
)
def test_each_thing_that_may_be_wrong(changes, about, level):
    found = levels(of_machine(with_(GOOD, **changes)))
    assert found.pop(about) == level
    assert set(found.values()) == {"ok"}


def test_what_linux_alone_has_is_left_out_elsewhere():
    assert "inotify" not in levels(of_machine(with_(GOOD, watches=None, instances=None)))


def test_memory_is_told_as_arithmetic():
    assert [room_for(gb * 10**9) for gb in (1, 3, 16)] == [0, 1, 14]
    (found,) = (one for one in of_machine(with_(GOOD, max_working=20)) if one.about == "memory")
    assert "room for 14 agents" in found.text
    assert found.remedy.startswith("max_working = 14 ")


@pytest.mark.parametrize(
    ("count", "text"), [(999, "999 B"), (5_200_000, "5.2 MB"), (76 * 10**9, "76 GB")]
)
def test_sizes(count, text):
    assert size(count) == text


@pytest.mark.parametrize(
    ("changes", "about", "level"),
    [
        ({"version": ""}, "git", "fail"),
        ({"number": (2, 33)}, "git", "fail"),
        ({"name": ""}, "git identity", "warn"),
        ({"helpers": []}, "git remotes", "warn"),
        ({"helpers": [], "ssh_keys": 0, "key_files": 2}, "git remotes", "warn"),
        ({"helpers": [], "ssh_keys": 2}, "git remotes", "ok"),
    ],
)
def test_git(changes, about, level):
    assert levels(of_git(with_(GIT, **changes)))[about] == level


@pytest.mark.parametrize(
    ("changes", "level", "words"),
    [
        ({}, "ok", "subscription max"),
        ({"path": ""}, "fail", "not found"),
        ({"version": "", "problem": "exit 1"}, "fail", "exit 1"),
        ({"pays": "none"}, "fail", "not logged in"),
        ({"pays": "none", "is_town_agent": False}, "warn", "not logged in"),
        ({"pays": "key", "detail": "...1234"}, "ok", "API key ...1234"),
        ({"pays": "unknown"}, "ok", "login not known"),
        ({"stray_keys": ["ANTHROPIC_API_KEY"]}, "ok", "does not reach it"),
    ],
)
def test_agents(changes, level, words):
    found = of_agents([with_(CLAUDE, **changes)])
    assert levels(found)["agent claude"] == level
    assert words in found[0].text


def test_without_any_agent_there_is_the_demo():
    absent = with_(CLAUDE, path="", is_town_agent=False)
    demo = with_(CLAUDE, name="demo", is_ours=True, is_town_agent=False)
    found = of_agents([absent, demo])
    assert levels(found) == {"agent demo": "ok", "agents": "warn", "other agents": "ok"}
    assert is_sound(found)


def test_gh_matters_to_whoever_lands_by_pull_requests():
    assert levels(of_tools(GhFacts(), ""))["gh"] == "ok"
    assert levels(of_tools(GhFacts(), "", needs_gh=True))["gh"] == "warn"
    assert levels(of_tools(GhFacts(version="2.1"), ""))["gh"] == "warn"
    assert levels(of_tools(GhFacts(version="2.1", is_logged_in=True), ""))["gh"] == "ok"


@pytest.mark.parametrize(
    ("changes", "about", "level"),
    [
        ({"rows": 20}, "terminal", "warn"),
        ({"term": "dumb", "colors": 0}, "terminal", "warn"),
        ({"has_key_protocol": False}, "keys", "ok"),
        ({"inside": "tmux", "tmux_escape_ms": 500}, "tmux", "warn"),
        ({"inside": "tmux", "tmux_escape_ms": 10}, "tmux", "ok"),
        ({"inside": "tmux", "tmux_prefix": "C-q"}, "tmux", "warn"),
        ({"inside": "zellij"}, "zellij", "ok"),
    ],
)
def test_terminals(changes, about, level):
    assert levels(of_terminal(with_(TERMINAL, **changes)))[about] == level


def test_no_terminal_is_no_fault():
    assert levels(of_terminal(TerminalFacts(is_terminal=False))) == {"terminal": "ok"}


RIG = RigFacts(name="lib", target="gastown/main", land="local", gates=1)
TOWN = TownFacts(path="/t", beads=[BeadsFacts(name="town", beads=2)], rigs=[RIG])


@pytest.mark.parametrize(
    ("changes", "about", "level"),
    [
        ({}, "town", "ok"),
        ({"error": "town.toml: unknown key"}, "town", "fail"),
        ({"is_running": True}, "daemons", "ok"),
        ({"is_elsewhere": True, "is_running": True}, "daemons", "fail"),
        ({"runtime_error": "is open to others: chmod"}, "daemons", "fail"),
        ({"stale": ["host.sock"]}, "daemons", "warn"),
        ({"beads": [BeadsFacts(name="town", problems=1, first="line 3")]}, "beads town", "fail"),
        ({"beads": [BeadsFacts(name="town", error="no database")]}, "beads town", "fail"),
        ({"beads": [BeadsFacts(name="town", warnings=1, first="x")]}, "beads town", "warn"),
        ({"rigs": []}, "rigs", "warn"),
        ({"rigs": [with_(RIG, error="its origin was changed")]}, "rig lib", "fail"),
        ({"rigs": [with_(RIG, moved=3)]}, "rig lib", "warn"),
        ({"rigs": [with_(RIG, moved=1, original="/x")]}, "rig lib", "fail"),
        ({"rigs": [with_(RIG, gates=0)]}, "rig lib", "warn"),
        ({"rigs": [with_(RIG, is_setup_source_gone=True)]}, "rig lib", "warn"),
    ],
)
def test_towns(changes, about, level):
    assert levels(of_town(with_(TOWN, **changes)))[about] == level
