"""Ports as classes that remember what they were asked, and a bench that puts them together."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from gastown_tui import protocol
from gastown_tui.adapters.agents.catalogue_files import shipped_entries
from gastown_tui.adapters.store import init_store
from gastown_tui.domain import records
from gastown_tui.domain.agents.catalogue import load_entries
from gastown_tui.domain.config import RigConfig, TownConfig
from gastown_tui.domain.errors import Conflict, NotFound, Unavailable
from gastown_tui.domain.operations import Create, Hook, SetState
from gastown_tui.domain.town import Now
from gastown_tui.domain.workplaces import SetUp, Slot
from gastown_tui.services.books import Books, RigBooks
from gastown_tui.services.context import Context
from gastown_tui.services.controller import Controller
from gastown_tui.services.facts import Facts
from gastown_tui.services.feed import Feed
from gastown_tui.services.ports import Handed, Left, Stacked
from gastown_tui.services.ports_upstream import Tail, Unpublished
from gastown_tui.services.refinery import Refinery
from gastown_tui.services.runs import RunTable
from gastown_tui.services.verbs import Verbs
from gastown_tui.services.work import Work

NUX = "r/polecats/nux"


class FakeClock:
    def __init__(self):
        self.wall = 1_800_000_000.0

    def now(self):
        self.wall += 0.001
        return Now(wall=self.wall, awake=self.wall - 1_799_000_000.0)

    def hold(self, *, held):
        self.held = held

    def utc(self):
        self.wall += 0.001
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=self.wall)


class FakeHost:
    """Keeps sessions as rows; a gate's program ends when the test says so."""

    def __init__(self, table, clock):
        self.table, self.clock = table, clock
        self.spawned: list[protocol.Spawn] = []
        self.ended: list[tuple[str, str]] = []
        self.signals: list[tuple[str, int]] = []
        self.refuses = ""

    async def spawn(self, frame):
        await asyncio.sleep(0)
        if self.refuses:
            raise Unavailable(self.refuses)
        self.spawned.append(frame)
        row = protocol.RunRow(
            run=frame.run, name=frame.name, kind=frame.kind, key=frame.key, note=frame.note,
            started=self.clock.now().wall, pid=1,
        )  # fmt: skip
        self.table.update(row)
        return protocol.Spawned(req=0, run=frame.run, pid=1, started=row.started)

    def finish(self, run, code=0, why="exit"):
        row = self.table.rows[run]
        now = self.clock.now().wall
        self.table.update(msgspec.structs.replace(row, ended=now, code=code, why=why))

    async def end(self, *, run="", grace_s=2.0, reason=""):
        self.ended.append((run, reason))
        self.finish(run, None, f"ended: {reason}")
        return ""

    async def signal(self, run, signal, /, *, group=False):
        if self.table.rows[run].ended:
            raise Conflict("it has ended")
        self.signals.append((run, signal))


class FakeScreens:
    """A terminal that takes what is typed and says so."""

    def __init__(self):
        self.typed: list[tuple[str, bytes]] = []
        self.keys: list[tuple[str, str]] = []
        self.text = "1 failed"

    async def type_text(self, session, data, *, if_generation, if_rows):
        self.typed.append((session, data))
        return protocol.Typed(req=0, ok=True)

    async def peek(self, session, *, history=0):
        return protocol.Peeked(req=0, text=self.text)

    def key(self, session, key, text=""):
        self.keys.append((session, key))


class FakeNudger:
    """Every text arrives, unless the test says otherwise."""

    def __init__(self):
        self.said: list[tuple[str, str]] = []
        self.receipt = "submitted"
        self.waiting: list = []
        self.answers: list[tuple[str, str, str]] = []

    async def nudge(self, session, text, *, mode="now", patience_s=10.0, may_command=False):
        self.said.append((session, text))
        self.may_command = may_command
        return self.receipt

    def queue(self, session, text, done, *, mode="wait", may_command=False):
        self.waiting.append(done)

    async def answer(self, session, dialog, choice):
        self.answers.append((session, dialog.question, choice))
        return "submitted: No"


class FakeMachine:
    """Plenty of room, no secrets, unless the test says otherwise."""

    def __init__(self):
        self.files: dict[Path, dict[str, str]] = {}
        self.servers: list[str] = []
        self.room = 10**12
        self.missing: dict[str, str] = {}

    def secrets(self, path, /):
        if path not in self.files:
            raise NotFound(f"env_file {path}: not there")
        return self.files[path]

    def mcp_servers(self, folder, /):
        return self.servers

    def lacks(self, program, path, folder, /):
        return self.missing.get(program, "")

    def slot(self, worktree, town, env, /):
        return Slot(number=7, port_base=20_600)

    def free(self, path, /):
        return self.room


