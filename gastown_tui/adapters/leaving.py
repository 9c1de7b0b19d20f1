"""Taking a rig or a town off the disk, and naming what others keep about it elsewhere."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from gastown_tui.adapters.agents.claude_registry import config_folder
from gastown_tui.adapters.daemons import connect_host, ensure_host, host_running, stop_host
from gastown_tui.adapters.git.sandbox import delete_trees
from gastown_tui.adapters.sync_link import SyncLink
from gastown_tui.adapters.used_towns import state_file
from gastown_tui.domain.errors import Unavailable
from gastown_tui.domain.leaving import is_session_of
from gastown_tui.protocol import Done, EndRun, Failed, HostFrame, ListRuns, RunRow, Runs
from gastown_tui.services.leaving import REASON

_ROUNDS = 5
_END_S = 40.0
_NOT_WORD = re.compile(r"[^A-Za-z0-9]")


def aside(town: Path, rig: str) -> Path:
    """Where a rig's folder waits to be deleted: out of the town's sight at one stroke."""
    return town / ".gastown" / "leaving" / rig


def put_aside(town: Path, rig: str) -> None:
    """Move a rig's folder out of the town; what an earlier try has moved goes first."""
    place = aside(town, rig)
    if not (town / rig).exists():
        return
    delete([place])
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    (town / rig).rename(place)


def delete(places: Iterable[Path]) -> None:
    """Delete files and folders; gone already is fine.

    Raises:
        Unavailable: one does not go, such as a file of another user.
    """
    folders = []
    for place in places:
        if place.is_dir() and not place.is_symlink():
            folders.append(place)
        else:
            place.unlink(missing_ok=True)
    left = delete_trees(folders)
    if left:
        raise Unavailable(f"{left[0]} cannot be deleted", hint="see whose its files are")


def private_places(town: Path, rig: str) -> list[Path]:
    """What the town keeps about a rig besides its folder: settings of sessions, guard, logs."""
    private = town / ".gastown"
    places = [private / "agents" / rig, private / "guard" / rig]
    for folder in (private / "sessions").glob("*/meta.json"):
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            meta = msgspec.json.decode(folder.read_bytes(), type=dict)
            if is_session_of(rig, str(meta.get("name", "")), {}):
                places.append(folder.parent)
    return places


def end_sessions(town: Path, rig: str) -> None:
    """End every session of a rig, those included that a host which has died left behind.

    Raises:
        Unavailable: a process of one does not end.
    """
    was_running = host_running(town)
    if not was_running:
        if not _left_behind(town):
            return
        ensure_host(town, daemons=())  # it fences what the last one left before anything else
    try:
        with connect_host(town) as link:
            _end_all(link, rig)
    finally:
        if not was_running:
            stop_host(town)


def stop_town(town: Path) -> None:
    """End every process of the town, whether its host runs or has died.

    Raises:
        Unavailable: a process does not end.
    """
    if not host_running(town) and _left_behind(town):
        ensure_host(town, daemons=())
    stop_host(town)


def _left_behind(town: Path) -> bool:
    """Whether the records have a run without an end."""
    for path in (town / ".gastown" / "sessions" / "runs").glob("*.json"):
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            if not msgspec.json.decode(path.read_bytes(), type=RunRow).ended:
                return True
    return False


def _end_all(link: SyncLink[HostFrame], rig: str) -> None:
    for _ in range(_ROUNDS):
        answer = link.ask(ListRuns(req=link.next_req()))
        runs = answer.runs if isinstance(answer, Runs) else []
        mine = [row for row in runs if not row.ended and is_session_of(rig, row.name, row.note)]
        if not mine:
            return
        for row in mine:
            ended = link.ask(EndRun(req=link.next_req(), run=row.run, reason=REASON), _END_S)
            if isinstance(ended, Failed) and ended.kind != "NotFound":
                raise Unavailable(ended.message, hint=ended.hint)
            assert isinstance(ended, Done | Failed)
    raise Unavailable(f"sessions of {rig} start as fast as they end")


def strange_files(folder: Path, ours: frozenset[str]) -> list[Path]:
    """What lies in a folder of the town and was not put there by us."""
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.name not in ours and not path.name.startswith(".repo.partial-")
    )


def claude_traces(place: Path, env: Mapping[str, str]) -> list[str]:
    """What Claude Code itself keeps about folders in `place`: only named, it is the person's."""
    config = config_folder(env)
    told = []
    settings = (
        config / ".claude.json"
        if env.get("CLAUDE_CONFIG_DIR")
        else Path(env.get("HOME", "")) / ".claude.json"
    )
    keys = _projects(settings)
    mine = [key for key in keys if Path(key) == place or place in Path(key).parents]
    if mine:
        told.append(f"{settings}: Claude's own entries for {', '.join(sorted(mine)[:3])}")
    slug = _NOT_WORD.sub("-", str(place))
    folders = [
        path
        for path in (config / "projects").glob("*")
        if path.name == slug or path.name.startswith(f"{slug}-")
    ]
    if folders:
        told.append(f"{config / 'projects'}/{slug}*: Claude's conversations ({len(folders)})")
    return told


def _projects(settings: Path) -> list[str]:
    try:
        found = json.loads(settings.read_bytes()).get("projects", {})
    except (OSError, ValueError, AttributeError):
        return []
    return [str(key) for key in found] if isinstance(found, dict) else []


def forget_town(town: Path, env: Mapping[str, str]) -> None:
    """Take a town out of the person's list of towns; an empty list goes too."""
    path = state_file(env)
    if path is None or not path.is_file():
        return
    try:
        listed = json.loads(path.read_bytes())
    except ValueError:
        return
    kept = [one for one in listed if one.get("town") != str(town.resolve())]
    if kept:
        beside = path.with_suffix(".new")
        beside.write_text(f"{json.dumps(kept)}\n", encoding="utf-8")
        beside.chmod(0o600)
        beside.replace(path)
        return
    path.unlink()
    drop_empty(path.parent)


def drop_empty(*folders: Path) -> None:
    """Remove folders that are empty; others stay."""
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def package_removal(prefix: Sequence[str] = ()) -> str:
    """The command that removes this program itself, by how it was installed."""
    parts = tuple(prefix) or Path(sys.prefix).parts
    if "pipx" in parts:
        return "pipx uninstall gastown-tui"
    if "uv" in parts and "tools" in parts:
        return "uv tool uninstall gastown-tui"
    return f"{shlex.quote(sys.executable)} -m pip uninstall gastown-tui"
