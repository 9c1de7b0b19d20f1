"""What the controller needs of the outside, as capabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from gastown_tui import protocol
from gastown_tui.domain.bead import Bead, Deleted
from gastown_tui.domain.errors import Conflict
from gastown_tui.domain.operations import Operation
from gastown_tui.domain.town import Now
from gastown_tui.domain.workplaces import SetUp, Slot

if TYPE_CHECKING:
    from gastown_tui.domain.formula.cook import Protomolecule
    from gastown_tui.services.ports_review import Reviewing
    from gastown_tui.services.ports_upstream import Tested, Upstream


class Applied(Protocol):
    """What a transaction did."""

    @property
    def change(self) -> int:
        """The change number it got."""

    @property
    def ids(self) -> Sequence[str]:
        """Ids of the beads it created, in order."""


class Store(Protocol):
    """One beads directory."""

    @property
    def prefix(self) -> str:
        """Of the ids made here."""

    def get(self, bead: str, /) -> Bead:
        """One bead, or NotFound."""

    def list(
        self,
        *,
        issue_type: str | None = None,
        include_closed: bool = False,
        include_wisps: bool = False,
    ) -> Sequence[Bead]:
        """The beads there are."""

    def ready(self, now: datetime, /) -> Sequence[Bead]:
        """Open beads that nothing blocks."""

    def dependents(self, bead: str, /) -> Sequence[tuple[str, str]]:
        """Id and type of edge of every bead that depends on this one."""

    def changes(self, after: int, /) -> tuple[int, Sequence[Bead | Deleted]]:
        """What changed since a change number, and the newest one."""

    def apply(
        self, operations: Sequence[Operation], *, actor: str, transaction: str | None = None
    ) -> Applied:
        """One synced transaction, all or nothing."""

    def close(self) -> None:
        """Let go of the directory."""


class Clock(Protocol):
    """The time of day and of waking."""

    def now(self) -> Now:
        """Both, now."""

    def utc(self) -> datetime:
        """The wall time as a datetime in UTC."""

    def hold(self, *, held: bool) -> None:
        """Let the time of waking stand still, as the town does, or go on."""


class Host(Protocol):
    """The process that spawns and holds sessions."""

    async def spawn(self, frame: protocol.Spawn, /) -> protocol.Spawned:
        """Start a program, its fence kept."""

    async def end(self, *, run: str = "", grace_s: float = 2.0, reason: str = "") -> str:
        """End every process of a run; returns when all are gone."""

    async def signal(self, run: str, signal: int, /, *, group: bool = False) -> None:
        """Send a signal to a run."""


class Screens(Protocol):
    """The process that reads and writes terminals."""

    async def type_text(
        self, session: str, data: bytes, *, if_generation: int | None, if_rows: str
    ) -> protocol.Typed:
        """Write bytes whole, or be refused."""

    async def peek(self, session: str, *, history: int = 0) -> protocol.Peeked:
        """The screen as text."""

    def key(self, session: str, key: str, text: str = "") -> None:
        """Press a key as the overseer."""


class FormulaRow(msgspec.Struct, frozen=True, kw_only=True):
    """A formula that can be poured for a bead."""

    name: str
    description: str = ""
    variables: dict[str, str] = {}
    """Name to default; without the bead itself."""


class Formulas(Protocol):
    """Formulas as each rig finds them."""

    def rows(self, rig: str, /) -> Sequence[FormulaRow]:
        """What can be poured for a bead of a rig."""

    def cook(self, rig: str, name: str, values: Mapping[str, str], bead: Bead, /) -> Protomolecule:
        """A formula cooked for a bead, or NotFound, or FormulaError."""


class Machine(Protocol):
    """Files and disks of this machine, as far as starts depend on them."""

    def secrets(self, path: Path, /) -> dict[str, str]:
        """The variables of an `env_file`, or NotFound, or BadInput when it is none."""

    def mcp_servers(self, folder: Path, /) -> list[str]:
        """Names of the MCP servers that a repository brings along."""

    def lacks(self, program: str, path: str, folder: str, /) -> str:
        """Why a program cannot be run from a folder with this PATH; empty when it can."""

    def slot(self, worktree: Path, town: Path, env: Mapping[str, str], /) -> Slot:
        """What a worktree has to itself on this machine, or Unavailable."""

    def free(self, path: Path, /) -> int:
        """Bytes that may still be written where a folder lies."""


class TargetMoved(Conflict):
    """The target is not where the town left it, or refuses what lands: a person must look."""


class Handed(msgspec.Struct, frozen=True, kw_only=True):
    """A branch as it was handed in."""

    tip: str
    base: str
    commits: int
    plus: int = 0
    minus: int = 0
    """Lines added and removed, binary files not counted."""
    leftovers: str = ""
    """The commit that holds what the agent had left uncommitted."""
    left_out: tuple[str, ...] = ()
    """Files that were not committed, each with why."""
    flagged: tuple[str, ...] = ()
    """What its own commits hold that a person should see, each with why: a key, a large file."""
    outside: tuple[str, ...] = ()
    """Paths that the branch changes and must not: they keep it from being handed in."""


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the changes that a sandbox held when its session ended."""

    commit: str = ""
    """The commit of its own that holds them; empty when there was nothing to commit."""
    left_out: tuple[str, ...] = ()
    """Files that were not committed, each with why; they stay where they are."""
    held: str = ""
    """Why nothing was committed although there are changes."""


