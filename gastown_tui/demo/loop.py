"""The terminal program around the turns: one `select` over keyboard, running tool and clock."""

from __future__ import annotations

import errno
import os
import select
import signal
import termios
import time
import tty
from typing import TYPE_CHECKING, NamedTuple

from gastown_tui import __version__
from gastown_tui.demo.effects import Answer, Hang, Pause, Question, Run
from gastown_tui.demo.inline import Inline
from gastown_tui.demo.keys import Decoder, Key
from gastown_tui.demo.live import VERBS, Busy, Scene, banner, rows
from gastown_tui.demo.prompt import Dialog, Draft
from gastown_tui.demo.text import Line, clean, paint
from gastown_tui.demo.transcript import Block, Transcript

if TYPE_CHECKING:
    from pathlib import Path

    from gastown_tui.demo.child import Child
    from gastown_tui.demo.effects import Effect, Turn
    from gastown_tui.demo.work import Worker

TICK = 0.1
"""Seconds between two frames while a turn runs."""
ESCAPE_WAIT = 0.05
"""Seconds after which a lone Escape byte is the key and not the start of a sequence."""
EXIT_WAIT = 2.0
"""Seconds in which a second ctrl+c leaves."""
READ = 65536


class Options(NamedTuple):
    """What the environment and the command line say."""

    folder: Path
    town: str
    rig: str
    name: str
    role: str
    behaviour: str
    speed: float
    conversation: str


