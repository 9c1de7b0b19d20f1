"""vim, less, htop and tmux look here as they look in tmux: every character, colour, attribute."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

from gastown_tui.terminal import Terminal

_spec = importlib.util.spec_from_file_location("replay", Path(__file__).with_name("replay.py"))
assert _spec
assert _spec.loader
replay = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(replay)

needs_tmux = pytest.mark.skipif(not shutil.which("tmux"), reason="tmux is not installed")

TEXT = "".join(
    f"def function_{n}(x):  # 中文 and ünïcode {n}\n\treturn 'a string' + str(x * {n})\n"
    for n in range(60)
)


def program(name: str) -> str:
    path = shutil.which(name)
    if not path:
        pytest.skip(f"{name} is not installed")
    return path


def same_screen(output: bytes, folder: Path) -> None:
    """Tmux and a fresh Terminal agree on what `output` shows."""
    terminal = Terminal(replay.COLS, replay.ROWS)
    terminal.feed(output)
    ours = [terminal.row(y) for y in range(replay.ROWS)]
    theirs = replay.in_tmux(output, folder)
    for y, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        assert replay.same_row(mine, other), f"row {y}: {mine} is not {other}"
    assert any(style for row in ours for _, style, _ in row), "nothing was coloured"


@needs_tmux
def test_vim(tmp_path: Path) -> None:
    (tmp_path / "sample.py").write_text(TEXT)
    player = replay.Player(
        [
            program("vim"),
            "-u",
            "NONE",
            "-i",
            "NONE",
            "-n",
            "-c",
            "syntax on | set number hlsearch ruler",
            "sample.py",
        ],
        tmp_path,
    )
    player.until("function_3")
    player.send(b"/function_2\r")
    player.until("/function_2")
    player.send(b":vsplit\r\x06jjdd")
    player.until("sample.py [+]")
    same_screen(player.close(), tmp_path)


@needs_tmux
def test_less(tmp_path: Path) -> None:
    (tmp_path / "sample.txt").write_text(
        TEXT + "\x1b[31mred\x1b[0m \x1b[1;44mbold on blue\x1b[0m\n" * 3
    )
    player = replay.Player([program("less"), "-R", "-N", "sample.txt"], tmp_path)
    player.until("function_3")
    player.send(b"/return\r")
    player.until("function_4")
    player.send(b"G")
    player.until("bold on blue")
    player.send(b"bb")
    player.until(":")
    same_screen(player.close(), tmp_path)


@needs_tmux
def test_htop(tmp_path: Path) -> None:
    player = replay.Player([program("htop"), "-d", "100"], tmp_path)
    player.until("F10")
    player.send(b"\x1bOQ")  # F2: the setup screen
    player.until("Meters")
    same_screen(player.close(), tmp_path)


@needs_tmux
def test_tmux_in_a_terminal(tmp_path: Path) -> None:
    socket = f"inner-{tmp_path.name}"
    player = replay.Player(
        [program("tmux"), "-u", "-L", socket, "-f", "/dev/null", "new-session", "sh"], tmp_path
    )
    try:
        player.until("0:sh")
        player.send(b"printf '\\033[1;32mgreen\\033[0m \\033[7minverse\\033[0m\\n'\r")
        player.until("green inverse")
        for key, shown in ((b"%", "│"), (b'"', "─")):
            player.send(b"\x02")
            player.pump(0.2)
            player.send(key)
            player.until(shown)
        player.send(b"echo wide \xe4\xb8\xad\xe6\x96\x87; seq 50\r")
        player.until("50")
        output = player.output
    finally:
        subprocess.run(
            [program("tmux"), "-L", socket, "kill-server"], check=False, env=replay.ENVIRONMENT
        )
        player.close()
    same_screen(output, tmp_path)
