"""The town as the controller sees it at one moment: immutable, complete enough to decide on."""

from __future__ import annotations

import msgspec

from gastown_tui.domain.agents.dialog import Dialog
from gastown_tui.domain.bead import Bead
from gastown_tui.domain.capacity import Room
from gastown_tui.domain.config import Limits, RigConfig

RUNNING = "running"
PAUSED = "paused"
STOPPED = "stopped"


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """A worker: a lasting identity, its sandbox, and the run that is its session now."""

    address: str
    """`rig/polecats/name`; also the session's name."""
    record: str
    """Id of the bead in the town's directory that is this record."""
    rig: str
    role: str = "polecat"
    name: str = ""
    entry: str = ""
    """Entry of the catalogue."""
    wanted: str = RUNNING
    wanted_by: str = ""
    wanted_why: str = ""
    wanted_at: str = ""
    run: str = ""
    """The run that was started last, living or not."""
    conversation: str = ""
    """The id under which the agent's program can resume, chosen by us."""
    sandbox_for: str = ""
    """The bead that the sandbox is ready for."""
    branch: str = ""
    base: str = ""
    slot: int = 0
    nudged: int = 0
    """How often its present session has been sent back to work without handing anything in."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A merge request: a branch tip on its way to the target."""

    id: str
    rig: str
    bead: str
    agent: str
    title: str = ""
    branch: str = ""
    base: str = ""
    target: str = ""
    state: str = "submitted"
    """One of `merge_queue.STATES`."""
    priority: int = 2
    created: float = 0.0
    submitted: str = ""
    """The branch tip that was handed in."""
    evidence: str = ""
    """The commit for which the evidence run passed."""
    approved: str = ""
    """The commit that was approved."""
    approved_by: str = ""
    landed: str = ""
    attempt: int = 1
    reds: int = 0
    """How often gates or a review have sent it back; conflicts do not count."""
    lost: int = 0
    """Gate runs in a row that ended without a verdict, such as when the host died."""
    plus: int = 0
    minus: int = 0
    """Lines that it adds and removes."""
    told: int = 0
    """The attempt for which the agent has been told to rework."""
    suspect: int = 0
    """Size of the smallest batch this one failed in; 0 = none."""
    rework: str = ""
    """Why it came back: conflict, gate or review; empty when it did not."""
    why: str = ""
    """One line for a person."""
    log: str = ""
    """The end of the gate's output, or the reviewer's reason."""
    leftovers: str = ""
    """The commit that holds what its agent had not committed; empty when there was nothing."""
    left_out: str = ""
    """Files that the town did not commit, each with why, a line each."""
    flagged: str = ""
    """What its own commits hold that a person should see first, each with why, a line each."""
    gate_run: str = ""
    """The evidence run under way, or the last one."""
    source: str = ""
    """Where a branch of somebody's own came from; empty for an agent's."""
    pull: int = 0
    """Number of its pull request; 0 = it has none."""
    pull_url: str = ""
    pushed: str = ""
    """The commit that was pushed to the pull request's branch."""
    updated: float = 0.0

    @property
    def is_own(self) -> bool:
        """Whether it is a person's branch: nobody to send it back to."""
        return bool(self.source)


class Rig(msgspec.Struct, frozen=True, kw_only=True):
    """A project."""

    config: RigConfig
    record: str = ""
    tip: str = ""
    """The target as last seen."""
    held: str = ""
    """Why nothing lands now; empty = it does."""
    landing: str = ""
    """The landing run under way."""
    tries: int = 0
    """Landing runs without a batch that ended without a verdict, or were let go on by a release."""
    upstream: str = ""
    """The upstream's tip, when the local target is not built on it yet."""

    @property
    def name(self) -> str:
        """The rig's name."""
        return self.config.name


class Convoy(msgspec.Struct, frozen=True, kw_only=True):
    """Beads that are followed together."""

    id: str
    title: str = ""
    tracked: tuple[str, ...] = ()
    created: float = 0.0
    owned: bool = False
    """Whether only its owner closes it."""
    staged: str = ""
    """`ready` or `warnings` while it waits for its launch."""
    launched: bool = False
    """Whether what becomes ready in it is slung by itself."""
    proposed: str = ""
    """`mayor` while it waits for the overseer's word, `dropped` until the mayor knows of a no."""
    why: str = ""
    """Of the overseer's no."""


class RunFact(msgspec.Struct, frozen=True, kw_only=True):
    """A run of the host, as far as decisions need it."""

    run: str
    name: str
    kind: str
    alive: bool
    started: float = 0.0
    ended: float = 0.0
    code: int | None = None
    signal: int = 0
    why: str = ""
    note: dict[str, str] = {}


class AgentFact(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an agent's session now."""

    state: str = "exited"
    since: float = 0.0
    last_output: float = 0.0
    prompts: int = 0
    """How many it has taken in this run, as far as its hooks tell."""
    runs_text: bool = False
    """What is typed at its prompt is run as a command: the town never types there."""
    dialog: Dialog | None = None
    """A question of its start-up about its own folder, as it stands on the screen now."""
    servers: tuple[str, ...] = ()
    """MCP servers that the repository names, when it asks about them."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How the last command of a key ended."""

    version: str
    ok: bool
    why: str = ""
    at: float = 0.0
    tries: int = 1
    """Failures in a row at this version."""
    since: float = 0.0
    """Of those, when the first was: seconds since the epoch."""
    is_lasting: bool = False
    """It failed for a reason that seldom mends itself: it is not tried for ever."""


class Now(msgspec.Struct, frozen=True, kw_only=True):
    """The time of a decision."""

    wall: float
    """Seconds since the epoch."""
    awake: float
    """Seconds on a clock that stands still while the machine sleeps or the town is frozen."""


class Town(msgspec.Struct, frozen=True, kw_only=True):
    """One moment of the town."""

    id: str
    wanted: str = "up"
    """up, paused, down or estop."""
    since: float = 0.0
    """Nobody is late for anything before this: when the town's state last changed, or the machine
    woke up."""
    limits: Limits = Limits()
    rigs: dict[str, Rig] = {}
    beads: dict[str, Bead] = {}
    """Work beads of all rigs that are not closed."""
    rig_of: dict[str, str] = {}
    """Bead to rig."""
    ready: frozenset[str] = frozenset()
    """Beads that nothing blocks."""
    agents: dict[str, Agent] = {}
    requests: dict[str, Request] = {}
    """Merge requests that have neither landed and been cleaned up, nor been dropped."""
    runs: dict[str, RunFact] = {}
    """By run id: the living ones, and ended ones that a record still points to."""
    convoys: dict[str, Convoy] = {}
    """Those that are open."""
    facts: dict[str, AgentFact] = {}
    """By agent address."""
    in_flight: frozenset[str] = frozenset()
    """Keys of commands that are being carried out."""
    outcomes: dict[str, Outcome] = {}
    is_full: bool = False
    """So little room is left on the disk that nothing is begun."""
    room: Room = Room()
    """How many sessions may start now, whatever the limits say."""
    resume_held: frozenset[str] = frozenset()
    """Agents that wait, after an absence, for the overseer's word to go on."""
