"""Conversations with the nudge machine: `>>` is what it hears, `<<` what it must say."""

from __future__ import annotations

import pytest

from gastown_tui.domain.agents.catalogue import Typing
from gastown_tui.domain.agents.nudge import (
    ANSWER_S,
    Finish,
    Nudge,
    SignalsSeen,
    TypeBytes,
    TypedAnswer,
    cleaned,
)
from gastown_tui.domain.agents.typist import Tick
from gastown_tui.protocol import Signals

LINE = "─" * 60
DIALOG = [LINE, " Do you want to proceed?", " ❯ 1. Yes", "   2. No", "", " Esc to cancel"]


def rows(box):
    return [
        "● text",
        LINE,
        *(f"{'❯ ' if n == 0 else '  '}{line}" for n, line in enumerate(box.split("\n"))),
        LINE,
    ]


class Play:
    """Plays events to the machine at given times and checks the commands that matter."""

    def __init__(self, text, mode="wait", *, typing=None, **more):
        self.now = 0.0
        self.generation = 0
        self.bracketed = True
        self.nudge = Nudge(typing or Typing(queues=True), **more)
        self.said = self._kept(self.nudge.start(text, mode, self.now))

    @staticmethod
    def _kept(commands):
        return [command for command in commands if isinstance(command, TypeBytes | Finish)]

    def see(self, box="", state="idle", *, after=0.2, screen=None, prompts=0, **more):
        """>> the screen shows this."""
        self.now += after
        shown = rows(box) if screen is None else screen
        signals = Signals(
            session="s", bottom=shown, rows_hash=str(hash(str(shown))), bracketed_paste=self.bracketed,
            input_generation=self.generation, **more,
        )  # fmt: skip
        self.said = self._kept(
            self.nudge.handle(
                SignalsSeen(signals=signals, state=state, now=self.now, prompts=prompts)
            )
        )
        return self

    def typed(self, reason="", *, after=0.01):
        """>> what was typed was written, or refused for this reason."""
        self.now += after
        self.said = self._kept(
            self.nudge.handle(TypedAnswer(ok=not reason, reason=reason, now=self.now))
        )
        return self

    def tick(self, after):
        """>> time has passed."""
        self.now += after
        self.said = self._kept(self.nudge.handle(Tick(now=self.now)))
        return self

    def types(self, data):
        """<< type this, guarded."""
        assert len(self.said) == 1, self.said
        command = self.said[0]
        assert isinstance(command, TypeBytes), command
        assert command.data == data
        assert command.if_rows
        assert command.if_generation == self.generation
        assert b"\x1b" not in data.removeprefix(b"\x1b[200~").removesuffix(b"\x1b[201~")
        return self

    def quiet(self):
        """<< nothing."""
        assert self.said == []
        return self

    def ends(self, kind, reason=""):
        """<< this receipt."""
        assert len(self.said) == 1, self.said
        assert isinstance(self.said[0], Finish)
        assert self.said[0].receipt.kind == kind, self.said[0]
        assert reason in self.said[0].receipt.reason
        assert self.see().said == []


PASTE = b"\x1b[200~hello there\x1b[201~"


def typed_body(**more):
    return Play("hello there", **more).see().types(PASTE).typed()


def test_an_idle_agent_gets_it_in_two_writes():
    typed_body().see("hello there").types(b"\r").typed().see("", "working").ends("submitted")


def test_enter_waits_for_the_gap_and_for_the_text_to_be_seen():
    play = typed_body().see("hello there", after=0.05).quiet()
    play.see("", after=0.2).quiet().see("hello there").types(b"\r")


def test_a_working_agent_is_waited_for_or_typed_to_as_asked():
    Play("hello there").see("", "working").quiet().see("", "idle").types(PASTE)
    Play("hello there", patience_s=5).see("", "working").quiet().tick(6).ends("queued")
    play = (
        Play("hello there", "now")
        .see("", "working")
        .types(PASTE)
        .typed()
        .see("hello there", "working")
        .types(b"\r")
    )
    play.typed().see("", "working").ends("submitted", "after this step")
    Play("hello there", "now", typing=Typing(queues=False)).see("", "working").quiet()
    Play("hello there", "now").see("", "starting").quiet()


@pytest.mark.parametrize("state", ["waiting", "error", "paused"])
def test_an_agent_that_cannot_take_it_is_not_typed_to(state):
    Play("hello there").see("", state).ends("queued" if state == "waiting" else "refused")
    Play("hello there", keeps=True).see("", state).ends("queued")


def test_what_is_tried_again_is_queued_whatever_is_in_its_way():
    play = Play("hello there", keeps=True).see("half a tho").quiet()
    play.see("half a tho", after=6).ends("queued", "half-typed")
    Play("hello there", keeps=True).see().types(PASTE).typed("generation").ends("queued", "typing")
    Play("hello there", keeps=True).see("", "exited").ends("refused")
    play = Play("hello there", keeps=True).see().types(PASTE).typed()  # it stands there now
    play.generation += 1
    play.see("hello there").ends("held")


