"""A review from the first look to the words that go back, with its ways out."""

from __future__ import annotations

import contextlib
import os
import signal

import pytest

from gastown_tui.adapters import own_programs
from gastown_tui.adapters.looks import LookFiles
from gastown_tui.adapters.own_programs import OwnPrograms
from gastown_tui.domain.errors import NotFound
from gastown_tui.domain.review import Comment, Look
from gastown_tui.protocol import Receipt
from gastown_tui.tui.app import GastownApp
from gastown_tui.tui.screens.diff import DiffScreen

NEWER = """diff --git a/ledgerly/upload.py b/ledgerly/upload.py
--- a/ledgerly/upload.py
+++ b/ledgerly/upload.py
@@ -6 +6 @@ import time
-BASE_S = 0.2
+BASE_S = 0.5
"""


async def opened(s, request="mr-3"):
    s.board.reveal("queue", request)
    await s.press("d")
    await s.until(lambda: isinstance(s.app.screen, DiffScreen))
    await s.until(lambda: s.app.screen.view.size.height > 2)
    await s.pilot.pause()
    return s.app.screen


async def to_line(s, screen, text):
    at = next(n for n, row in enumerate(screen.view._diff.rows) if row.text == text)
    screen.view._go(screen.view._find(at))
    await s.pilot.pause()


async def written(s, text, key="enter"):
    screen = s.app.screen
    await s.until(lambda: screen._composer is not None and screen._composer.is_attached)
    await s.pilot.pause()
    await s.write(text)
    await s.press(key)
    await s.until(lambda: screen._composer is None)
    await s.pilot.pause()


async def test_comments_stand_below_their_lines_and_go_back_as_one_prompt(seat):
    async with seat(size=(120, 40)) as s:
        screen = await opened(s)
        await to_line(s, screen, "BASE_S = 0.2")
        await s.press("c")
        await written(s, "why?")
        await to_line(s, screen, "RETRIES = 3")
        await s.press("c")
        await written(s, "keep")
        shown = s.text()
        assert "▌ you: why?" in shown
        assert "2 comments not sent" in shown
        assert shown.index("BASE_S = 0.2") < shown.index("why?")
        await s.press("m")
        assert not s.asked
        assert any("not sent" in text for text in s.toasts())
        await s.press("escape")
        await s.until(lambda: s.app.screen is s.board)
        screen = await opened(s)
        assert "▌ you: why?" in s.text()
        await s.press("S")
        s.town.receipt = Receipt(req=0, ok=False, text="not now")
        await written(s, "Nearly")
        await s.until(lambda: s.asked)
        ((verb, target, more),) = s.asked
        assert (verb, target) == ("reject", "mr-3")
        assert more["reason"] == (
            "Nearly\n2 comments on 1 file:\n\n"
            "ledgerly/upload.py:5 (a line that was removed)\n> RETRIES = 3\nkeep\n\n"
            "ledgerly/upload.py:7\n> BASE_S = 0.2\nwhy?"
        )
        await opened(s)
        assert "2 comments not sent" in s.text()
        s.town.receipt = Receipt(req=0, ok=True, text="")
        await s.press("S")
        await written(s, "")
        await s.until(lambda: len(s.asked) == 2)
        assert s.asked[1][2]["reason"].startswith("2 comments on 1 file, the first: keep\n")
        await opened(s)
        assert "not sent" not in s.text()
        assert "▌ you asked: why?" in s.text()


async def test_a_hunk_is_sent_back_with_one_key(seat):
    async with seat(size=(120, 40)) as s:
        screen = await opened(s)
        await to_line(s, screen, "RETRIES = 3")
        await s.press("u")
        assert "▌ you: Undo this hunk." in s.text()
        await s.press("u")
        assert "Undo" not in s.text().split("DIFF")[0]
        await s.press("u", "right_square_bracket", "c")
        await written(s, "Too clever.")
        assert screen.view.current().kind == "hunk"
        await s.press("u")
        await s.press("S")
        await written(s, "")
        await s.until(lambda: s.asked)
        assert s.asked[0][2]["reason"].splitlines()[2:] == [
            "ledgerly/upload.py:3", "> import random", "Undo this hunk.", "",
            "ledgerly/upload.py:19", f"> {12 * ' '}delay = BASE_S * 2**attempt",
            "Undo this hunk. Too clever.",
        ]  # fmt: skip


