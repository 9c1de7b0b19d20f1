"""Pictures of the screen, taken of a real demo town at work: `make screenshots`.

A demo town is started, its agents work in real terminals, and the real application shows it at two
sizes, without a terminal of its own. Each picture is taken when there is something to see on it and
saved as SVG; `--png` makes a PNG beside it where `rsvg-convert` is installed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gastown_tui.cli.common import ask
from gastown_tui.cli.town import start_town
from gastown_tui.domain.errors import GastownError
from gastown_tui.roots.demo import make_demo, remove_demo
from gastown_tui.roots.tui import Cockpit

HERE = Path(__file__).resolve().parent.parent / "screenshots"
SMALL, LARGE = (120, 40), (200, 55)
_PATIENCE_S = 120.0
_FONT_FACE = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
_BLANK = "&#160;"
_CELL = 12.2
"""Width of a cell in the pictures."""
_TEXT = re.compile(
    r'<text class="(?P<style>[^"]*)" x="(?P<x>[\d.]+)" y="(?P<y>[\d.]+)"'
    r' textLength="(?P<length>[\d.]+)"(?P<clip>[^>]*)>(?P<text>[^<]*)</text>'
)
_FONTS = 'font-family: "JetBrains Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace'


class Shots:
    """One size of the screen, its keys, and where its pictures go."""

    def __init__(self, app: Cockpit, pilot: Any, folder: Path, *, png: bool) -> None:
        self._app, self._pilot = app, pilot
        self._folder, self._png = folder, png
        self.board = app.dashboard

    def rows(self, table: str) -> dict[str, Any]:
        """A table of the feed as the screen has it."""
        return self.board.store.rows(table)

    def text(self) -> str:
        """Everything on the screen."""
        strips = self._app.screen._compositor.render_strips()  # noqa: SLF001 - as its own exporter
        return "\n".join("".join(part.text for part in strip) for strip in strips)

    async def press(self, *keys: str) -> None:
        """Press keys one after another, each shown before the next."""
        for key in keys:
            await self._pilot.press(key)
            await self._pilot.pause(0.35)

    async def until(self, what: str, check: Callable[[], object]) -> None:
        """Wait for something to be so."""
        end = time.monotonic() + _PATIENCE_S
        while not check():
            if time.monotonic() > end:
                raise SystemExit(f"it did not come to this: {what}\n{self.text()}")
            await self._pilot.pause(0.1)

    async def agent(self, fits: Callable[[dict[str, Any]], bool], *texts: str) -> bool:
        """Show an agent of a kind that has all these texts on its terminal; is there one."""
        for name in [key for key, row in self.rows("agents").items() if fits(row)]:
            self.board.reveal("agents", name)
            await self._pilot.pause(0.4)
            pane = self.board.stage.pane.region
            lines = self.text().splitlines()[pane.y : pane.bottom]
            shown = "\n".join(line[pane.x :] for line in lines)
            if all(text in shown for text in texts) and fits(self.rows("agents")[name]):
                return True
        return False

    def top(self) -> None:
        """Go to the first row of the queue, whatever has been looked at."""
        first = min(self.rows("mq").values(), key=lambda row: row["position"], default=None)
        if first is not None:
            self.board.panels.lists["queue"].go(first["id"])

    async def take(self, name: str) -> None:
        """Save a picture, without the messages at its edge."""
        self._app.clear_notifications()
        await self._pilot.pause(0.4)
        columns, rows = self._app.size
        target = self._folder / f"{name}-{columns}x{rows}.svg"
        target.write_text(offline(self._app.export_screenshot(title="gastown")), "utf-8")
        if self._png:
            command = ["rsvg-convert", "-o", str(target.with_suffix(".png")), str(target)]
            await asyncio.to_thread(subprocess.run, command, check=True)
        print(target.relative_to(self._folder.parent))


def offline(svg: str) -> str:
    """The picture without fonts from elsewhere, and right in renderers that drop outer blanks."""
    svg = _FONT_FACE.sub("", svg)
    svg = re.sub(r"font-family: ?(Fira Code, ?monospace|arial)", _FONTS, svg)
    svg = re.sub(r"<!-- .*? -->", "", svg)
    svg = _TEXT.sub(_trimmed, svg)
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def _trimmed(found: re.Match[str]) -> str:
    """A piece of text without blanks at its ends, where its first letter was."""
    inner = found["text"]
    kept = re.sub(rf"^(?:{_BLANK})+", "", inner)
    left = (len(inner) - len(kept)) // len(_BLANK)
    text = re.sub(rf"(?:{_BLANK})+$", "", kept)
    right = (len(kept) - len(text)) // len(_BLANK)
    if not text:
        return ""
    start = float(found["x"]) + left * _CELL
    width = float(found["length"]) - (left + right) * _CELL
    place = f'x="{start:.1f}" y="{found["y"]}" textLength="{width:.1f}"'
    return f'<text class="{found["style"]}" {place}{found["clip"]}>{text}</text>'


def is_working(row: dict[str, Any]) -> bool:
    """An agent in the middle of something."""
    return row["state"] == "working"


def asks(row: dict[str, Any]) -> bool:
    """An agent that waits for a permission."""
    return row["needs"] == "permission"


async def overseer(verb: str, target: str, **arguments: str) -> None:
    """Ask the controller as a person would; what no longer fits is let be."""
    try:
        await asyncio.to_thread(ask, verb, target, **arguments)
    except GastownError as error:
        print(f"{verb} {target}: {error}", file=sys.stderr)


class Judge:
    """The person's part: holds one change, sends one back, lets most of the others land."""

    def __init__(self, shots: Shots) -> None:
        self._shots = shots
        self._seen: set[str] = set()
        self._first = ["hold", "reject"]

    def waiting(self) -> list[dict[str, Any]]:
        """Changes in review, the first of the queue first."""
        found = [row for row in self._shots.rows("mq").values() if row["state"] == "review"]
        return sorted(found, key=lambda row: row["position"])

    async def judge(self, leave: int) -> None:
        """A verdict on what waits for one, but for the last `leave`."""
        for row in self.waiting()[: -leave or None]:
            if row["id"] in self._seen:
                continue
            self._seen.add(row["id"])
            verb = self._first.pop() if self._first else "approve"
            reason = {
                "hold": "after the release",
                "reject": "name the parameter after what it holds",
            }.get(verb, "")
            await overseer(verb, row["id"], reason=reason)

    def is_moving(self) -> bool:
        """Is there something to see in the queue: phases of many kinds."""
        states = {row["state"] for row in self._shots.rows("mq").values()}
        return len(states) >= 4 and "review" in states


