"""The screen of a town: `python -m gastown_tui.roots.tui --town DIR`.

Two connections, each kept up for as long as the screen is: the feed of the controller, and the
terminals of screens. Either may go and come back at any time; what is on the screen stays.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from gastown_tui import protocol
from gastown_tui.adapters.daemons import feed_socket, host_running, screens_socket
from gastown_tui.adapters.link import Link
from gastown_tui.adapters.looks import LookFiles
from gastown_tui.adapters.own_programs import OwnPrograms
from gastown_tui.domain.errors import GastownError, Unavailable
from gastown_tui.protocol import FeedFrame, ScreensFrame
from gastown_tui.roots import other_build
from gastown_tui.roots.asker import Asker
from gastown_tui.roots.town import check_settings
from gastown_tui.roots.user_keys import user_keys
from gastown_tui.tui.app import GastownApp
from gastown_tui.tui.ports import Daemon, FeedItem, LinkState, ScreenItem

_BACKOFF_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
_LOOK_S: Final = 0.1
"""How often one looks whether what is being started has come to nothing."""
_COLLECTIONS: Final = (700, 10, 10)
"""Python's own measure of when to look for garbage; `gastown` starts without looking."""
_SWITCH_S: Final = 0.0005
"""How long a thread computes while others wait: keys come, and lines leave, by threads."""
_LOG: Final = logging.getLogger(__name__)


class _HostWatch:
    """Tells whether the host is there, asked only while something else is missing."""

    def __init__(self, town: Path, coming: Callable[[], bool] = lambda: False) -> None:
        """`coming` says whether the daemons are being started: then nothing is missing yet."""
        self._town = town
        self.coming = coming
        self.up: bool | None = None

    def answers(self) -> LinkState | None:
        """A daemon of it answers, so the host is there; told if it was not."""
        was_down, self.up = self.up is False, True
        return LinkState(daemon="host", up=True) if was_down else None

    async def look(self) -> LinkState | None:
        """The host's coming or going since the last look."""
        up = await asyncio.to_thread(host_running, self._town)
        if up == self.up:
            return None
        before, self.up = self.up, up
        if before is None and up:
            return None
        return LinkState(daemon="host", up=up, since=time.time())


async def _keep(
    connect: Callable[[], Any],
    serve: Callable[[Any], Any],
    tell: Callable[[LinkState], None],
    daemon: Daemon,
    host: _HostWatch,
) -> None:
    """Connect, serve until the connection ends, and again, for ever."""
    tries, up = 0, None
    told = ""
    while True:
        problem = ""
        try:
            link = await connect()
        except (GastownError, OSError) as error:
            problem = "" if isinstance(error, Unavailable) else str(error)
            if host.coming():
                await asyncio.sleep(_BACKOFF_S[0])
                continue
        else:
            tries, up = 0, True
            tell(LinkState(daemon=daemon, up=True))
            if found := host.answers():
                tell(found)
            try:
                await serve(link)
            except GastownError as error:
                problem = str(error)
                _LOG.warning("%s: %s", daemon, error)
            finally:
                link.close()
        if up is not False or problem != told:
            up, told = False, problem
            tell(LinkState(daemon=daemon, up=False, since=time.time(), text=problem))
        if found := await host.look():
            tell(found)
        await asyncio.sleep(_BACKOFF_S[min(tries, len(_BACKOFF_S) - 1)])
        tries += 1


