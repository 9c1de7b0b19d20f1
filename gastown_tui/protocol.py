"""Every frame that travels between our processes.

A frame is a 4-byte big-endian length and that many bytes of MessagePack: a tagged struct of this
module. The first frame each way is `Hello` / `Welcome`; a peer of another `VERSION` is told so and
the connection ends. Unknown fields are ignored on reading and every field added later has a
default, so the host's frames stay readable for ever.

Three sockets, all in the town's private runtime folder:

========== =================================== ==========================================
socket     clients                             carries
========== =================================== ==========================================
host       screens, controller, command line   spawn, signal, end, list; exits; PTY handover
screens    the TUI, controller, command line   rows, signals, keys, typing
feed       the TUI, command line               the town's tables and deltas; requests
========== =================================== ==========================================

Times are seconds since the epoch (float) unless a name says otherwise; a `req` is chosen by the
asker and comes back in the answer.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any, Final, Generic, TypeAlias, TypeVar

import msgspec

from gastown_tui.cells import Row
from gastown_tui.domain.errors import ProtocolError

VERSION: Final = 1
"""Raised only by a change that an older reader of screens or feed frames would misread."""
MAX_FRAME: Final = 16 * 1024 * 1024
"""Bytes; a longer frame is an error, not an allocation."""
HEADER: Final = struct.Struct(">I")


class _Frame(msgspec.Struct, frozen=True, kw_only=True, tag_field="f", omit_defaults=True):
    """Base of all frames; the tag is the class name."""


class Hello(_Frame, frozen=True, kw_only=True, tag="hello"):
    """First frame of a client."""

    version: int = VERSION
    build: str = ""
    """Version of the package, for the message when versions differ."""
    role: str = ""
    """screens, controller, tui or cli."""


class Welcome(_Frame, frozen=True, kw_only=True, tag="welcome"):
    """First frame of a server."""

    version: int = VERSION
    build: str = ""
    pid: int = 0
    boot: str = ""
    """Names this life of the daemon; another boot means that it has been restarted."""


class Failed(_Frame, frozen=True, kw_only=True, tag="failed"):
    """The answer to a request that could not be met."""

    req: int = 0
    message: str = ""
    hint: str = ""
    kind: str = ""
    """Name of the error class, as in `domain.errors`."""


class Done(_Frame, frozen=True, kw_only=True, tag="done"):
    """The answer to a request that has no other answer."""

    req: int = 0
    text: str = ""


# ---------------------------------------------------------------- host


class Spawn(_Frame, frozen=True, kw_only=True, tag="spawn"):
    """Run a program on a new PTY, once every process of the runs in `fence` is gone."""

    req: int
    run: str
    """Id of this run, chosen by the asker, never used twice; becomes GASTOWN_RUN."""
    name: str
    """The session's name, such as `myrig/polecats/nux`; at most one living run has it."""
    argv: list[str]
    cwd: str
    env: dict[str, str]
    """The whole environment; nothing is inherited."""
    cols: int = 120
    rows: int = 40
    kind: str = "agent"
    """agent, gate, setup, shell."""
    fence: list[str] = []
    """Runs that must be gone first. Runs of the same name or key are always fenced."""
    key: str = ""
    """What may be worked on by one run at a time: a sandbox path or a bead."""
    grace_s: float = 2.0
    """How long a fenced run gets between TERM and KILL."""
    scrollback: int = 10_000
    note: dict[str, str] = {}
    """Kept with the run and given back by `Runs`: bead, commit, operation."""


class Spawned(_Frame, frozen=True, kw_only=True, tag="spawned"):
    """The program runs."""

    req: int
    run: str
    pid: int
    started: float


class EndRun(_Frame, frozen=True, kw_only=True, tag="end"):
    """TERM, `grace_s`, KILL for every process of a run; answered by `Done` when all are gone."""

    req: int
    run: str = ""
    name: str = ""
    """Instead of `run`: the living run of this session."""
    grace_s: float = 2.0
    reason: str = ""


class SignalRun(_Frame, frozen=True, kw_only=True, tag="signal"):
    """Send a signal to the run's leader (`group`: to every process of the run)."""

    req: int
    run: str
    signal: int
    group: bool = False