async def test_a_comment_is_changed_taken_away_and_known_to_have_lost_its_line(seat):
    async with seat() as s:
        screen = await opened(s)
        await to_line(s, screen, "BASE_S = 0.2")
        await s.press("c")
        await written(s, "one")
        await s.press("c")
        await written(s, " two")
        assert [each.text for each in screen.review.look.comments] == ["one two"]
        await s.press("escape")
        s.town.diff_text = NEWER
        screen = await opened(s)
        assert "on a line that has gone" in s.text()


async def test_only_what_is_new_since_the_last_look(seat):
    async with seat(size=(100, 30)) as s:
        screen = await opened(s)
        assert "new since" not in s.text()
        await s.press("l")
        assert any("first look" in text for text in s.toasts())
        await s.press("escape")
        s.town.tip = "9a9a9a9"
        s.town.diffs["since"] = NEWER
        screen = await opened(s)
        assert "new since you looked" in s.text()
        await s.press("l")
        await s.until(lambda: screen.review.is_since)
        await s.pilot.pause()
        assert s.town.since == ("3f1c2a9", "8be01d4")
        assert "since your last look" in s.text()
        assert "docs/uploads.md" not in s.text()
        assert "BASE_S = 0.5" in s.text()
        await s.press("l")
        await s.until(lambda: not screen.review.is_since)
        await s.press("escape")
        screen = await opened(s)
        assert "new since" not in s.text()


async def test_files_are_marked_as_seen_until_they_change(seat):
    async with seat(size=(120, 40)) as s:
        screen = await opened(s)
        await s.press("v")
        assert "✓M" in s.text()
        assert "seen 1/3" in s.text()
        assert screen.view.file == 1
        await s.press("v", "escape")
        s.town.diff_text = s.town.diff_text.replace("RETRIES = 5", "RETRIES = 6")
        screen = await opened(s)
        assert screen.review.seen == {1}
        await s.press("right_curly_bracket", "v")
        assert screen.review.seen == frozenset()


async def test_an_agents_own_diff_is_commented_by_a_nudge(seat):
    async with seat() as s:
        s.town.change(mq=dict.fromkeys(s.town.feed["mq"]))
        await s.press("1", "d")
        await s.until(lambda: isinstance(s.app.screen, DiffScreen))
        await to_line(s, s.app.screen, "BASE_S = 0.2")
        await s.press("c")
        await written(s, "hm")
        await s.press("S")
        await written(s, "")
        await s.until(lambda: s.asked)
        verb, _, more = s.asked[0]
        assert (verb, more["mode"]) == ("nudge", "wait-idle")
        assert "hm" in more["text"]


async def test_the_towns_words_stand_on_top(seat):
    async with seat() as s:
        s.town.notes = ["never committed: .env (has the name of a secret)"]
        await opened(s)
        assert "▌ never committed: .env" in s.text()