class Piece(NamedTuple):
    """A request to be stacked."""

    request: str
    tip: str
    """The commit that was handed in."""
    title: str = ""
    base: str = ""
    """The commit it was handed in on; what is below that is not its own."""


class Stacked(msgspec.Struct, frozen=True, kw_only=True):
    """Requests stacked on a base."""

    base: str
    tip: str
    commits: dict[str, str] = {}
    """Request to its last commit in the stack; what the target already holds adds none."""
    conflicts: dict[str, tuple[str, ...]] = {}
    """Request to the files in which it conflicts with the base itself.

    One that conflicts only with others of its batch is in neither: its turn comes later.
    """


class RigGit(Protocol):
    """Git of one rig; every call blocks, and is made in a thread, one at a time for a rig."""

    review: Reviewing
    """Diffs, and folders to try a change in."""
    upstream: Upstream
    """What the rig follows, and where its changes go in the end."""
    tested: Tested
    """What has passed its gates."""

    def refresh(self, *, fetch: bool) -> str:
        """The target's tip, after a fetch if asked."""

    def prepare(self, sandbox: Path, branch: str, start: str = "") -> str:
        """Make a sandbox on a fresh branch, from the target or from `start`; its base commit.

        What an earlier try left half made under the same branch is replaced.
        """

    def undo(self, sandbox: Path, branch: str) -> None:
        """Take away a sandbox that was not ready yet: nobody has worked in it.

        Raises:
            Conflict: its branch holds commits of its own.
        """

    def copy_in(self, worktree: Path) -> None:
        """Put the ignored files that the rig's set-up names into a worktree.

        Raises:
            Conflict: one cannot be copied.
        """

    def set_up_of(self, worktree: Path) -> SetUp:
        """How far a worktree is set up."""

    def branch_for(self, agent: str, bead: str, token: str) -> str:
        """The name of a work branch."""

    def agent_env(self, sandbox: Path, branch: str) -> dict[str, str]:
        """The environment that guards an agent's git."""

    def hand_in(self, sandbox: Path, branch: str, base: str, agent: str) -> Handed:
        """Commit what was left, and say what the branch holds."""

    def commit_left(self, sandbox: Path, branch: str, agent: str) -> Left:
        """Commit what a sandbox holds on its branch; nobody works in it any more."""

    def evidence_tree(self, worktree: Path, commit: str) -> None:
        """Put a clean checkout of a commit into a worktree of the refinery."""

    def stack(self, worktree: Path, base: str, requests: Sequence[Piece]) -> Stacked:
        """Stack requests on the base in a worktree of the refinery.

        Raises:
            TargetMoved: the target is not what the town last set, nor ahead of it.
        """

    def is_elsewhere(self, worktree: Path, commit: str) -> bool:
        """Whether a worktree is not at this commit, nor at one built on it: others were there."""

    def differs(self, worktree: Path, commit: str) -> str:
        """How a worktree differs from a commit, in words; empty when it is clean and at it."""

    def land(self, new: str, old: str, message: str) -> None:
        """Move the target from `old` to `new`; done already is no error.

        Raises:
            TargetMoved: somebody else has it, or it refuses: a person must look.
            Conflict: it has moved on: stack anew.
            Unavailable: the remote does not answer.
        """

    def note_conflict(self, request: str, attempt: int, tip: str) -> None:
        """Keep the tip that did not fit, as a ref of ours."""

    def clean(self, sandbox: Path, branch: str, submitted: str, landed: str, request: str) -> str:
        """Take a landed sandbox away.

        Returns:
            Where that is kept which has not landed, in words: a branch, a folder of files that
            may not be committed, or both; empty when there is nothing.

        Raises:
            Conflict: the change is not in the target, or something can be neither kept nor lost.
        """

    def put_away(self, sandbox: Path, branch: str, agent: str) -> str:
        """Commit what a sandbox holds and leave it clean for other work.

        Returns:
            Where it is kept, in words: a branch, a folder of files that may not be committed, or
            both; empty when there was no work.

        Raises:
            Conflict: something in it cannot be committed.
        """