class ListRuns(_Frame, frozen=True, kw_only=True, tag="list"):
    """Ask for `Runs`."""

    req: int
    ended_after: float = 0.0
    """Of the runs that have ended, only those that ended later than this."""


class RunRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run as the host has recorded it on disk, before and after exec."""

    run: str
    name: str
    kind: str = "agent"
    key: str = ""
    argv: list[str] = []
    cwd: str = ""
    cols: int = 120
    rows: int = 40
    pid: int = 0
    """0 until the program has been executed."""
    pid_start: float = 0.0
    """The process's creation time as psutil tells it; with `pid` it names one process for ever."""
    sid: int = 0
    ticks: int = 0
    """The creation time in the kernel's own unit, which setting the clock does not move."""
    boot: str = ""
    """The machine's boot in which it ran: its pids mean nothing in another one."""
    started: float = 0.0
    ended: float = 0.0
    """0 while it lives."""
    code: int | None = None
    """Exit code; None while it lives or when nobody could see it."""
    signal: int = 0
    why: str = ""
    """How it ended: exit, signal, `ended: REASON`, `host died`, `spawn failed: ...`."""
    gone: bool = False
    """Every process of it was seen to be gone; the end of the leader alone does not say so."""
    scrollback: int = 10_000
    note: dict[str, str] = {}


class Runs(_Frame, frozen=True, kw_only=True, tag="runs"):
    """Every living run, and ended ones as asked for."""

    req: int
    runs: list[RunRow]


class RunStarted(_Frame, frozen=True, kw_only=True, tag="started"):
    """To every client of the host: a run has begun."""

    row: RunRow


class RunEnded(_Frame, frozen=True, kw_only=True, tag="ended"):
    """To every client of the host: a run's program has gone and been reaped."""

    row: RunRow


class Adopt(_Frame, frozen=True, kw_only=True, tag="adopt"):
    """To screens, with the PTY's master descriptor by SCM_RIGHTS: read this one from now on."""

    row: RunRow


class Adopted(_Frame, frozen=True, kw_only=True, tag="adopted"):
    """From screens: the descriptor has arrived (and is its own, not inheritable)."""

    run: str


class Heartbeat(_Frame, frozen=True, kw_only=True, tag="beat"):
    """From screens to the host, twice a second; none for two seconds means a hang: KILL."""

    feeding: str = ""


class DaemonRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A daemon that the host keeps running."""

    name: str
    pid: int = 0
    restarts: int = 0
    since: float = 0.0
    last_exit: str = ""


class HostStatus(_Frame, frozen=True, kw_only=True, tag="hoststatus"):
    """Ask with `req`; comes back filled."""

    req: int
    pid: int = 0
    boot: str = ""
    since: float = 0.0
    build: str = ""
    daemons: list[DaemonRow] = []


class Shutdown(_Frame, frozen=True, kw_only=True, tag="shutdown"):
    """End every run (TERM, `grace_s`, KILL), the daemons, then the host itself."""

    req: int
    grace_s: float = 2.0


class Renew(_Frame, frozen=True, kw_only=True, tag="renew"):
    """Go on as another build of the host, in the same process; no run ends.

    Answered when everything is ready for it, just before the connection ends.
    """

    req: int
    python: str = ""
    """Absolute path of the interpreter that has the build; empty for the host's own."""


class RestartDaemon(_Frame, frozen=True, kw_only=True, tag="restart"):
    """End a daemon of the host; the host starts it again at once."""

    req: int
    name: str


# ---------------------------------------------------------------- screens


class Subscribe(_Frame, frozen=True, kw_only=True, tag="subscribe"):
    """Send frames of a session from now on; again with other numbers to change the view."""

    session: str
    cols: int = 0
    """Width of the crop from the left; 0 = whole."""
    rows: int = 0
    """Height of the crop, anchored at the bottom; 0 = whole."""
    fps: float = 30.0
    """At most so many frames a second."""


class Unsubscribe(_Frame, frozen=True, kw_only=True, tag="unsubscribe"):
    """No more frames of a session."""

    session: str


