"""The demo town as a whole: everything that can land lands, whatever is killed on the way."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from gastown_tui.adapters.daemons import connect_host, stop_host
from gastown_tui.adapters.git import hub as git_hub
from gastown_tui.adapters.git import landing
from gastown_tui.domain.errors import GastownError
from gastown_tui.protocol import HostStatus
from gastown_tui.roots.demo import RIG, Driver, count, make_demo, remove_demo

KILLS_OF_EACH = 5
IN_PROGRESS = 10


def is_green(repo: Path, commit: str, place: Path) -> bool:
    subprocess.run(
        ["git", "-C", str(repo), "worktree", "add", "-q", "--detach", "-f", str(place), commit],
        check=True,
    )
    try:
        command = [sys.executable, "-B", "-m", "unittest", "-q"]
        done = subprocess.run(command, cwd=place, capture_output=True, check=False)
        return done.returncode == 0
    finally:
        subprocess.run(
            ["git", "-C", str(repo), "worktree", "remove", "--force", str(place)], check=True
        )


def every_value_passed(demo, tmp_path) -> int:
    """Run the sample's tests on every value the target has taken."""
    hub = git_hub.open_hub(demo.town / RIG / "repo")
    values = [entry.sha for entry in landing.reflog_values(hub, hub.local_ref)]
    red = [one for one in values if not is_green(hub.path, one, tmp_path / "value")]
    assert red == []
    return len(values)


def carriers(town: Path) -> dict[str, list[tuple[int, str]]]:
    """Bead to the agents' own processes that carry it now."""
    found: dict[str, list[tuple[int, str]]] = {}
    for process in psutil.process_iter(["pid", "cmdline", "environ", "status"]):
        line, env = process.info["cmdline"] or [], process.info["environ"] or {}
        is_agent = "gastown_tui.demo.agent" in line and env.get("GASTOWN_TOWN") == str(town)
        if is_agent and process.info["status"] != psutil.STATUS_ZOMBIE:
            place = found.setdefault(env.get("GASTOWN_BEAD", ""), [])
            place.append((process.info["pid"], env.get("GASTOWN_RUN", "")))
    return found


class Sampler(threading.Thread):
    """Looks again and again whether two processes carry one bead."""

    def __init__(self, town: Path):
        super().__init__(daemon=True)
        self.town, self.doubles, self.looks, self.now = town, [], 0, {}
        self._ended = threading.Event()

    def run(self):
        while not self._ended.wait(0.1):
            self.now = carriers(self.town)
            self.looks += 1
            self.doubles += [(b, p) for b, p in self.now.items() if b and len(p) > 1]

    def end(self):
        self._ended.set()
        self.join()


def pid_of(town: Path, what: str, sampler: Sampler, rng: random.Random) -> int:
    if what == "agent":
        pids = [pid for places in sampler.now.values() for pid, _ in places]
        return rng.choice(pids) if pids else 0
    with connect_host(town, 2.0) as link:
        if what == "host":
            return link.welcome.pid
        status = link.ask(HostStatus(req=link.next_req()))
        return next((row.pid for row in status.daemons if row.name == what), 0)


def kill_at_random(town: Path, sampler: Sampler, rng: random.Random, log: list) -> None:
    """SIGKILL each kind of process five times, always with enough work in progress."""
    todo = ["agent", "screens", "controller", "host"] * KILLS_OF_EACH
    rng.shuffle(todo)
    until = time.monotonic() + 240
    while todo and time.monotonic() < until:
        time.sleep(rng.uniform(0.2, 1.2))
        if len(sampler.now) < IN_PROGRESS:
            continue
        try:
            pid = pid_of(town, todo[-1], sampler, rng)
            if pid:
                os.kill(pid, signal.SIGKILL)
                log.append((todo.pop(), pid))
        except (GastownError, ProcessLookupError):
            continue


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_twenty_four_agents_land_all_they_should(tmp_path):
    demo = make_demo(24, seed=3, beads=40, speed=20, review="none")
    try:
        assert Driver(demo, print).run(240)
        result = count(demo, 0)
        assert result.ok, result.why
        assert (result.landed, result.rejected) == (39, 1)
        assert every_value_passed(demo, tmp_path) > 10
    finally:
        remove_demo(demo)


@pytest.mark.timeout(600)
@pytest.mark.slow
def test_it_ends_the_same_whatever_is_killed(tmp_path):
    demo = make_demo(24, seed=5, beads=40, speed=3, review="none")
    sampler, log = Sampler(demo.town), []
    try:
        sampler.start()
        killer = threading.Thread(
            target=kill_at_random, args=(demo.town, sampler, random.Random(5), log), daemon=True
        )
        killer.start()
        assert Driver(demo, print).run(500)
        killer.join()
        sampler.end()
        print("killed:", log, "looks:", sampler.looks)
        kinds = [kind for kind, _ in log]
        assert all(kinds.count(kind) >= KILLS_OF_EACH for kind in set(kinds)), log
        assert len(set(kinds)) == 4
        assert sampler.doubles == []
        result = count(demo, 0)
        assert result.ok, result.why
        every_value_passed(demo, tmp_path)
    finally:
        sampler.end()
        if os.environ.get("GASTOWN_KEEP_DEMO"):
            stop_host(demo.town)
        else:
            remove_demo(demo)


@pytest.mark.timeout(180)
def test_a_small_demo_from_the_command_line():
    done = subprocess.run(
        [sys.executable, "-m", "gastown_tui", "demo", "--headless", "--agents", "4", "--beads",
         "8", "--json"],
        capture_output=True, text=True, timeout=170, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["landed"], found["rejected"], found["is_linear"]) == (7, 1, True)