class Leave(Exception):  # noqa: N818 - not an error: the way out of the loop
    """The agent ends with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Loop:
    """Owns the terminal; drives at most one turn at a time."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._log = Transcript()
        self._draft = Draft()
        self._decoder = Decoder()
        self._queue: list[str] = []
        self._turn: Turn | None = None
        self._effect: Effect | None = None
        self._child: Child | None = None
        self._dialog: Dialog | None = None
        self._allowed = False
        self._until = 0.0
        self._began = 0.0
        self._tokens = 0.0
        self._turns = 0
        self._leave_by = 0.0
        self._title = ""
        self._hint = ""
        self._screen = Inline(self._write, *_size())
        self._worker: Worker | None = None

    def run(self, prompt: str, *, resumed: bool) -> int:
        """Until told to leave; returns the exit code. The terminal is left as it was found."""
        before = termios.tcgetattr(0)
        wake, waker = os.pipe()
        for end in (wake, waker):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGWINCH, lambda *_: None)
        signal.signal(signal.SIGTERM, _leave_on_signal)
        tty.setraw(0)
        try:
            self._greet(resumed=resumed)
            self._load()
            if prompt or resumed:
                self._submit(prompt)
            while True:
                self._step(wake)
        except Leave as leave:
            return leave.code
        except SystemExit as crash:
            return int(crash.code or 0)
        finally:
            signal.set_wakeup_fd(-1)
            if self._child:
                self._child.kill()
            self._write("\x1b[?2004l\x1b]9;4;0\x07\x1b]0;\x07\x1b[?25h")
            self._screen.leave()
            termios.tcsetattr(0, termios.TCSADRAIN, before)

    def _greet(self, *, resumed: bool) -> None:
        options = self._options
        self._write("\x1b[?2004h")
        columns = self._screen.columns
        name, folder = options.name.rsplit("/", 1)[-1], str(options.folder)
        for line in banner(name, options.rig, folder, __version__, columns):
            self._log.add(Block(line, -1))
        if resumed:
            self._log.say("Resumed. I look at git to see what is done.")
        self._paint()

    def _load(self) -> None:
        # After the first frame: what only a turn needs costs more than the frame.
        from gastown_tui.demo.memory import Memory
        from gastown_tui.demo.sandbox import Sandbox
        from gastown_tui.demo.work import Worker, parse_mood

        options = self._options
        memory = Memory(options.town, options.conversation)
        self._allowed = memory.get("allowed") is True
        sandbox = Sandbox(options.folder, options.name or "demo")
        self._worker = Worker(sandbox, self._log, memory, parse_mood(options.behaviour))

    def _step(self, wake: int) -> None:
        """Waits for what comes first, takes it, paints."""
        watched = [0, wake]
        if self._child and self._child.descriptor is not None:
            watched.append(self._child.descriptor)
        ready = select.select(watched, [], [], self._patience())[0]
        if wake in ready:
            self._signals(os.read(wake, 4096))
        if 0 in ready:
            self._keys(self._decoder.feed(_read_keys()))
        elif self._decoder.pending:
            self._keys(self._decoder.flush())
        now = time.monotonic()
        if self._leave_by and now > self._leave_by:
            self._leave_by, self._hint = 0.0, ""
        self._advance(now)
        if not isinstance(self._effect, Hang):
            self._paint()

    def _patience(self) -> float | None:
        if self._decoder.pending:
            return ESCAPE_WAIT
        if isinstance(self._effect, Hang):
            return None
        if self._turn and not self._dialog:
            if isinstance(self._effect, Pause):
                return min(TICK, max(self._until - time.monotonic(), 0.0))
            return TICK
        return EXIT_WAIT if self._leave_by else None

    def _signals(self, numbers: bytes) -> None:
        if signal.SIGTERM in numbers:
            raise Leave(143)
        if signal.SIGWINCH in numbers:
            lines = self._log.all(_size()[0])
            live, cursor = self._live(_size()[0])
            self._screen.redraw(_size(), [paint(line) for line in lines], live, cursor)

    # Keys

    def _keys(self, keys: list[Key]) -> None:
        for key in keys:
            if isinstance(self._effect, Hang) and key.name not in {"ctrl+c", "ctrl+d"}:
                continue
            if self._dialog:
                self._choose(self._dialog.press(key))
            else:
                self._key(key)

    def _key(self, key: Key) -> None:
        if key.name == "enter":
            text = self._draft.clear().strip()
            if text in {"/exit", "/quit"}:
                raise Leave(0)
            if text:
                self._submit(text)
        elif key.name == "escape":
            self._interrupt()
        elif key.name == "ctrl+c":
            self._control_c()
        elif key.name == "ctrl+d" and not self._draft.text:
            raise Leave(0)
        else:
            self._draft.press(key)

    def _control_c(self) -> None:
        if self._leave_by:
            raise Leave(0)
        if self._draft.text:
            self._draft.clear()
            return
        if self._turn:
            self._interrupt()
        self._leave_by = time.monotonic() + EXIT_WAIT
        self._hint = "Press ctrl+c again to exit"

    def _choose(self, option: int | None) -> None:
        if option is None:
            return
        self._dialog = None
        if option == 1:
            self._allowed = True
        self._send(option != 2)

    def _interrupt(self) -> None:
        if self._turn is None:
            return
        self._turn.close()
        if self._child:
            self._child.kill()
        self._log.note("Interrupted. Tell me to go on, or what to do instead.", "38;5;203")
        self._end_turn()

    # Turns

    def _submit(self, text: str) -> None:
        """Starts a turn, or queues the text behind the running one."""
        if self._turn:
            self._queue.append(text)
            return
        if text:
            self._log.user(text)
        if self._turns:
            first = clean(text).split("\n", 1)[0]
            self._log.say(f"Noted: {first[:200]}. I look at my hook again.")
        assert self._worker is not None
        self._turns += 1
        self._began = time.monotonic()
        self._turn = self._worker.turn()
        self._send(None)

    def _send(self, answer: Answer) -> None:
        """Gives the turn its answer and takes up the next effect."""
        assert self._turn is not None
        self._child = None
        try:
            self._effect = self._turn.send(answer)
        except StopIteration:
            self._end_turn()
            return
        now = time.monotonic()
        if isinstance(self._effect, Run):
            from gastown_tui.demo.child import Child  # not for the first frame

            self._child = Child(self._effect, self._options.folder, now)
        elif isinstance(self._effect, Pause):
            self._until = now + self._effect.seconds / self._options.speed
        elif isinstance(self._effect, Question):
            if self._allowed:
                self._send(True)
                return
            self._dialog = Dialog(self._effect)
            self._write("\x07")

    def _advance(self, now: float) -> None:
        if self._child:
            result = self._child.poll(now)
            if result is not None:
                self._tokens += len(result.output) / 16
                self._send(result)
        elif isinstance(self._effect, Pause) and now >= self._until:
            self._tokens += self._effect.seconds * 42
            self._send(None)

    def _end_turn(self) -> None:
        self._turn = self._effect = self._child = self._dialog = None
        if self._queue:
            self._submit(self._queue.pop(0))

    # Painting

    def _live(self, columns: int) -> tuple[list[str], tuple[int, int]]:
        busy = None
        if self._turn:
            elapsed = time.monotonic() - self._began
            verb = VERBS[
                (self._turns * 5 + int(elapsed / 20) + len(self._options.name)) % len(VERBS)
            ]
            tool = self._effect.label if isinstance(self._effect, Run) else ""
            busy = Busy(int(elapsed / TICK), verb, int(elapsed), self._shown_tokens(), tool)
        who = " · ".join(
            clean(part)
            for part in (self._options.role or "polecat", self._options.name.rsplit("/", 1)[-1])
            if part
        )
        footer = f"» scripted · {who} · {'esc to interrupt' if busy else '/exit to leave'}"
        scene = Scene(self._draft, tuple(self._queue), footer, self._hint, busy, self._dialog)
        lines, cursor = rows(scene, columns)
        return [paint(line) for line in lines], cursor

    def _shown_tokens(self) -> int:
        waiting = 0.0
        if isinstance(self._effect, Pause):
            left = max(self._until - time.monotonic(), 0.0) * self._options.speed
            waiting = max(self._effect.seconds - left, 0.0) * 42
        return int(self._tokens + waiting)

    def _paint(self) -> None:
        self._mark()
        above: list[Line] = self._log.take(self._screen.columns)
        live, cursor = self._live(self._screen.columns)
        self._screen.paint([paint(line) for line in above], live, cursor)

    def _mark(self) -> None:
        """Title and progress, when they changed."""
        worker = self._worker
        topic = clean(worker.topic if worker else "").replace("\n", " ")[:60] or "demo agent"
        mark, progress = "✳", "0"
        if self._turn and not self._dialog:
            mark = "⠂" if int(time.monotonic() - self._began) % 2 == 0 else "⠐"
            progress = f"1;{worker.progress if worker else 0}"
        title = f"\x1b]0;{mark} {topic}\x07\x1b]9;4;{progress}\x07"
        if title != self._title:
            self._title = title
            self._write(title)

    def _write(self, text: str) -> None:
        data = text.encode()
        while data:
            data = data[os.write(1, data) :]


def _leave_on_signal(*_: object) -> None:
    """Only there so that the signal wakes `select` and does not kill before the cleaning up."""


def _read_keys() -> bytes:
    try:
        data = os.read(0, READ)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        data = b""
    if not data:
        raise Leave(0)  # the terminal is gone
    return data


def _size() -> tuple[int, int]:
    size = os.get_terminal_size(1)
    return max(size.columns, 8), max(size.lines, 4)
