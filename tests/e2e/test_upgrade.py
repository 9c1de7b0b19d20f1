"""Two builds: a town in the middle of work becomes the other one, and no agent notices."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
from pathlib import Path

import pytest

import gastown_tui
from gastown_tui.adapters.daemons import connect_host, host_running
from gastown_tui.protocol import HostStatus, ListRuns
from gastown_tui.roots.demo import Driver, count, make_demo, remove_demo

PACKAGE = Path(gastown_tui.__file__).parent
AGENTS = 12


@pytest.fixture
def other_build(tmp_path):
    """The command of a build whose version is 9.9.0, in an environment of its own."""
    code, env = tmp_path / "code", tmp_path / "env"
    shutil.copytree(PACKAGE, code / "gastown_tui", ignore=shutil.ignore_patterns("__pyc*"))
    shutil.copytree(PACKAGE.parent / "styles", code / "styles")
    own = code / "gastown_tui" / "__init__.py"
    own.write_text(own.read_text().replace(gastown_tui.__version__, "9.9.0"))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(env)], check=True)
    [packages] = env.glob("lib/python*/site-packages")
    (packages / "build.pth").write_text(f"{code}\n{sysconfig.get_path('purelib')}\n")

    def run(*arguments):
        command = [str(env / "bin" / "python"), "-m", "gastown_tui", *arguments]
        clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=tmp_path, env=clean
        )

    return run


def living(town):
    with connect_host(town) as link:
        runs = link.ask(ListRuns(req=link.next_req())).runs
        status = link.ask(HostStatus(req=link.next_req()))
    agents = {row.run: row.pid for row in runs if not row.ended and row.kind == "agent"}
    return agents, status


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_twelve_agents_in_the_middle_of_work_do_not_notice(other_build):
    demo = make_demo(AGENTS, seed=3, beads=24, speed=6, review="none")
    try:
        found = []
        work = threading.Thread(target=lambda: found.append(Driver(demo, print).run(200)))
        work.start()
        until = time.monotonic() + 60
        while not (host_running(demo.town) and len(living(demo.town)[0]) >= AGENTS):
            assert time.monotonic() < until, "the agents start"
            time.sleep(0.05)
        before, old = living(demo.town)
        done = other_build("--town", str(demo.town), "upgrade")
        assert done.returncode == 0, done.stderr
        assert "runs 9.9.0 now" in done.stdout
        after, new = living(demo.town)
        assert (new.pid, new.boot, new.build) == (old.pid, old.boot, "9.9.0")
        assert {d.pid for d in new.daemons}.isdisjoint({d.pid for d in old.daemons})
        same = before.items() & after.items()
        assert len(same) >= AGENTS // 2, "others have handed in meanwhile"
        with connect_host(demo.town) as link:
            rows = {r.run: r for r in link.ask(ListRuns(req=link.next_req(), ended_after=1)).runs}
        assert not [r for run in before if (r := rows[run]).ended and "host" in r.why]
        work.join()
        result = count(demo, 0)
        assert result.ok, result.why
        again = other_build("--town", str(demo.town), "upgrade", "--check")
        assert "The town runs 9.9.0, this is 9.9.0." in again.stdout
    finally:
        remove_demo(demo)
