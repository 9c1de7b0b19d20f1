"""The overseer's own shell and editor, started from the screen: never an agent's session."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from gastown_tui.domain.editors import EditorCall, editor_call
from gastown_tui.domain.errors import NotFound, Unavailable

_EDITORS: Final = ("sensible-editor", "nvim", "vim", "vi", "nano", "emacs")
"""What is looked for when neither VISUAL nor EDITOR says anything."""
_SESSION: Final = ("GASTOWN_RUN", "GASTOWN_AGENT", "GASTOWN_ROLE", "GASTOWN_BEAD", "BD_ACTOR")
"""Variables by which a session is known: a shell of the overseer's is none, and never fenced."""


def shell_env(env: Mapping[str, str], town: str) -> dict[str, str]:
    """The overseer's own environment, without what would make it pass for a session."""
    kept = {name: value for name, value in env.items() if name not in _SESSION}
    return kept | {"GASTOWN_TOWN": town} if town else kept


def inside(root: Path, path: str) -> Path:
    """A path of a change as a file below a folder.

    Raises:
        NotFound: it leads out of the folder, or there is no such file.
    """
    file = (root / path).resolve()
    if not file.is_relative_to(root.resolve()):
        raise NotFound(f"{path} leads out of the sandbox")
    if not file.is_file():
        raise NotFound(f"{path} is not in {root}")
    return file


class OwnPrograms:
    """Starts what the overseer works with, in the overseer's own environment."""

    def __init__(self, town: Path) -> None:
        self._town = str(town)

    def shell(self) -> EditorCall:
        """The overseer's shell."""
        named = os.environ.get("SHELL", "")
        return EditorCall(argv=(named if shutil.which(named) else "/bin/sh",), in_terminal=True)

    def editor(self, root: Path, path: str, line: int) -> EditorCall:
        """The overseer's editor at a line of a file below `root`.

        Raises:
            NotFound: there is no such file, or no editor.
            BadInput: VISUAL or EDITOR cannot be read.
        """
        file, env = inside(root, path), os.environ
        named = env.get("VISUAL") or env.get("EDITOR") or next(filter(shutil.which, _EDITORS), "")
        if not named:
            raise NotFound("there is no editor", hint="set VISUAL or EDITOR")
        has_display = bool(env.get("DISPLAY") or env.get("WAYLAND_DISPLAY"))
        call = editor_call(named, str(file), line, has_display=has_display)
        if shutil.which(call.argv[0]) is None:
            raise NotFound(f"there is no {call.argv[0]}", hint="VISUAL or EDITOR names it")
        return call

    def run(self, call: EditorCall, folder: Path, banner: str) -> None:
        """Run a program on this terminal until it ends, or start it beside the screen.

        Raises:
            NotFound: there is no such folder.
            Unavailable: it does not start.
        """
        if not folder.is_dir():
            raise NotFound(f"{folder} is not there any more")
        env = shell_env(os.environ, self._town)
        try:
            if call.in_terminal:
                _on_terminal(call.argv, folder, env, banner)
            else:
                _beside(call.argv, folder, env)
        except OSError as error:
            raise Unavailable(f"{call.argv[0]} does not start: {error}") from error


def _on_terminal(argv: Sequence[str], folder: Path, env: dict[str, str], banner: str) -> None:
    with _deaf():
        if banner:
            sys.stdout.write(f"\x1b[2J\x1b[H{banner}")
            sys.stdout.flush()
        subprocess.run(argv, cwd=folder, env=env, check=False)


def _beside(argv: Sequence[str], folder: Path, env: dict[str, str]) -> None:
    null = subprocess.DEVNULL
    started = subprocess.Popen(
        argv, cwd=folder, env=env, stdin=null, stdout=null, stderr=null, start_new_session=True
    )
    # A window of the overseer's may outlive the screen: nobody waits for it but this thread.
    threading.Thread(target=started.wait, name="editor", daemon=True).start()


@contextmanager
def _deaf() -> Iterator[None]:
    """Ctrl+c and ctrl+backslash are meant for the program in front, not for the screen."""

    def nothing(_number: int, _frame: FrameType | None) -> None:
        """Handled, not ignored: what is ignored would be ignored by the program, too."""

    before = {each: signal.signal(each, nothing) for each in (signal.SIGINT, signal.SIGQUIT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
