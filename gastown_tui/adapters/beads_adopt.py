"""The beads that a project tracks in `.beads/`: they become its rig's, once, when it is added.

From then on the rig's directory is the one that lives: sandboxes leave the project's out, and a
change to it is not handed in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec

from gastown_tui.adapters.git.hub import HubInfo
from gastown_tui.adapters.git.run import Git
from gastown_tui.adapters.store import open_store
from gastown_tui.adapters.store.location import usual_prefix
from gastown_tui.domain import ids

_FILE = ".beads/issues.jsonl"
_CONFIG = ".beads/config.yaml"


class Tracked(msgspec.Struct, frozen=True, kw_only=True):
    """A project's own beads."""

    prefix: str
    """Of most of their ids."""
    lines: bytes
    config: bytes = b""


def tracked_beads(hub: HubInfo) -> Tracked | None:
    """The beads at the upstream's tip; None when it tracks none."""
    git = Git(hub.path).online()
    tip = hub.upstream_ref
    lines = _blob(git, tip, _FILE)
    prefix = prefix_in(lines)
    if not prefix:
        return None
    return Tracked(prefix=prefix, lines=lines, config=_blob(git, tip, _CONFIG))


def prefix_in(lines: bytes) -> str:
    """The prefix of most ids in the text of an `issues.jsonl`, which may be cut; empty if none."""
    prefix = usual_prefix(_ids(lines))
    return prefix if ids.is_prefix(prefix) else ""


def adopt(tracked: Tracked, beads: Path, prefix: str) -> int:
    """Make a rig's beads directory of them; how many beads it has then.

    Args:
        tracked: what the project tracks.
        beads: the directory, which has no beads yet.
        prefix: of the rig's new beads.
    """
    beads.mkdir(parents=True, exist_ok=True)
    config = tracked.config.decode("utf-8", "replace")
    if "issue-prefix" not in config:
        config = f'{config.rstrip()}\nissue-prefix: "{prefix}"\n'.lstrip()
    (beads / "config.yaml").write_text(config, encoding="utf-8")
    (beads / "issues.jsonl").write_bytes(tracked.lines)
    store = open_store(beads, prefix=prefix)
    try:
        store.absorb()
        return len(store.list(include_closed=True))
    finally:
        store.close()


def _blob(git: Git, commit: str, path: str) -> bytes:
    entry = git.call("ls-tree", "-z", "--full-tree", commit, "--", path).out
    if not entry.startswith(b"100"):  # none, or a link
        return b""
    return git.call("cat-file", "blob", f"{commit}:{path}").out


def _ids(lines: bytes) -> Iterator[str]:
    for line in lines.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and isinstance(found.get("id"), str):
            yield found["id"]
