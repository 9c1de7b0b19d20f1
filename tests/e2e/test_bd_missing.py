"""A rig whose beads `bd` keeps, on a machine without `bd`."""

from __future__ import annotations

import json

import pytest
from towns import Town, make_repo, wait_for


@pytest.mark.slow
def test_a_rig_whose_bd_is_missing_waits_alone_and_comes_back(town: Town, root):
    town.ok("rig", "add", "two", str(make_repo(root / "second")))
    lost = town.bead("later", rig="two")
    metadata = town.path / "two" / ".beads" / "metadata.json"
    metadata.write_text('{"backend":"dolt"}')
    town.extra["GASTOWN_BD"] = "/nonexistent/bd"
    done = town.run("up")
    assert done.returncode == 0, done.stderr
    town.start_agent()
    wait_for(lambda: "no /nonexistent/bd" in town.ok("status"))
    done = town.run("bead", "list", "--json")
    assert [row["title"] for row in json.loads(done.stdout) if row["id"].startswith("li-")]
    assert "two is left out: these beads are kept by bd" in done.stderr
    metadata.unlink()
    wait_for(lambda: "rig two" in town.ok("status"), 30)
    assert "PROBLEM" not in town.ok("status")
    assert lost in town.ok("bead", "list")