def test_a_dialog_is_never_typed_into():
    Play("hello there").see(screen=DIALOG).ends("queued", "dialog")
    typed_body().see(screen=DIALOG, after=0.5).quiet().tick(3).ends("indeterminate")
    play = typed_body().see("hello there").types(b"\r").typed("rows").quiet()
    play.see(screen=DIALOG).quiet().see("hello there").types(b"\r")


def test_a_draft_of_somebody_else_is_left_alone():
    Play("hello there").see("half a tho").quiet().see("half a thought", after=3).quiet().see(
        "half a thought", after=3
    ).ends("held")
    Play("hello there").see("half").quiet().see("").types(PASTE)


def test_a_suggestion_is_no_draft():
    Play("hello there").see("write the tests", faint_from=[-1, -1, 2, -1]).types(PASTE)


def test_a_person_at_the_keys_ends_it_wherever_it_is():
    Play("hello there").see().types(PASTE).typed("generation").ends("held")
    play = typed_body()
    play.generation = 1
    play.see("hello there and more").ends("held", "stands in its prompt box")
    typed_body().see("hello there").types(b"\r").typed("generation").ends("held")
    play = typed_body().see("hello there").types(b"\r").typed()
    play.generation = 1
    play.see("hello there!!").ends("submitted")  # their text now, ours has gone
    play = typed_body().see("hello there").types(b"\r").typed()
    play.generation = 1
    play.see("hello there").ends("held")


def test_rows_that_changed_under_it_are_looked_at_again():
    Play("hello there").see().types(PASTE).typed("rows").quiet().see().types(PASTE).typed().see(
        "hello there"
    ).types(b"\r")


def test_a_swallowed_enter_is_pressed_again_and_the_body_never():
    play = typed_body().see("hello there").types(b"\r").typed()
    play.see("hello there").quiet().see("hello there", after=0.5).types(b"\r").typed()
    play.see("hello there", after=1.2).types(b"\r").typed().see("hello there", after=1.4).types(
        b"\r"
    ).typed()
    play.see("hello there", after=0.2).quiet().tick(2).ends("typed-not-submitted")


def test_text_of_others_is_never_sent():
    typed_body().see("something else", after=0.5).quiet().tick(3).ends("indeterminate", "not seen")


def test_a_long_paste_shows_as_a_marker():
    text = "\n".join(f"line {n}" for n in range(40))
    body = b"\x1b[200~" + text.encode() + b"\x1b[201~"
    Play(text).see().types(body).typed().see("[Pasted text #1 +40 lines]").types(b"\r").typed().see(
        prompts=1
    ).ends("submitted")


def test_a_silent_terminal_is_not_typed_to_twice():
    Play("hello there").see().types(PASTE).tick(ANSWER_S + 1).ends("indeterminate")
    Play("hello there").see().types(PASTE).typed("full").ends("refused", "does not read")
    typed_body().see("hello there").types(b"\r").typed("gone").ends("typed-not-submitted")


def test_commands_of_the_agent_are_the_overseers_alone():
    Play("/compact").ends("refused", "command")
    Play("!rm -rf .").ends("refused")
    Play("/compact", may_command=True).see().types(b"/compact").typed().see("/compact").types(b"\r")


def test_raw_keys_go_in_slices_where_there_is_no_paste():
    text = "é" * 50
    play = Play(text, typing=Typing(bracketed_paste=False))
    play.see().types("é".encode() * 32).typed().see("é" * 32).types("é".encode() * 18).typed().see(
        text
    ).types(b"\r")
    Play("two\nlines", typing=Typing(bracketed_paste=False)).see().ends("refused")
    play = Play("two\nlines")
    play.bracketed = False
    play.see().ends("refused", "several lines")


def test_a_slice_that_met_other_rows_is_typed_again():
    text = "a" * 100
    play = (
        Play(text, typing=Typing(bracketed_paste=False))
        .see()
        .types(b"a" * 64)
        .typed()
        .see("a" * 64)
        .types(b"a" * 36)
    )
    play.typed("rows").see("a" * 64).types(b"a" * 36).typed().see(text).types(b"\r")


def test_vi_mode_is_left_by_a_key_that_interrupts_nothing():
    screen = [*rows(""), "  -- NORMAL --"]
    Play("hello there").see(screen=screen).types(b"i").typed().see("").types(PASTE)


def test_a_screen_without_a_prompt_box_is_waited_for_a_little():
    Play("hello there").see(screen=["a pager"]).quiet().see(screen=["a pager"], after=6).ends(
        "refused", "no prompt box"
    )


def test_the_end_of_the_session_is_the_end():
    Play("hello there").see("", "exited").ends("refused")
    typed_body().see("", "exited").ends("indeterminate")
    Play(" \n\x07").ends("refused", "empty")
    Play("x", typing=Typing(submits=False)).ends("refused")


def test_text_is_cleaned_of_all_that_is_not_text():
    assert cleaned("a\r\nb\rc\x1b[201~\x03d\u2028\n\n") == "a\nb\nc[201~d"
