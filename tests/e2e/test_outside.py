"""What another program writes to a bead file while the town runs is soon on the feed."""

from __future__ import annotations

import json
import subprocess

from towns import wait_for

from gastown_tui.cli.common import tables


def test_an_edit_of_the_file_is_on_the_feed(living):
    bead = living.bead("before")
    file = living.path / "lib" / ".beads" / "issues.jsonl"
    committed = ["git", "-C", str(file.parent), "show", "HEAD:issues.jsonl"]
    wait_for(
        lambda: bead.encode() in subprocess.run(committed, check=False, capture_output=True).stdout
    )
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    for row in rows:
        if row["id"] == bead:
            row |= {"title": "after", "updated_at": "2099-01-01T00:00:00Z"}
    new = file.with_name("theirs")
    new.write_text("".join(json.dumps(row) + "\n" for row in rows))
    new.replace(file)
    wait_for(lambda: tables(living.path)["beads"][bead]["title"] == "after", 8.0)
    wait_for(lambda: f"{bead} (title)" in living.ok("events"), 8.0)
