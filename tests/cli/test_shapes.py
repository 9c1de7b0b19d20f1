"""docs/shapes.md says what the code prints: every documented column, and no other."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from gastown_tui import protocol
from gastown_tui.adapters.runtime_dir import runtime_dir
from gastown_tui.adapters.sync_link import SyncLink
from gastown_tui.roots.demo import RIG, Counts, make_demo, remove_demo

pytestmark = pytest.mark.timeout(120)
DOCS = Path(__file__).resolve().parents[2] / "docs" / "shapes.md"
_AND_MORE = {
    "gastown mq list --json": "Table mq",
    "gastown convoy show ID --json": "Table convoys",
}
"""Verbs that print the columns of a table and those below their own heading."""
_ROW = re.compile(r"\| `(\w+)` \|")


def documented():
    """Heading to its columns: those of the table right below it."""
    found: dict[str, list[str]] = {}
    heading = ""
    for line in DOCS.read_text("utf-8").splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ").replace("`", "")
        elif row := _ROW.match(line):
            found.setdefault(heading, []).append(row[1])
    return found


class Town:
    """A small demo town that runs, and verbs in it."""

    def __init__(self):
        self.made = make_demo(2, seed=1, beads=8, speed=20.0, review="required")
        self.town = self.made.town
        self.env = {key: value for key, value in os.environ.items() if "GASTOWN" not in key}
        self.env |= {"GASTOWN_TOWN": str(self.town)}

    def run(self, *arguments, **env):
        done = subprocess.run(
            [sys.executable, "-m", "gastown_tui", *arguments], env=self.env | env,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *arguments, **env):
        return json.loads(self.run(*arguments, "--json", **env))

    def tables(self):
        path = runtime_dir(self.town) / "feed.sock"
        with SyncLink(path, protocol.feed_decoder, role="cli", what="controller") as link:
            link.send(protocol.Follow())
            while not isinstance(frame := link.receive(), protocol.Snapshot):
                pass
        return frame.tables

    def until_in_review(self):
        end = time.monotonic() + 60
        while not any(row["state"] == "review" for row in self.tables()["mq"].values()):
            assert time.monotonic() < end, "no change came as far as review"
            time.sleep(0.2)


@pytest.fixture(scope="module")
def town():
    made = Town()
    try:
        made.run("up")
        made.until_in_review()
        made.run("notify", "try it")
        yield made
    finally:
        remove_demo(made.made)


def check(heading, rows):
    pages = documented()
    wanted = pages[heading] + pages.get(_AND_MORE.get(heading, ""), [])
    assert len(wanted) == len(set(wanted)), f"{heading} names a column twice"
    rows = rows if isinstance(rows, list) else [rows]
    assert rows, f"there is no row to compare {heading} with"
    for row in rows:
        assert set(row) == set(wanted), heading


_FED = ["town", "rigs", "agents", "beads", "mq", "convoys", "events", "notices"]


@pytest.mark.parametrize("table", _FED)
def test_the_tables_of_the_feed_are_as_documented(town, table):
    check(f"Table {table}", list(town.tables()[table].values()))


def test_what_verbs_print_is_as_documented(town):
    tables = town.tables()
    check("gastown status --json", town.json("status"))
    check("Table agents", town.json("agents"))
    check("Table events", town.json("events"))
    check("gastown mq list --json", town.json("mq", "list"))
    check("Table convoys", town.json("convoy", "list"))
    check(
        "gastown convoy show ID --json", town.json("convoy", "show", next(iter(tables["convoys"])))
    )
    check("gastown session list --json", town.json("session", "list"))
    agent = next(iter(tables["agents"]))
    check("gastown peek NAME --json", town.json("peek", agent))
    check("gastown agents explain NAME --json", town.json("agents", "explain", agent))
    check("gastown agents explain NAME --json", town.json("agents", "explain"))
    bead = town.json("bead", "create", "One more", "--rig", RIG)
    assert set(documented()["Beads"]) >= set(bead)
    check("gastown bead fold --json", town.json("bead", "fold", "--rig", RIG))


def test_what_agents_are_told_is_as_documented(town):
    row = next(row for row in town.tables()["agents"].values() if row["bead"])
    me = {"GASTOWN_AGENT": row["session"], "GASTOWN_RIG": row["rig"]}
    check("gastown hook --json", town.json("hook", **me))
    check("gastown prime --json", town.json("prime", **me))


def test_the_counts_of_a_demo_are_as_documented():
    check(
        "gastown demo --headless --json", {each.name: 0 for each in msgspec.structs.fields(Counts)}
    )


def test_the_receipt_of_a_nudge_is_as_documented(town):
    row = next(row for row in town.tables()["agents"].values() if row["alive"])
    check("gastown nudge AGENT TEXT --json", town.json("nudge", row["session"], "thanks"))


def test_what_is_found_of_machine_and_project_is_as_documented(town, tmp_path):
    found = town.json("doctor")
    check("gastown doctor --json", found)
    check("A finding", found["findings"])
    path = str(tmp_path / "project")
    subprocess.run(["git", "init", "-q", path], check=True)
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(
        ["git", "-C", path, *who, "commit", "-q", "--allow-empty", "-m", "x"], check=True
    )
    found = town.json("rig", "add", "other", path, "--dry-run")
    check("gastown rig add NAME SOURCE --dry-run --json", found)
    check("A finding", [one | {"part": ""} for one in found["findings"]])
    check("Facts of a project", found["facts"])
    seen = next(line for line in DOCS.read_text().splitlines() if line.startswith("| `setup` |"))
    assert all(f"`{key}`" in seen for key in found["facts"]["setup"])