async def pictures(town: Path, size: tuple[int, int], folder: Path, *, png: bool) -> None:
    """The pictures of one size: the town, a question or a wall of tiles, a diff."""
    app = Cockpit(town)
    async with app.run_test(size=size) as pilot:
        shots = Shots(app, pilot, folder, png=png)
        judge = Judge(shots)
        await shots.until("changes wait for review", lambda: len(judge.waiting()) >= 5)
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            await judge.judge(leave=3)
            working = sum(map(is_working, shots.rows("agents").values()))
            asked = any(map(asks, shots.rows("agents").values()))
            is_good = working >= 4 and asked and judge.is_moving()
            if is_good and await shots.agent(is_working, "added, ", "esc to interrupt"):
                break
            await pilot.pause(0.1)
        shots.top()
        await shots.take("town")
        if size == LARGE:
            await shots.press("t")
            await shots.take("tiles")
            await shots.press("t", "t")
        if size == SMALL:
            while not await shots.agent(asks, "Do you want to proceed?"):
                await pilot.pause(0.1)
            await shots.take("question")
        await shots.until("a change waits", judge.waiting)
        best = max(judge.waiting(), key=lambda row: (row["minus"], row["plus"]))
        shots.board.reveal("queue", best["id"])
        await shots.press("d")
        await shots.until("the diff", lambda: "DIFF" in shots.text() and "@@" in shots.text())
        if size == LARGE:
            await shots.press("s")
        await shots.take("diff")


def main() -> int:
    """Make the town, take the pictures, take the town away."""
    parser = argparse.ArgumentParser(description="pictures of a demo town at work")
    parser.add_argument("--png", action="store_true", help="a PNG beside each SVG")
    parser.add_argument("--folder", type=Path, default=HERE)
    parser.add_argument("--agents", type=int, default=24)
    options = parser.parse_args()
    if options.png and shutil.which("rsvg-convert") is None:
        parser.error("--png needs rsvg-convert (librsvg2-bin)")
    options.folder.mkdir(exist_ok=True)
    os.environ.pop("NO_COLOR", None)
    for size in (SMALL, LARGE):
        made = make_demo(options.agents, seed=3, beads=40, speed=0.6, review="required")
        os.environ["GASTOWN_TOWN"] = str(made.town)
        try:
            start_town(made.town)
            asyncio.run(pictures(made.town, size, options.folder.resolve(), png=options.png))
        finally:
            remove_demo(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