class FakeSigns:
    def registry(self, entry, pid, /):
        return None

    def hooks(self, session, wall, awake, /):
        return ()

    def prompts(self, session, /):
        return 0

    def resumption(self, session, /):
        return 0, 0.0

    def usage(self, entry, session, /):
        class Sum:
            total = 0

        return Sum(), 0.0

    def can_resume(self, entry, session, /):
        return bool(session.conversation)


class FakeTested:
    """Knows the target to be green, and what it is told."""

    def __init__(self, git):
        self.git, self.green, self.knows_target = git, set(), True

    def is_green(self, commit):
        return commit in self.green or (self.knows_target and commit == self.git.tip)

    def note_green(self, commit):
        self.green.add(commit)

    def forget(self, commit):
        self.green.discard(commit)


class FakeUpstream:
    """A remote of names, that refuses and moves when the test says so."""

    def __init__(self, git):
        self.git, self.new = git, ""
        self.tail = Tail(old="base000", upstream="up11111", tip="tail111", count=2)
        self.raises: dict[str, Exception] = {}
        self.there = Unpublished(tip="base000", upstream="up00000", origin="u", pushable=True)
        self.pushed: dict[str, str] = {}
        self.merged: set[str] = set()
        self.on_top = True
        self.found = ("the hub", "mq/x", Handed(tip="c9c9c9c9c9", base="base000", commits=1))

    def _call(self, name, *args):
        self.git.calls.append((name, *args))
        if name in self.raises:
            raise self.raises[name]

    def moved(self):
        return self.new

    def unpublished(self):
        return self.there

    def rebase_tail(self, worktree):
        self._call("rebase_tail")
        return self.tail

    def take_tail(self, tail):
        self._call("take_tail", tail.tip)
        self.git.tip, self.new = tail.tip, ""

    def publish(self, tip, branch):
        self._call("publish", tip, branch)

    def push_branch(self, branch, commit):
        self._call("push_branch", branch, commit)
        self.pushed[branch] = commit

    def tip_there(self, branch):
        self._call("tip_there", branch)
        return self.pushed.get(branch, "")

    def has_merged(self, commit):
        self._call("has_merged", commit)
        return commit in self.merged

    def is_on_top(self, commit):
        return self.on_top

    def accept(self):
        self._call("accept")
        return self.git.tip

    def let_go(self, branch, landed, submitted, request):
        self._call("let_go", branch)

    def adopt(self, branch, key):
        self._call("adopt", branch)
        return self.found


class FakeGit:
    """Names instead of commits; what goes wrong is set by the test."""

    def __init__(self):
        self.calls: list[tuple] = []
        self.tip, self.handed = "base000", Handed(tip="c1c1c1c1c1", base="base000", commits=1)
        self.conflicts: dict[str, tuple[str, ...]] = {}
        self.clean_tree, self.elsewhere = True, False
        self.raises: dict[str, Exception] = {}
        self.kept = ""
        self.left = Left()
        self.set_up = SetUp()
        self.tested, self.upstream = FakeTested(self), FakeUpstream(self)
        self.same, self.review = False, self
        self.folders: list[Path] = []

    def _call(self, name, *args):
        self.calls.append((name, *args))
        if name in self.raises:
            raise self.raises[name]

    def refresh(self, *, fetch):
        return self.tip

    def prepare(self, sandbox, branch, start=""):
        self._call("prepare", branch, start)
        return self.tip

    def undo(self, sandbox, branch):
        self._call("undo", branch)

    def copy_in(self, worktree):
        self._call("copy_in", worktree.name)

    def set_up_of(self, worktree):
        return self.set_up

    def branch_for(self, agent, bead, token):
        return f"polecat/{agent}/{bead}@{token}"

    def agent_env(self, sandbox, branch):
        return {}

    def hand_in(self, sandbox, branch, base, agent):
        self._call("hand_in", branch)
        return self.handed

    def commit_left(self, sandbox, branch, agent):
        self._call("commit_left", branch, agent)
        return self.left

    def evidence_tree(self, worktree, commit):
        self._call("evidence_tree", commit)

    def stack(self, worktree, base, requests):
        self._call("stack", *[one[0] for one in requests])
        commits = {one: f"landed-{tip}" for one, tip, *_ in requests if one not in self.conflicts}
        return Stacked(base=base, tip="new1111", commits=commits, conflicts=self.conflicts)

    def is_elsewhere(self, worktree, commit):
        return self.elsewhere

    def differs(self, worktree, commit):
        return "" if self.clean_tree else "cov.xml"

    def land(self, new, old, message):
        self._call("land", new, old)
        self.tip = new

    def note_conflict(self, request, attempt, tip):
        self._call("note_conflict", request)

    def clean(self, sandbox, branch, submitted, landed, request):
        self._call("clean", branch)
        return self.kept

    def put_away(self, sandbox, branch, agent):
        self._call("put_away", branch)
        return self.kept

    def diff(self, base, tip):
        return "diff"

    def diff_since(self, old, new):
        self._call("diff_since", old, new)
        return "since"

    def checkout(self, path, commit, request):
        self._call("checkout", path, commit, request)

    def checked_out(self, request, *, discard):
        return list(self.folders)

    def end_checkouts(self, request, *, discard):
        self._call("end_checkouts", request, discard)
        return list(self.folders)

    def is_same_change(self, old, new):
        self._call("is_same_change", old, new)
        return self.same

    def sandbox_diff(self, sandbox, base):
        return "diff"


