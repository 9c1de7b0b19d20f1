"""The root of the command line: what goes wrong is one line, and says what to do."""

import errno
import os

import click
import pytest

from gastown_tui.cli import common, main


def test_a_mistyped_verb_names_the_nearest(refused):
    assert "Did you mean `agents`?" in refused("agnets", code=2)
    said = refused("\x1b[31m", code=2)
    assert said.count("gastown --help") == 1


def test_usage_is_one_line_with_where_to_look(refused):
    said = refused("mq", "reject", "x", code=2)
    assert "Missing option '--reason'" in said
    assert "gastown mq reject --help" in said


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "/x"),
            "/x: No space left on device: make",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), "look at its owner"),
        (KeyError("town"), "this is a bug: KeyError: 'town'"),
    ],
)
def test_what_nobody_caught_is_one_line_too(monkeypatch, capfd, error, words):
    """No traceback reaches a person unless asked for."""

    @click.command()
    def broken() -> None:
        raise error

    monkeypatch.setattr(main, "cli", broken)
    monkeypatch.delenv("GASTOWN_DEBUG", raising=False)
    assert main.run([]) == 1
    err = capfd.readouterr().err
    assert words in err
    assert len(err.splitlines()) == 1
    if isinstance(error, KeyError):
        monkeypatch.setenv("GASTOWN_DEBUG", "1")
        with pytest.raises(KeyError):
            main.run([])


def test_show_lets_nothing_steer_the_terminal(capsys):
    common.show("a\x1b[2J\x07\x9bm\u202eb\tc\nd")
    assert capsys.readouterr().out == "a[2Jmb\tc\nd\n"
    assert common.plain("a\nb\tc\x1b]0;x\x07") == "a b c]0;x"
    common.show_json({"a": "\x9b\x1b\u202e"})
    assert capsys.readouterr().out.isascii()


def test_no_verb_needs_a_terminal_but_the_screen(refused, quiet_town):
    assert "the screen needs a terminal" in refused()
    assert os.environ.get("GASTOWN_TOWN") is None


def test_the_verbs_of_a_group_are_listed_with_their_whole_first_sentence(capfd):
    assert main.run(["session", "--help"]) == 0
    listed = " ".join(capfd.readouterr().out.partition("Commands:")[2].split())
    assert "End session NAME: TERM, GRACE seconds, KILL, for every process of it" in listed
    assert "..." not in listed