class ScreenFrame(_Frame, frozen=True, kw_only=True, tag="frame"):
    """The rows that changed since the frame that the client acknowledged last."""

    session: str
    number: int
    base: int
    """The acknowledged frame this builds on; 0 = whole picture, forget what was there."""
    cols: int
    height: int
    """Rows of the picture (the crop's, at most the terminal's)."""
    rows: dict[int, Row]
    """By row of the picture, 0 = its top."""
    cursor_x: int = 0
    cursor_y: int = -1
    """In the picture; -1 = not in it or hidden."""
    cursor_shape: str = "block"
    generation: int = 0
    """The session's input generation when the picture was taken."""
    mouse: str = ""
    """Mouse events the program wants: press (and release, wheel), drag, any (motion) or none."""


class Ack(_Frame, frozen=True, kw_only=True, tag="ack"):
    """The client has painted frame `number` of `session`; the next one may come."""

    session: str
    number: int


class Signals(_Frame, frozen=True, kw_only=True, tag="signals"):
    """What a session's terminal tells, on change, at most five times a second."""

    session: str
    run: str = ""
    alive: bool = True
    title: str = ""
    progress: int | None = None
    """OSC 9;4: None = not shown, 0 to 100, -1 busy without a number, -2 error."""
    bells: int = 0
    notices: list[str] = []
    """Texts of OSC 9 and OSC 777 since the last `Signals`: plain, bounded."""
    last_output: float = 0.0
    input_generation: int = 0
    """Raised by every key, paste or mouse event of a person."""
    rows_hash: str = ""
    """Of the visible rows' text, as `Type.if_rows` wants it."""
    bottom: list[str] = []
    """The visible rows' text, trailing blank rows dropped, at most 50 from the bottom."""
    cursor_x: int = 0
    cursor_y: int = -1
    cols: int = 0
    rows: int = 0
    alt_screen: bool = False
    bracketed_paste: bool = False
    held: str = ""
    """Why the output is not emulated: safe mode, held; empty when all is well."""
    faint_from: list[int] = []
    """For each row of `bottom`: the first cell of faint or suggested text, -1 where none."""
    bottom_first: int = 0
    """The screen's row that `bottom` begins with."""


class WatchSignals(_Frame, frozen=True, kw_only=True, tag="watch"):
    """Send `Signals` of every session from now on, starting with all as they are."""


class Key(_Frame, frozen=True, kw_only=True, tag="key"):
    """A key of a person; screens encodes it by the terminal's modes."""

    session: str
    key: str
    """Textual's name: a, enter, up, ctrl+c, f5, shift+tab ..."""
    text: str = ""
    """The character it prints, if any."""


class Paste(_Frame, frozen=True, kw_only=True, tag="paste"):
    """Text pasted by a person."""

    session: str
    text: str


class Input(_Frame, frozen=True, kw_only=True, tag="input"):
    """Bytes of a person that a viewer could not name as keys; written as they are."""

    session: str
    data: bytes


class Mouse(_Frame, frozen=True, kw_only=True, tag="mouse"):
    """A mouse event of a person, in cells of the terminal; dropped when nobody asked for it."""

    session: str
    kind: str
    """press, release, move, wheel_up or wheel_down."""
    x: int
    y: int
    button: int = 0
    shift: bool = False
    alt: bool = False
    ctrl: bool = False


class Type(_Frame, frozen=True, kw_only=True, tag="type"):
    """Write these bytes whole, or refuse: the one primitive of every machine that types."""

    req: int
    session: str
    data: bytes
    if_generation: int | None = None
    """Refuse unless the input generation is this."""
    if_rows: str = ""
    """Refuse unless the hash of the visible rows is this."""


class Typed(_Frame, frozen=True, kw_only=True, tag="typed"):
    """The answer to `Type`."""

    req: int
    ok: bool
    reason: str = ""
    """generation, rows, gone, full (the program does not read)."""


class ResizeSession(_Frame, frozen=True, kw_only=True, tag="resize"):
    """Give a session's terminal another size."""

    session: str
    cols: int
    rows: int


class Peek(_Frame, frozen=True, kw_only=True, tag="peek"):
    """Ask for a session's screen as text."""

    req: int
    session: str
    history: int = 0
    """So many rows of scrollback above it as well."""