@pytest.fixture
def ran(monkeypatch, tmp_path):
    """What would get the terminal, or a window."""
    calls = []

    @contextlib.contextmanager
    def suspended(app):
        yield

    monkeypatch.setattr(GastownApp, "suspend", suspended)
    monkeypatch.setattr(
        own_programs, "_on_terminal", lambda argv, *rest: calls.append((*argv, rest))
    )
    monkeypatch.setattr(
        own_programs, "_beside", lambda argv, *rest: calls.append((*argv, "beside"))
    )
    monkeypatch.setattr(own_programs.shutil, "which", lambda name: name or None)
    for name in ("VISUAL", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SHELL", "/bin/zsh")
    monkeypatch.setenv("GASTOWN_RUN", "r1")
    (tmp_path / "ledgerly").mkdir()
    (tmp_path / "ledgerly/upload.py").write_text("x\n")
    return calls


async def test_editor_at_the_line_and_shell_where_the_files_are(seat, ran, tmp_path, monkeypatch):
    async with seat() as s:
        s.board.desk.programs = OwnPrograms(tmp_path)
        s.town.sandbox = str(tmp_path)
        screen = await opened(s)
        await to_line(s, screen, "RETRIES = 3")
        monkeypatch.setenv("EDITOR", "nvim -p")
        await s.press("o")
        await s.until(lambda: ran)
        assert ran[0][:-1] == ("nvim", "-p", "+6", str(tmp_path / "ledgerly/upload.py"))
        monkeypatch.setenv("VISUAL", "code --wait")
        await s.press("o")
        await s.until(lambda: len(ran) == 2)
        assert ran[1] == ("code", "--wait", "--goto", f"{tmp_path}/ledgerly/upload.py:6", "beside")
        await s.press("exclamation_mark")
        await s.until(lambda: len(ran) == 3)
        shell, (folder, env, banner) = ran[2]
        assert (shell, folder) == ("/bin/zsh", tmp_path)
        assert "GASTOWN_RUN" not in env
        assert "exit" in banner
        await s.press("G", "o")
        await s.until(lambda: any("is not in" in text for text in s.toasts()))
        s.town.sandbox = ""
        await s.press("escape")
        await opened(s)
        await s.press("exclamation_mark")
        await s.until(lambda: any("mq checkout mr-3" in text for text in s.toasts()))


async def test_a_shell_from_the_lists(seat, ran, tmp_path):
    async with seat() as s:
        s.board.desk.programs = OwnPrograms(tmp_path)
        await s.press("1", "exclamation_mark")
        await s.until(lambda: any("no sandbox now" in text for text in s.toasts()))
        key = s.board.desk.agent()
        row = dict(s.town.feed["agents"][key]) | {"sandbox": str(tmp_path)}
        s.town.change(agents={key: row})
        await s.until(lambda: s.board.store.row("agents", key).get("sandbox"))
        await s.press("exclamation_mark")
        await s.until(lambda: ran)
        assert ran[0][1][0] == tmp_path


def test_no_link_of_a_change_leads_an_editor_out(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "secret").write_text("x")
    (tmp_path / "in/link").symlink_to(tmp_path / "secret")
    for path in ("link", "../secret", str(tmp_path / "secret"), "none", "."):
        with pytest.raises(NotFound):
            own_programs.inside(tmp_path / "in", path)


def test_the_screen_survives_what_is_meant_for_the_shell():
    former = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by a background job
    try:
        with own_programs._deaf():
            os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, former)


async def test_looks_outlive_the_screen(tmp_path):
    (tmp_path / ".gastown").mkdir()
    first = LookFiles(tmp_path)
    look = Look(tip="a" * 40, seen={"x.py": "1"}, comments=(Comment(path="x.py", text="é"),))
    for number in range(20):
        first.keep("hq-mr-1", Look(tip=str(number)))
    first.keep("hq-mr-1", look)
    first.keep("r/polecats/nux", look)
    first.keep("../../town", look)
    assert await first.get("hq-mr-1") == look
    first.close()
    second = LookFiles(tmp_path)
    assert await second.get("hq-mr-1") == await second.get("r/polecats/nux") == look
    assert await second.get("hq-mr-2") == await second.get("../../town") == Look()
    (tmp_path / ".gastown/looks/hq-mr-1.json").write_text("{")
    assert await second.get("hq-mr-1") == Look()
    second.close()
    assert {one.name for one in (tmp_path / ".gastown/looks").iterdir()} == {
        "hq-mr-1.json", "r~polecats~nux.json",
    }  # fmt: skip
