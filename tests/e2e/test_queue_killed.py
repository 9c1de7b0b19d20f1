"""The queue gives everybody his due, however often the controller is killed meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import time

import psutil
import pytest
import tomlkit
from towns import wait_for

BRANCHES = {
    "one": {"1": "1\n"}, "two": {"2": "2\n"}, "red": {"red": "x\n"}, "mine": {"f": "mine\n"},
    "yours": {"f": "yours\n"}, "three": {"3": "3\n"},
}  # fmt: skip
"""What each changes; `red` fails the gates, and of `mine` and `yours` only one fits."""


def commit(hub, name, files):
    """A branch in the hub with one commit on the target."""

    def git(*args, **more):
        env = os.environ | {
            f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }  # fmt: skip
        env |= {"GIT_INDEX_FILE": str(hub.parent / "index")}
        done = subprocess.run(["git", "-C", str(hub), *args], env=env, check=True,
                              capture_output=True, text=True, **more)  # fmt: skip
        return done.stdout.strip()

    git("read-tree", "gastown/main")
    for path, text in files.items():
        blob = git("hash-object", "-w", "--stdin", input=text)
        git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
    made = git("commit-tree", git("write-tree"), "-p", "gastown/main", "-m", name)
    git("update-ref", f"refs/heads/{name}", made)


def rows(town):
    return {row["source"]: row for row in json.loads(town.ok("mq", "list", "--json"))}


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_controller_that_is_killed_again_and_again_blames_no_change(town):
    file = town.path / "lib" / "rig.toml"
    text = tomlkit.parse(file.read_text())
    text["gates"] = ["sleep 0.7", "test ! -f red"]
    file.write_text(tomlkit.dumps(text))
    hub = town.path / "lib" / "repo"
    for name, files in BRANCHES.items():
        commit(hub, name, files)
    town.ok("up")
    for name in BRANCHES:
        town.ok("mq", "submit", name)
    rng = random.Random(7)
    for _ in range(10):
        time.sleep(rng.uniform(0.4, 1.6))  # at any moment of a run
        with contextlib.suppress(psutil.NoSuchProcess):  # between two lives
            found = psutil.Process(town.daemon("controller"))
            assert str(town.path) in " ".join([*found.cmdline(), found.cwd()])
            found.kill()
    wait_for(lambda: town.run("status").returncode == 0, 30)
    wait_for(lambda: all(row["state"] == "rejected" for row in rows(town).values()), 90, 0.5)
    left = rows(town)
    assert set(left) in ({"red", "mine"}, {"red", "yours"})
    assert "exit 1" in left.pop("red")["why"]
    assert "conflicts in f" in left.popitem()[1]["why"]
    names = ["git", "-C", str(hub), "ls-tree", "--name-only", "gastown/main"]
    files = subprocess.run(names, check=True, capture_output=True, text=True).stdout.split()
    assert files == ["1", "2", "3", "f"]