class LinkTown:
    """The controller over its feed socket."""

    def __init__(self, town: Path, host: _HostWatch) -> None:
        self._town, self._host = town, host
        self._link: Link[FeedFrame] | None = None
        self._asker = Asker("controller")
        self._listener: Callable[[FeedItem], None] = lambda _item: None
        self.on_build: Callable[[str], None] = lambda _build: None
        """Told the controller's build with every connection."""
        self._version, self._boot = 0, ""

    def follow(self, listener: Callable[[FeedItem], None]) -> None:
        """See `TownPort`."""
        self._listener = listener

    async def run(self) -> None:
        """Keep the connection up."""

        async def connect() -> Link[FeedFrame]:
            path, decoder = feed_socket(self._town), protocol.feed_decoder()
            try:
                return await Link.open(path, decoder, role="tui", what="controller")
            except Unavailable:
                check_settings(self._town)  # when it is this that keeps it from starting, say so
                raise

        await _keep(connect, self._serve, self._listener, "controller", self._host)

    async def _serve(self, link: Link[FeedFrame]) -> None:
        self._link = link
        self.on_build(link.welcome.build)
        link.send(protocol.Follow(version=self._version, boot=self._boot))
        try:
            async for frame in link.frames():
                self._take(frame)
        finally:
            self._link = None
            self._asker.break_off()

    def _take(self, frame: FeedFrame) -> None:
        if isinstance(frame, protocol.Snapshot):
            self._version, self._boot = frame.version, frame.boot
            self._listener(frame)
        elif isinstance(frame, protocol.Delta):
            if frame.base > self._version and self._link is not None:
                self._link.send(protocol.Follow())
                return
            self._version = frame.version
            self._listener(frame)
        else:
            self._asker.answered(frame)

    def _send(self, frame: FeedFrame) -> bool:
        if self._link is None:
            return False
        self._link.send(frame)
        return True

    async def ask(self, verb: str, target: str = "", **arguments: str) -> protocol.Receipt:
        """See `TownPort`."""
        return await self._asker.ask(
            lambda number: self._send(
                protocol.Ask(
                    req=number, verb=verb, target=target, arguments=arguments, actor="overseer"
                )
            ),
            protocol.Receipt,
        )

    def present(self, here: bool) -> None:  # noqa: FBT001 - a yes or no is all there is to say
        """Say whether a person is at this screen."""
        self._send(protocol.Poke(present=1 if here else -1))

    async def diff(self, subject: str, since: tuple[str, str] = ("", "")) -> protocol.DiffText:
        """See `TownPort`."""
        asked = protocol.AskDiff(req=0, subject=subject, since_base=since[0], since_tip=since[1])
        again = partial(msgspec.structs.replace, asked)
        return await self._asker.ask(lambda n: self._send(again(req=n)), protocol.DiffText)

    async def bead(self, bead: str) -> protocol.BeadText:
        """See `TownPort`."""
        return await self._asker.ask(
            lambda number: self._send(protocol.AskBead(req=number, bead=bead)),
            protocol.BeadText,
        )

    async def start_host(self) -> str:
        """See `TownPort`."""
        from gastown_tui.cli.town import start_town  # with all that checks a town: when used

        await asyncio.to_thread(start_town, self._town, opens=True)
        return "the town is started"


class LinkScreens:
    """The terminals over screens' socket."""

    def __init__(self, town: Path, host: _HostWatch) -> None:
        self._town, self._host = town, host
        self._link: Link[ScreensFrame] | None = None
        self._out: list[ScreensFrame] = []
        self._asker = Asker("screens process")
        self._listener: Callable[[ScreenItem], None] = lambda _item: None

    def listen(self, listener: Callable[[ScreenItem], None]) -> None:
        """See `ScreensPort`."""
        self._listener = listener

    async def run(self) -> None:
        """Keep the connection up."""

        async def connect() -> Link[ScreensFrame]:
            path, decoder = screens_socket(self._town), protocol.screens_decoder()
            link = await Link.open(path, decoder, role="tui", what="screens process")
            self._link = link
            link.send(protocol.WatchSignals())
            return link

        await _keep(connect, self._serve, self._listener, "screens", self._host)

    async def _serve(self, link: Link[ScreensFrame]) -> None:
        try:
            async for frame in link.frames():
                if isinstance(frame, protocol.ScreenFrame | protocol.Signals):
                    self._listener(frame)
                elif not self._asker.answered(frame) and isinstance(frame, protocol.Failed):
                    _LOG.info("screens: %s", frame.message)
        finally:
            self._link = None
            self._asker.break_off()

    def _send(self, frame: ScreensFrame) -> bool:
        """Send with whatever else is sent in this turn of the loop: thirty tiles, one write."""
        if self._link is None:
            return False
        if not self._out:
            asyncio.get_running_loop().call_soon(self._flush)
        self._out.append(frame)
        return True

    def _flush(self) -> None:
        out, self._out = self._out, []
        if self._link is not None:
            self._link.send(*out)

    def subscribe(self, session: str, cols: int, rows: int, fps: float) -> None:
        """See `ScreensPort`."""
        self._send(protocol.Subscribe(session=session, cols=cols, rows=rows, fps=fps))

    def unsubscribe(self, session: str) -> None:
        """See `ScreensPort`."""
        self._send(protocol.Unsubscribe(session=session))

    def ack(self, session: str, number: int) -> None:
        """See `ScreensPort`."""
        self._send(protocol.Ack(session=session, number=number))

    def key(self, session: str, key: str, text: str) -> None:
        """See `ScreensPort`."""
        self._send(protocol.Key(session=session, key=key, text=text))

    def paste(self, session: str, text: str) -> None:
        """See `ScreensPort`."""
        self._send(protocol.Paste(session=session, text=text))

    def mouse(self, event: protocol.Mouse) -> None:
        """See `ScreensPort`."""
        self._send(event)

    def resize(self, session: str, cols: int, rows: int) -> None:
        """See `ScreensPort`."""
        self._send(protocol.ResizeSession(session=session, cols=cols, rows=rows))

    async def rows(self, session: str, first: int, count: int) -> protocol.RowsOf:
        """See `ScreensPort`."""
        return await self._asker.ask(
            lambda number: self._send(
                protocol.AskRows(req=number, session=session, first=first, count=count)
            ),
            protocol.RowsOf,
        )