class Peeked(_Frame, frozen=True, kw_only=True, tag="peeked"):
    """A session's screen as text."""

    req: int
    text: str
    title: str = ""
    cols: int = 0
    rows: int = 0
    held: str = ""


class AskRows(_Frame, frozen=True, kw_only=True, tag="askrows"):
    """Ask for rows out of the scrollback (0 = the oldest kept) or, beyond it, of the screen."""

    req: int
    session: str
    first: int
    count: int


class RowsOf(_Frame, frozen=True, kw_only=True, tag="rowsof"):
    """The rows asked for, and how many there are in all."""

    req: int
    first: int
    rows: list[Row]
    total: int


class ListSessions(_Frame, frozen=True, kw_only=True, tag="sessions"):
    """Ask screens for the names of the sessions it has."""

    req: int


class SessionNames(_Frame, frozen=True, kw_only=True, tag="names"):
    """The sessions that screens has, living ones and those that have ended but are still kept."""

    req: int
    sessions: dict[str, bool]
    """Name to: is it alive."""


# ---------------------------------------------------------------- feed

Cell: TypeAlias = str | int | float | bool | list[str] | dict[str, str] | None
TableRow: TypeAlias = dict[str, Cell]
"""One row of a feed table; `docs/shapes.md` lists the columns of each."""


class Follow(_Frame, frozen=True, kw_only=True, tag="follow"):
    """Send the town's tables, then what changes; `version` resumes where a client left off."""

    version: int = 0
    boot: str = ""


class Snapshot(_Frame, frozen=True, kw_only=True, tag="snapshot"):
    """The whole town: table name to key to row."""

    version: int
    boot: str
    at: float
    tables: dict[str, dict[str, TableRow]]


class Delta(_Frame, frozen=True, kw_only=True, tag="delta"):
    """What changed from version `base` to `version`; a row that is None has gone."""

    base: int
    version: int
    at: float
    tables: dict[str, dict[str, TableRow | None]]


class Ask(_Frame, frozen=True, kw_only=True, tag="ask"):
    """A request to the controller: recorded, executed, answered by a `Receipt`."""

    req: int
    verb: str
    """kill, stop, restart, nudge, approve, reject, sling ... (the table of `domain.requests`)."""
    target: str = ""
    arguments: dict[str, str] = {}
    actor: str = ""
    wait_s: float = 30.0


class Receipt(_Frame, frozen=True, kw_only=True, tag="receipt"):
    """What became of a request."""

    req: int
    id: str = ""
    ok: bool = True
    text: str = ""
    kind: str = ""
    """Of the refusal: the error class's name."""


class AskDiff(_Frame, frozen=True, kw_only=True, tag="askdiff"):
    """Ask for the diff of a merge request or an agent's sandbox as unified text."""

    req: int
    subject: str
    since_base: str = ""
    since_tip: str = ""
    """Of a request: only what it has that its former commits, between these two, had not."""


class DiffText(_Frame, frozen=True, kw_only=True, tag="difftext"):
    """A diff in git's unified format, and what it compares."""

    req: int
    base: str
    tip: str
    text: str
    title: str = ""
    truncated: bool = False
    notes: list[str] = []
    """What is to be known of the change besides its lines, a sentence each."""
    sandbox: str = ""
    """The folder in which its files can be looked at; empty when there is none."""


class AskBead(_Frame, frozen=True, kw_only=True, tag="askbead"):
    """Ask for everything that is known of a bead."""

    req: int
    bead: str


class BeadLink(msgspec.Struct, frozen=True, kw_only=True):
    """A bead beside the one that was asked for."""

    id: str
    way: str
    """`parent`, `child`, `needs` (it comes first) or `holds` (it waits)."""
    type: str = ""
    """Of the edge: blocks, related, tracks ..."""
    title: str = ""
    status: str = ""
    """Empty when no bead of that id is here."""
    kind: str = ""


class BeadEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a bead's history."""

    at: float
    actor: str
    text: str


class BeadText(_Frame, frozen=True, kw_only=True, tag="beadtext"):
    """A bead as its line says, what it is tied to, and what was done to it, oldest first."""

    req: int
    rig: str
    bead: dict[str, Any]
    """Fields as in a bead file; empty ones are left out."""
    links: list[BeadLink] = []
    history: list[BeadEntry] = []
    ready: bool = False


