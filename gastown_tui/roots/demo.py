"""The demo town: made, filled with work, driven without a screen, counted, and removed."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from gastown_tui import protocol
from gastown_tui.adapters.daemons import ensure_host, host_running, stop_host
from gastown_tui.adapters.git import hub as git_hub
from gastown_tui.adapters.git import landing
from gastown_tui.adapters.git.run import Git
from gastown_tui.adapters.rig_git import CONFLICTS
from gastown_tui.adapters.runtime_dir import runtime_dir
from gastown_tui.adapters.sync_link import SyncLink
from gastown_tui.cli.rig_add import add_rig
from gastown_tui.cli.setup import make_town, write_commands
from gastown_tui.demo.sample import DemoBead, DemoPlan, make_sample, plan_work
from gastown_tui.domain import records
from gastown_tui.domain.errors import GastownError, Unavailable
from gastown_tui.domain.operations import AddDependency, Create, Operation, SetState
from gastown_tui.roots.town import open_books, town_config

RIG = "ledgerly"
_TICK_S = 0.25
_AGAIN_S = 3.0
"""After which a question that is still there is answered again."""
_SETTINGS = """
[limits]
max_working = {agents}
polecats = {agents}
gates = 2
idle_s = 20

[agents.demo.env]
GASTOWN_DEMO_SPEED = "{speed}"
"""


class DemoTown(msgspec.Struct, frozen=True, kw_only=True):
    """A demo town on disk."""

    home: Path
    """Holds everything: the sample repository and the town."""
    town: Path
    plan: DemoPlan
    ids: dict[str, str]
    """Key of the plan to id of the bead."""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What git, the process table and the test runner say about a demo that has ended."""

    agents: int
    """Authors of commits on the target."""
    beads: int
    landed: int
    rejected: int
    conflicts_resolved: int
    gate_runs: int
    seconds: float
    target: str
    is_linear: bool
    tests: str
    """The last line of the sample's tests on the target."""
    ok: bool
    why: str = ""


def make_demo(agents: int, *, seed: int, beads: int, speed: float, review: str) -> DemoTown:
    """Make the town and its work in a temporary folder; nothing runs yet."""
    home = Path(tempfile.mkdtemp(prefix="gastown-demo-"))
    try:
        sample = home / "ledgerly"
        make_sample(sample)
        settings = _SETTINGS.format(agents=agents, speed=speed)
        town = make_town(home / "town", "demo", extra=settings)
        text = (town / "town.toml").read_text("utf-8")
        (town / "town.toml").write_text(
            text.replace('# agent = "claude" ', 'agent = "demo" '), "utf-8"
        )
        write_commands(town)
        options = {"prefix": "led", "review": review, "land": "local"}
        gate = shlex.join([sys.executable, "-B", "-m", "unittest", "-q"])
        add_rig(town, RIG, str(sample), options, [gate])
        plan = plan_work(seed, beads)
        ids = _file_work(town, plan)
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise
    return DemoTown(home=home, town=town, plan=plan, ids=ids)


def _file_work(town: Path, plan: DemoPlan) -> dict[str, str]:
    """Every bead, slung, in one transaction; the convoys in another."""
    books = open_books(town)
    own = town_config(town).id
    everything = [*plan.epics, *plan.beads]
    operations: list[Operation] = [Create(bead=_fields(bead)) for bead in everything]
    for bead in everything:
        if bead.parent:
            operations.append(
                AddDependency(
                    bead=f"~{bead.key}", depends_on=f"~{bead.parent}", type="parent-child"
                )
            )
        operations += [
            AddDependency(bead=f"~{bead.key}", depends_on=f"~{need}") for need in bead.depends_on
        ]
        if bead.type != "epic":
            operations.append(SetState(bead=f"~{bead.key}", dimension="town", value=own))
            operations.append(SetState(bead=f"~{bead.key}", dimension="sling", value="any"))
    done = books.write_rig(RIG, operations, actor="overseer")
    ids = dict(zip((bead.key for bead in everything), done.ids, strict=True))
    for convoy in plan.convoys:
        mine = [ids[bead.key] for bead in plan.beads if bead.convoy == convoy.key]
        books.write_town([records.create_convoy(convoy.title, mine)], actor="overseer")
    books.town.close()
    for rig in books.rigs.values():
        rig.store.close()
    return ids


