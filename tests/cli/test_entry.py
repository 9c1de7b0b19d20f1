"""Which town a command is about, and what `gastown` offers where there is none."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress

import click
import pytest
from click.testing import CliRunner

from gastown_tui.adapters.used_towns import remember_town, used_towns
from gastown_tui.cli import common, entry
from gastown_tui.domain.errors import NotFound


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A folder in no town, a home of its own, and nothing kept in mind."""
    for name in ("home", "here"):
        (tmp_path / name).mkdir()
    monkeypatch.delenv("GASTOWN_TOWN", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


@pytest.fixture
def used(nowhere):
    """Towns that were used, the last one first."""

    def use(*names):
        towns = []
        for at, name in enumerate(reversed(names)):
            towns.insert(0, nowhere / "home" / name)
            towns[0].mkdir()
            (towns[0] / "town.toml").touch()
            remember_town(towns[0], os.environ, at)
        return towns

    return use


def chosen(typed, monkeypatch):
    """What `town_to_open` comes to at a terminal, and what was shown."""
    monkeypatch.setattr(entry, "is_terminal", lambda: True)
    found = []

    @click.command()
    def ask():
        found.append(entry.town_to_open())

    result = CliRunner().invoke(ask, input=typed)
    return (found[0] if found else result.exception), result.output


def test_a_verb_says_that_it_took_the_town_used_last(used, capsys):
    town, _ = used("a", "b")
    assert common.town_dir() == town
    assert f"in {town}, the town used last" in capsys.readouterr().err
    assert common.town_dir() == town
    assert not capsys.readouterr().err  # once a command


def test_a_town_that_is_named_or_around_comes_first(used, monkeypatch, capsys):
    last, other = used("a", "b")
    (other / "deep").mkdir()
    monkeypatch.chdir(other / "deep")
    assert common.town_dir() == other
    monkeypatch.setenv("GASTOWN_TOWN", str(last))
    assert common.town_dir() == last
    monkeypatch.setenv("GASTOWN_TOWN", str(other / "deep"))
    with pytest.raises(NotFound):
        common.town_dir()  # misspelt is not unnamed
    assert not capsys.readouterr().err


def test_the_only_town_is_opened_at_once(used, monkeypatch):
    (town,) = used("a")
    found, said = chosen("", monkeypatch)
    assert found == town
    assert "~/a: the town used last" in said
    assert "Which" not in said


def test_one_of_several_towns_is_chosen(used, monkeypatch):
    towns = used("a", "b")
    assert chosen("\n", monkeypatch)[0] == towns[0]
    found, said = chosen("7\nnonsense\n2\n", monkeypatch)
    assert found == towns[1]
    assert said.count("One of d, i, o, q, 1, 2.") == 2
    assert chosen("q\n", monkeypatch)[0] is None


def test_a_town_is_opened_by_a_folder_in_it(nowhere, monkeypatch):
    town = nowhere / "elsewhere"
    (town / "deep").mkdir(parents=True)
    (town / "town.toml").touch()
    found, said = chosen(f"o\n{nowhere}\nopen\n{town}/deep\n", monkeypatch)
    assert found == town
    assert "is no town" in said


def test_a_new_town_begins_with_a_project(nowhere, monkeypatch):
    source = nowhere / "My App.git"
    source.mkdir()
    for args in (("init", "-q"), ("-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm1",
                                  "--allow-empty")):  # fmt: skip
        subprocess.run(["git", "-C", str(source), *args], check=True)
    found, said = chosen(f"i\n\n{nowhere}/no\n\n{source}\n\n", monkeypatch)
    assert found == nowhere / "home" / "gastown"
    assert "there is no" in said  # the first project
    assert (found / "my-app" / "rig.toml").is_file()


def test_a_folder_in_the_way_is_told_and_asked_again(nowhere, monkeypatch):
    (nowhere / "here" / "f").touch()
    found, said = chosen(f"i\n{nowhere}/here\nq\n", monkeypatch)
    assert found is None
    assert "is not empty" in said


def gastown(*arguments):
    return [sys.executable, "-m", "gastown_tui", *arguments]


def test_without_a_terminal_it_is_one_line(nowhere):
    done = subprocess.run(gastown(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert "gastown init DIR" in done.stderr


def _interrupt(child: subprocess.Popen[bytes], until: float) -> None:
    """Until it is heard: Python misses a signal just before it begins to read."""
    while child.poll() is None and time.monotonic() < until:
        child.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            child.wait(1)


@pytest.mark.parametrize(("typed", "status"), [(b"q\r", 0), (b"\x03", 130), (b"\x04", 130)])
def test_a_person_at_a_terminal_can_leave(nowhere, typed, status):
    master, slave = pty.openpty()
    child = subprocess.Popen(
        gastown(), stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    os.close(slave)
    said, until = b"", time.monotonic() + 20
    try:
        while b"Which" not in said:
            assert select.select([master], [], [], until - time.monotonic())[0]
            said += os.read(master, 4096)
        if typed == b"\x03":
            _interrupt(child, until)
        else:
            os.write(master, typed)
        assert child.wait(20) == status
    finally:
        child.kill()
        child.wait()
        os.close(master)
    assert b"demo" in said
    assert b"Traceback" not in said


def test_a_town_made_or_started_is_the_one_used_last(nowhere, monkeypatch):
    from gastown_tui.cli.setup import init

    town = nowhere / "town"
    assert CliRunner().invoke(init, [str(town)]).exit_code == 0
    assert [one.path for one in used_towns(os.environ)] == [town]
