"""A town with shells as agents in the nasty repository, and in one of 100,000 files."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest
import tomlkit
from towns import Town, wait_for

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))

import nasty as nasties

ONE, TWO = "app/polecats/furiosa", "app/polecats/nux"
MANY = 100_000


def add(town: Town, nasty: nasties.Nasty, land: str, run: list[str]) -> None:
    """Add the repository by its path, with what its sandboxes need."""
    town.extra |= {"HOME": str(nasty.home)}
    town.ok("rig", "add", "app", str(nasty.path), "--gate", nasty.gate, "--review", "none",
            "--land", land, timeout=300)  # fmt: skip
    file = town.path / "app" / "rig.toml"
    text = tomlkit.parse(file.read_text())
    text["setup"] = {"copy": [".env"], "run": run}
    file.write_text(tomlkit.dumps(text))


def closed(town: Town, *beads: str) -> bool:
    rows = [json.loads(town.ok("bead", "show", bead, "--json"))[0] for bead in beads]
    return all(row["status"] == "closed" for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize("land", ["local", "push"])
def test_two_shells_that_stash_at_once_land_beside_each_other(town, root, land):
    nasty = nasties.make(root / "n")
    if land == "push":  # main is protected
        nasty.git("symbolic-ref", "HEAD", "refs/heads/develop", at=nasty.remote)
    add(town, nasty, land, ["git config core.hooksPath .husky"])
    town.ok("up")
    beads = [town.bead(title, rig="app") for title in ("first", "second")]
    for bead, session in zip(beads, (ONE, TWO), strict=True):
        town.ok("sling", bead)
        wait_for(lambda session=session: session in town.ok("session", "list"))
    stash = (
        "printf '{0}   \\n' >{0}.txt; git add .; git stash; git commit -qm 'Add {0}'; gastown done"
    )
    for name, session in (("one", ONE), ("two", TWO)):
        out = town.inside(stash.format(name), session)
        assert "no stash here" in out, out
        assert "is handed in" in out, out
    wait_for(lambda: closed(town, *beads), 60)
    place, ref = (
        (town.path / "app" / "repo", "gastown/main") if land == "local"
        else (nasty.remote, "develop")
    )  # fmt: skip
    for name in ("one", "two"):
        assert nasty.git("show", f"{ref}:{name}.txt", at=place) == name
    newest = nasty.git("log", "-2", "--format=%H", ref, at=place).split()
    assert [nasty.verified(one, place) for one in newest] == ["G", "G"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_hundred_thousand_files(town, root, capsys):
    nasty = nasties.make(root / "n", files=MANY)
    took = {}
    start = time.monotonic()
    add(town, nasty, "local", [])
    took["rig add"], start = time.monotonic() - start, time.monotonic()
    town.ok("up")
    bead = town.bead("first", rig="app")
    town.ok("sling", bead)
    wait_for(lambda: ONE in town.ok("session", "list"), 120)
    took["sandbox"], start = time.monotonic() - start, time.monotonic()
    town.inside("echo one >one.txt; git add one.txt; git commit -qm One; gastown done", ONE, 120)
    took["work"], start = time.monotonic() - start, time.monotonic()
    wait_for(lambda: closed(town, bead), 300, 0.5)
    took["landing"] = time.monotonic() - start
    with capsys.disabled():
        print("\n100,000 files:", ", ".join(f"{what} {s:.1f} s" for what, s in took.items()))
    assert sum(took.values()) < 300