class Cockpit(GastownApp):
    """The application with its two connections."""

    def __init__(
        self,
        town: Path,
        coming: Callable[[], bool] = lambda: False,
        failed: Callable[[], bool] = lambda: False,
    ) -> None:
        """`coming` says whether daemons are being started, `failed` that this came to nothing."""
        host = _HostWatch(town, coming)
        self.other_build = ""
        """What the screen is to go on as when it has ended."""
        self._coming, self._failed = coming, failed
        self._feed, self._screens = LinkTown(town, host), LinkScreens(town, host)
        super().__init__(
            self._feed, self._screens, keys=user_keys(town), looks=LookFiles(town),
            programs=OwnPrograms(town), present=self._feed.present,
        )  # fmt: skip

    def on_ready(self) -> None:
        """Connect, now that the screen listens; what is loaded by now is no garbage."""
        if said := other_build.why(dict(os.environ)):
            self.notify(said, markup=False)
        self._feed.on_build = self._met
        gc.freeze()
        sys.setswitchinterval(_SWITCH_S)
        gc.set_threshold(*_COLLECTIONS)
        self.run_worker(self._feed.run(), exit_on_error=False)
        self.run_worker(self._screens.run(), exit_on_error=False)
        if self._coming() or self._failed():
            self._look = self.set_interval(_LOOK_S, self._started)

    def _met(self, build: str) -> None:
        """Leave for another build, unless the daemons are about to become this one."""
        if not self._coming() and other_build.is_new(build, dict(os.environ)):
            self.other_build = build
            self.exit()

    def _started(self) -> None:
        """Give up when the daemons do not start; whoever started them says why."""
        if self._failed():
            self.exit(return_code=1)
        elif not self._coming():
            self._look.stop()


def run(
    town: Path,
    coming: Callable[[], bool] = lambda: False,
    failed: Callable[[], bool] = lambda: False,
) -> int:
    """Show the town until the overseer quits, or its start has `failed`; the exit code."""
    folder = town / ".gastown" / "log"
    if folder.parent.is_dir():
        folder.mkdir(exist_ok=True)
        logging.basicConfig(filename=folder / "tui.log", level=logging.INFO)
    app = Cockpit(town, coming, failed)
    app.run()
    if app.other_build:
        other_build.go_on(town, app.other_build)
    return app.return_code or 0


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    import argparse  # `gastown` does not come this way

    parser = argparse.ArgumentParser(description="the screen of a town")
    parser.add_argument("--town", type=Path, required=True)
    options = parser.parse_args(arguments)
    return run(options.town.resolve())


if __name__ == "__main__":
    sys.exit(main())
