"""Actions on diffs: look at one, comment it, decide; a shell and an editor where the files are."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from textual.app import SuspendNotSupported

from gastown_tui.domain.errors import GastownError, NotFound, Unavailable
from gastown_tui.domain.review import Look
from gastown_tui.protocol import DiffText
from gastown_tui.tui.desk import Desk
from gastown_tui.tui.handlers.kinds import Handler
from gastown_tui.viewmodels.queue import offered
from gastown_tui.viewmodels.text import clean, string

_BANNER: Final = "Your own shell in {folder}: an agent works here, too. `exit` leads back.\n\n"


async def show_diff(desk: Desk) -> None:
    """The diff of what is meant: the request, else the bead's request, else the agent's sandbox."""
    # With Pygments: not before it is used.
    from gastown_tui.tui.review import Review
    from gastown_tui.tui.screens.diff import DiffScreen, Tools

    request = desk.request()
    subject = request or desk.agent()
    if not subject:
        desk.toast("nothing here has a diff", bad=True)
        return
    found = await desk.diff(subject)
    if found is None:
        return

    async def since(look: Look) -> DiffText | None:
        return await desk.diff(subject, (look.base, look.tip))

    review = Review(
        found,
        await desk.looks.get(subject),
        keep=lambda look: desk.looks.keep(subject, look),
        since=since if request else None,
    )
    out = _Out(desk, found.sandbox, request)
    verdict = await desk.screen.show_diff(
        DiffScreen(
            review,
            title=string({"title": found.title}, "title")
            or (desk.title_of(request) if request else desk.name(subject)),
            keymap=desk.keymap,
            tools=Tools(out.edit, out.shell),
            clock=desk.clocks.wall,
            offers=_offers(desk, request),
        )
    )
    if verdict is None:
        return
    kind, words = verdict
    if kind == "approve":
        await desk.send("approve", request, tip=found.tip)
    elif kind == "drop":
        await desk.screen.perform("queue.drop")
    elif kind == "retry":
        await desk.send("retry", request)
    else:
        more = {"reason": words} if kind == "reject" else {"text": words, "mode": "wait-idle"}
        if await desk.send(kind, subject, **more):
            review.sent()


def _offers(desk: Desk, request: str) -> tuple[str, ...]:
    """A verdict on the diff; one that was rejected goes back once more, is retried or dropped."""
    if not request:
        return ("nudge",)
    row = desk.store.row("mq", request)
    is_over = string(row, "state") == "rejected"
    wanted = ("reject", "retry", "drop") if is_over else ("approve", "reject")
    return tuple(each for each in wanted if each in offered(row))


class _Out:
    """The ways out of a diff: where its files are."""

    def __init__(self, desk: Desk, sandbox: str, request: str) -> None:
        self._desk, self._sandbox, self._request = desk, sandbox, request

    def _folder(self) -> Path:
        if not self._sandbox:
            hint = f"`gastown mq checkout {clean(self._request)}` makes a folder to try it in"
            raise NotFound("its sandbox has gone", hint=hint if self._request else "")
        return Path(self._sandbox)

    async def edit(self, path: str, line: int) -> str:
        """Open the editor; what is in the way."""
        return self._open(path, line)

    async def shell(self) -> str:
        """Open a shell; what is in the way."""
        return self._open("", 1)

    def _open(self, path: str, line: int) -> str:
        try:
            _outside(self._desk, self._folder(), file=path, line=line)
        except GastownError as error:
            return str(error)
        return ""


def _outside(desk: Desk, folder: Path, *, file: str = "", line: int = 1) -> None:
    """Open a shell in a folder, or the editor at a file below it; the screen stands still.

    Raises:
        GastownError: it cannot be opened.
    """
    programs = desk.programs
    if programs is None:
        raise Unavailable("there is no terminal for other programs here")
    call = programs.editor(folder, file, line) if file else programs.shell()
    if not call.in_terminal:
        programs.run(call, folder, "")
        return
    app, banner = desk.screen.app, "" if file else _BANNER.format(folder=clean(str(folder)))
    try:
        with app.suspend():
            programs.run(call, folder, banner)
    except SuspendNotSupported:
        raise Unavailable("this terminal cannot be given to another program") from None
    app.refresh(layout=True)


async def shell(desk: Desk) -> None:
    """A shell in the sandbox of the agent, or of the request's agent, that is meant."""
    request = desk.request() if desk.panels.active in ("queue", "tree") else ""
    agent = string(desk.store.row("mq", request), "agent") if request else desk.agent()
    row = desk.store.row("agents", agent)
    folder = string(row, "sandbox")
    if request and string(row, "bead") != string(desk.store.row("mq", request), "bead"):
        folder = ""
    if not folder:
        name = desk.name(agent) if agent else "nothing here"
        more = f": `gastown mq checkout {clean(request)}` makes a folder to try it in"
        desk.toast(f"{name} has no sandbox now{more if request else ''}", bad=True)
        return
    _outside(desk, Path(folder))


HANDLERS: Final[dict[str, Handler]] = {"diff.show": show_diff, "agent.shell": shell}