def _fields(bead: DemoBead) -> dict[str, Any]:
    return {
        "id": f"~{bead.key}",
        "title": bead.title,
        "description": bead.description,
        "acceptance_criteria": bead.acceptance,
        "issue_type": bead.type,
        "priority": bead.priority,
    }


def remove_demo(demo: DemoTown) -> None:
    """Stop everything of the town and take it away."""
    stop_host(demo.town)
    shutil.rmtree(runtime_dir(demo.town), ignore_errors=True)
    shutil.rmtree(demo.home, ignore_errors=True)


class Driver:
    """Plays the overseer of a demo town without a screen: keeps it up, answers questions."""

    def __init__(self, demo: DemoTown, say: Callable[[str], None]) -> None:
        self._demo = demo
        self._say = say
        self._link: SyncLink[protocol.FeedFrame] | None = None
        self._tables: dict[str, dict[str, protocol.TableRow]] = {}
        self._answered: dict[tuple[str, str], float] = {}
        """When a question was answered last: a process may have died on the way."""
        self._known: set[str] = set()
        self._is_up = False

    def run(self, longest_s: float) -> bool:
        """Until nothing is left to do; False when time ran out first."""
        until = time.monotonic() + longest_s
        while time.monotonic() < until:
            try:
                self._keep_up()
                self._follow()
                self._answer()
            except GastownError:
                self._drop()
                time.sleep(_TICK_S)
                continue
            if self._is_finished():
                self._drop()
                return True
        self._drop()
        return False

    def _drop(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None

    def _keep_up(self) -> None:
        if self._link is not None:
            return
        if not host_running(self._demo.town):
            ensure_host(self._demo.town)
        path = runtime_dir(self._demo.town) / "feed.sock"
        link = SyncLink(path, protocol.feed_decoder, role="cli", what="controller", timeout_s=3.0)
        self._link = link
        if not self._is_up:
            link.ask(protocol.Ask(req=link.next_req(), verb="up", actor="overseer"))
            self._is_up = True
        link.send(protocol.Follow())

    def _follow(self) -> None:
        """Take in what the feed says during one tick."""
        link = self._link
        if link is None:
            raise Unavailable("the controller has gone")
        until = time.monotonic() + _TICK_S
        while (left := until - time.monotonic()) > 0:
            try:
                frame = link.receive(left)
            except Unavailable as error:
                if "gone away" in str(error):
                    raise
                return
            if isinstance(frame, protocol.Snapshot):
                self._tables = {name: dict(rows) for name, rows in frame.tables.items()}
            elif isinstance(frame, protocol.Delta):
                self._apply(frame)

    def _apply(self, delta: protocol.Delta) -> None:
        for name, rows in delta.tables.items():
            table = self._tables.setdefault(name, {})
            for key, row in rows.items():
                if row is None:
                    table.pop(key, None)
                else:
                    table[key] = row
                    if name == "events" and key not in self._known:
                        self._known.add(key)
                        if row["kind"] in {"landed", "rejected", "rework-gate", "rework-conflict"}:
                            self._say(str(row["text"]))

    def _answer(self) -> None:
        """Say yes to permission questions, as a person would who knows the demo."""
        link = self._link
        for session, row in self._tables.get("agents", {}).items():
            question = (session, str(row.get("since")))
            tried = self._answered.get(question, -_AGAIN_S)
            is_early = time.monotonic() - tried < _AGAIN_S
            if row.get("needs") != "permission" or is_early or link is None:
                continue
            self._answered[question] = time.monotonic()
            hash_seen = str(row.get("rows_hash") or "")
            ask = protocol.Ask(
                req=link.next_req(), verb="approve_dialog", target=session, actor="overseer",
                arguments={"if_rows": hash_seen},
            )  # fmt: skip
            link.ask(ask)

    def _is_finished(self) -> bool:
        beads = self._tables.get("beads", {})
        mine = [self._demo.ids[bead.key] for bead in self._demo.plan.beads]
        rejected = {
            str(row["bead"]) for row in self._tables.get("mq", {}).values()
            if row["state"] == "rejected"
        }  # fmt: skip
        left = [
            bead for bead in mine
            if bead not in rejected and (beads.get(bead) or {}).get("status") != "closed"
        ]  # fmt: skip
        waiting = [row for row in self._tables.get("mq", {}).values() if row["state"] != "rejected"]
        return bool(beads) and not left and not waiting


def count(demo: DemoTown, seconds: float) -> Counts:
    """Count what has come of a demo, from git, the records of processes and the test runner."""
    hub = git_hub.open_hub(demo.town / RIG / "repo")
    git = Git(hub.path)
    target = hub.local_ref
    start = git.text("rev-parse", f"refs/remotes/origin/{hub.default}")
    tip = landing.target_tip(hub, target)
    authors = set(git.text("log", "--format=%an", f"{start}..{tip}").splitlines())
    kept = git.text("for-each-ref", "--format=%(refname)", "refs/gastown/landed").split()
    landed = {ref.rpartition("/")[2] for ref in kept}
    clashes = git.text("for-each-ref", "--format=%(refname)", CONFLICTS).split()
    resolved = {ref.split("/")[-2] for ref in clashes} & landed
    work = demo.home / "count"
    broken = [demo.ids[bead.key] for bead in demo.plan.beads if bead.breaks]
    rejected = sum(_branch_is_red(git, work, bead) for bead in broken)
    words, is_green = _tests(git, work, tip)
    runs = (demo.town / ".gastown" / "sessions" / "runs").glob("*.json")
    gate_runs = sum(
        row.kind == "gate" and row.code is not None
        for row in (msgspec.json.decode(path.read_bytes(), type=protocol.RunRow) for path in runs)
    )
    is_linear = landing.is_linear(hub, start, tip)
    expected = len(demo.plan.beads) - len(broken)
    problems = [
        text for is_bad, text in (
            (len(landed) != expected, f"{len(landed)} of {expected} changes have landed"),
            (rejected != len(broken), "the breaking change is not red on its own branch"),
            (not is_linear, "the target is not linear"),
            (not is_green, "the target fails its tests"),
        ) if is_bad
    ]  # fmt: skip
    return Counts(
        agents=len(authors), beads=len(demo.plan.beads), landed=len(landed), rejected=rejected,
        conflicts_resolved=len(resolved), gate_runs=gate_runs, seconds=round(seconds, 1),
        target=tip, is_linear=is_linear, tests=words, ok=not problems, why="; ".join(problems),
    )  # fmt: skip


def _branch_is_red(git: Git, work: Path, bead: str) -> bool:
    """Whether the branch that was handed in for a bead fails the sample's tests."""
    refs = git.text("for-each-ref", "--format=%(refname)", "refs/heads/polecat").split()
    mine = [ref for ref in refs if ref.rpartition("/")[2].startswith(f"{bead}@")]
    return any(not _tests(git, work, git.text("rev-parse", ref))[1] for ref in mine)


def _tests(git: Git, work: Path, commit: str) -> tuple[str, bool]:
    """The tests' last line at a commit, and whether they pass."""
    git.call("worktree", "add", "-q", "--force", "--detach", str(work), commit)
    try:
        done = subprocess.run(
            [sys.executable, "-B", "-m", "unittest"], cwd=work, capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip
    finally:
        git.call("worktree", "remove", "--force", str(work))
    lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
    ran = next((line for line in lines if line.startswith("Ran ")), "")
    return f"{ran}: {lines[-1] if lines else '?'}", done.returncode == 0