class Bench:
    """A controller without processes, over real stores in a folder."""

    def __init__(self, folder: Path, /, **rig):
        self.clock = FakeClock()
        self.table = RunTable(lambda: None)
        self.host, self.screens = FakeHost(self.table, self.clock), FakeScreens()
        self.git, self.machine = FakeGit(), FakeMachine()
        self.town_store = init_store(folder / ".beads", "hq")
        self.rig_store = init_store(folder / "r" / ".beads", "gt")
        settings = {"name": "r", "prefix": "gt", "upstream": "u", "gates": ["test"]}
        self.config = RigConfig(**(settings | rig))
        books = {"r": RigBooks(config=self.config, store=self.rig_store)}
        self.town_store.apply([records.create_town(), records.create_rig("r"), *records.change_town("up", "me", "")],
                              actor="me")  # fmt: skip
        self.context = Context(
            town=folder, config=TownConfig(id="t", agent="demo"),
            books=Books(self.town_store, books), host=self.host, screens=self.screens,
            git={"r": self.git}, entries=load_entries(shipped_entries(), {}), clock=self.clock,
            run_table=self.table, person_env={"PATH": "/usr/bin:/bin", "HOME": "/srv/ann"},
            machine=self.machine,
        )  # fmt: skip
        self.start()

    def start(self):
        """A new controller, with the books read anew."""
        context, signs = self.context, FakeSigns()
        context.books = Books(self.town_store, {"r": RigBooks(config=self.config,
                                                              store=self.rig_store)})  # fmt: skip
        self.facts = Facts(context, signs, lambda: None)
        self.nudger = FakeNudger()
        self.feed = Feed(context, self.facts)
        self.work = Work(context, self.nudger, signs.can_resume)
        self.refinery = Refinery(context)
        self.controller = Controller(
            context, self.facts, self.work, self.refinery, self.feed.publish
        )
        self.went_on: list[frozenset[str]] = []
        self.verbs = Verbs(context, self.facts, self.nudger, lambda: None, self.went_on.append,
                           self._mayor)  # fmt: skip
        context.sync()

    async def _mayor(self):
        return "open"

    @property
    def books(self):
        return self.context.books

    def bead(self, number=1, **fields):
        name = f"gt-{number}"
        self.rig_store.apply([Create(bead={"id": name, "title": name} | fields)], actor="me")
        self.context.sync()
        return name

    def sling(self, bead="gt-1"):
        self.rig_store.apply(
            [SetState(bead=bead, dimension="town", value="t"),
             SetState(bead=bead, dimension="sling", value="any")], actor="me",
        )  # fmt: skip
        self.context.sync()

    def done(self, bead="gt-1", token="d1"):
        self.rig_store.apply([SetState(bead=bead, dimension="done", value=token)], actor="agent")
        self.context.sync()

    def hook(self, bead="gt-1", agent=NUX):
        self.rig_store.apply([Hook(bead=bead, assignee=agent, town="t")], actor="me")
        self.context.sync()

    async def settle(self, looks=30):
        """Look, decide and carry out, until nothing more is decided."""
        for _ in range(looks):
            before = self.town_store.last_change, self.rig_store.last_change
            self.controller._look()
            tasks = list(self.controller._tasks.values())
            await asyncio.gather(*tasks)
            if not tasks and (self.town_store.last_change, self.rig_store.last_change) == before:
                return
            self.clock.wall += 3.0
        raise AssertionError("it goes on and on")

    def request(self, bead="gt-1"):
        return next(one for one in self.books.requests.values() if one.bead == bead)

    def gate(self):
        return next(row.run for row in self.table.rows.values() if row.kind == "gate"
                    and not row.ended)  # fmt: skip

    def kinds(self):
        return [bead.event_kind for bead in self.books.events.values()]

    async def ask(self, verb, target="", session=None, **arguments):
        return await self.verbs.ask(verb, target, arguments, actor="overseer", session=session)

    def close(self):
        self.town_store.close()
        self.rig_store.close()