class Poke(_Frame, frozen=True, kw_only=True, tag="poke"):
    """Look again now: somebody wrote beads; or, with `present`, nothing but that."""

    present: int = 0
    """1: a person is at this screen. -1: the person has turned away from it."""


HostFrame: TypeAlias = (
    Hello
    | Welcome
    | Failed
    | Done
    | Spawn
    | Spawned
    | EndRun
    | SignalRun
    | ListRuns
    | Runs
    | RunStarted
    | RunEnded
    | Adopt
    | Adopted
    | Renew
    | Heartbeat
    | HostStatus
    | Shutdown
    | RestartDaemon
)
ScreensFrame: TypeAlias = (
    Hello
    | Welcome
    | Failed
    | Done
    | Subscribe
    | Unsubscribe
    | ScreenFrame
    | Ack
    | Signals
    | WatchSignals
    | Key
    | Paste
    | Input
    | Mouse
    | Type
    | Typed
    | ResizeSession
    | Peek
    | Peeked
    | AskRows
    | RowsOf
    | ListSessions
    | SessionNames
)
FeedFrame: TypeAlias = (
    Hello
    | Welcome
    | Failed
    | Done
    | Follow
    | Snapshot
    | Delta
    | Ask
    | Receipt
    | AskDiff
    | DiffText
    | AskBead
    | BeadText
    | Poke
)

_ENCODER: Final = msgspec.msgpack.Encoder()
_T = TypeVar("_T")


def encode(frame: HostFrame | ScreensFrame | FeedFrame) -> bytes:
    """The frame with its length in front, ready to be written."""
    body = _ENCODER.encode(frame)
    if len(body) > MAX_FRAME:
        raise ProtocolError(f"a {type(frame).__name__} frame of {len(body)} bytes is too long")
    return HEADER.pack(len(body)) + body


class Decoder(Generic[_T]):
    """Cuts a stream of bytes into frames of one socket; holds at most one unfinished frame."""

    def __init__(self, decode: Callable[[bytes], _T]) -> None:
        self._decode = decode
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[_T]:
        """The frames that `data` completes.

        Raises:
            ProtocolError: a frame is too long, or not one of this socket.
        """
        self._buffer += data
        while len(self._buffer) >= HEADER.size:
            (length,) = HEADER.unpack_from(self._buffer)
            if length > MAX_FRAME:
                raise ProtocolError(f"a frame of {length} bytes was announced")
            end = HEADER.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[HEADER.size : end])
            del self._buffer[:end]
            try:
                frame = self._decode(body)
            except (msgspec.DecodeError, RecursionError) as error:
                raise ProtocolError(f"unreadable frame: {error}") from error
            yield frame


_HOST: Final = msgspec.msgpack.Decoder(HostFrame)
_SCREENS: Final = msgspec.msgpack.Decoder(ScreensFrame)
_FEED: Final = msgspec.msgpack.Decoder(FeedFrame)


def host_decoder() -> Decoder[HostFrame]:
    """A decoder for either end of the host's socket."""
    return Decoder(_HOST.decode)


def screens_decoder() -> Decoder[ScreensFrame]:
    """A decoder for either end of the screens' socket."""
    return Decoder(_SCREENS.decode)


def feed_decoder() -> Decoder[FeedFrame]:
    """A decoder for either end of the feed's socket."""
    return Decoder(_FEED.decode)


HOST: Final = "the host"
"""What its clients call it: its frames are understood by all builds, as it outlives upgrades."""


def check_peer(frame: object, what: str) -> None:
    """Refuse a first frame that is not a greeting of our version; the host's may be of any.

    Raises:
        ProtocolError: with both builds in the message and what to do as the hint.
    """
    if not isinstance(frame, Hello | Welcome):
        raise ProtocolError(f"{what} did not greet")
    if frame.version != VERSION and what != HOST:
        raise ProtocolError(
            f"{what} is of build {frame.build or '?'} and speaks version {frame.version},"
            f" this is version {VERSION}",
            hint="run `gastown upgrade`",
        )
