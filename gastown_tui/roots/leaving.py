"""Takes a rig or a town away: looks at what would be lost, and removes all that is ours.

Every step may be done again, so a removal that was killed is finished by the same call. A rig goes
in this order: its settings get another name (no controller opens it again), the controller lets go
of it, its sessions end, its folder is moved aside at one stroke, its records are closed, and what
was moved aside is deleted.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from gastown_tui.adapters.daemons import find_runtime
from gastown_tui.adapters.git.checkouts import checkouts, end_checkout, own_work
from gastown_tui.adapters.git.hub import open_hub
from gastown_tui.adapters.git.survey import pushed_branches, survey
from gastown_tui.adapters.leaving import (
    aside,
    claude_traces,
    delete,
    drop_empty,
    end_sessions,
    forget_town,
    private_places,
    put_aside,
    stop_town,
    strange_files,
)
from gastown_tui.adapters.locks import take_lock
from gastown_tui.adapters.ports import drop_slots
from gastown_tui.adapters.teardown import tear_down_all
from gastown_tui.adapters.town_files import BEADS_NAME, RIG_FILE, TOWN_FILE, rig_prefix
from gastown_tui.domain.config import RigConfig, read_rig
from gastown_tui.domain.errors import GastownError
from gastown_tui.domain.leaving import (
    MARK,
    OURS,
    TOWN_OURS,
    Leaving,
    Unlanded,
    farewell,
    work_left,
)
from gastown_tui.roots.town import rig_config, rig_store, town_config, town_store
from gastown_tui.services.books import Books
from gastown_tui.services.leaving import known_records

Check = Callable[[Leaving], None]
"""Raises when what it is shown must not be lost."""


def remove_rig(
    town: Path,
    name: str,
    env: Mapping[str, str],
    *,
    actor: str,
    may: Check,
    let_go: Callable[[], None],
) -> Leaving:
    """Take a rig out of a town.

    Args:
        town: its folder.
        name: of the rig.
        env: the person's environment.
        actor: who does it.
        may: asked before anything happens, and again when the last session has ended.
        let_go: has the controller forget the rig, if one runs.

    Returns:
        What it held, and what is left outside.

    Raises:
        NotFound: there is no such rig.
        GastownError: it may not be, or cannot be; it stays, or the same call goes on.
    """
    found = Leaving()
    home = town / name
    if _settings_file(home).exists():
        found = survey_rig(town, name, env)
        try:
            may(found)
            _rename(home / RIG_FILE, home / MARK)
            let_go()
            end_sessions(town, name)
            found = survey_rig(town, name, env)  # an agent may have worked on until now
            may(found)
        except BaseException:
            _rename(home / MARK, home / RIG_FILE)
            raise
        found = _undone(town, name, env, found)
        put_aside(town, name)
    elif not aside(town, name).exists():
        rig_config(town, name)  # raises, and says which rigs there are
    _close_records(town, name, actor)
    delete([*private_places(town, name), aside(town, name)])
    drop_empty(aside(town, name).parent)
    return found


def remove_town(town: Path, env: Mapping[str, str], *, may: Check) -> Leaving:
    """Take a town away; `may` is asked again when its last session has ended.

    Returns:
        What it held, and what is left outside.

    Raises:
        GastownError: it may not be, or cannot be; the same call goes on.
    """
    stop_town(town)
    (town / ".gastown").mkdir(mode=0o700, exist_ok=True)
    lock = take_lock(town / ".gastown" / "host.lock", "host")  # nobody starts it now
    try:
        found = survey_town(town, env)
        may(found)
        _take_apart(town, env)
    finally:
        os.close(lock)
    left = [f"{path}: not ours" for path in strange_files(town, frozenset())]
    return Leaving(unlanded=found.unlanded, outside=(*found.outside, *left))


def _take_apart(town: Path, env: Mapping[str, str]) -> None:
    """Delete a town of which nothing runs, `town.toml` last: until then it is found again."""
    for name in rigs_of(town):
        _undone(town, name, env, Leaving())
        put_aside(town, name)
    runtime = find_runtime(town)
    delete([runtime])
    drop_empty(runtime.parent)
    forget_town(town, env)
    delete(town / name for name in sorted(TOWN_OURS - {TOWN_FILE, ".gastown"}))
    delete([town / ".gastown"])
    delete([town / TOWN_FILE])
    drop_empty(town)


def _undone(town: Path, name: str, env: Mapping[str, str], found: Leaving) -> Leaving:
    """Take back what a rig has outside of its folder: set-up, ports, checkouts; what was found.

    What cannot be taken back is told as left outside.
    """
    home = town / name
    left: list[str] = []
    with contextlib.suppress(GastownError, OSError):  # settings or a hub nobody can read
        left += tear_down_all(town, _settings(home, name), env)
        hub = open_hub(home / "repo")
        for path in checkouts(hub):
            end_checkout(hub, path)
    with contextlib.suppress(OSError):
        drop_slots(home, env, town)
    return Leaving(unlanded=found.unlanded, outside=(*found.outside, *left))


def rigs_of(town: Path) -> list[str]:
    """The rigs of a town, those on their way out included."""
    found = [*town.glob(f"*/{RIG_FILE}"), *town.glob(f"*/{MARK}")]
    return sorted({path.parent.name for path in found})


def survey_town(town: Path, env: Mapping[str, str]) -> Leaving:
    """What would be lost with a town, and what lies outside of it."""
    found = [survey_rig(town, name, env) for name in rigs_of(town)]
    unlanded = [one for rig in found for one in rig.unlanded]
    unlanded += [
        Unlanded(kind="file", what=str(path), why="on the mayor's desk")
        for path in strange_files(town / "mayor", frozenset({".claude"}))
    ]
    outside = [line for rig in found for line in rig.outside]
    outside += claude_traces(town, env)
    return Leaving(unlanded=tuple(unlanded), outside=tuple(dict.fromkeys(outside)))


def survey_rig(town: Path, name: str, env: Mapping[str, str]) -> Leaving:
    """What would be lost with a rig, and what lies outside of the town; nothing is changed."""
    home = town / name
    unlanded: list[Unlanded] = []
    outside: list[str] = []
    try:
        config = _settings(home, name)
    except GastownError as error:
        config = RigConfig(name=name, prefix=rig_prefix(home), upstream="")
        unlanded.append(_unseen(str(_settings_file(home)), error))
    landed: list[str] = []
    try:
        unlanded += _work(town, config, landed)
    except (GastownError, OSError) as error:
        unlanded.append(_unseen(f"beads of {name}", error))
    try:
        unlanded += _git(home, config, landed, outside)
    except (GastownError, OSError) as error:
        unlanded.append(_unseen(f"git of {name}", error))
    unlanded += [
        Unlanded(kind="file", what=str(path), why="not put there by the town")
        for path in strange_files(home, OURS)
    ]
    if config.source:
        outside.append(f"{config.source}: the repository it was added from, not touched")
    outside += claude_traces(home, env)
    found = [_of(rig, name) for rig in unlanded]
    return Leaving(unlanded=tuple(found), outside=tuple(outside))


def _of(one: Unlanded, rig: str) -> Unlanded:
    return Unlanded(kind=one.kind, what=one.what, why=one.why, rig=rig)


def _unseen(what: str, error: Exception) -> Unlanded:
    return Unlanded(kind="unknown", what=what, why=str(error))


def _work(town: Path, config: RigConfig, landed: list[str]) -> list[Unlanded]:
    """What its beads say; `landed` gets the tips of requests that have landed."""
    store = rig_store(town, config)
    try:
        with _books(town) as books:
            requests = list(books.requests.values())
        landed += [one.submitted for one in requests if one.state == "landed" and one.submitted]
        return work_left(config.name, town_config(town).id, store.list(), requests)
    finally:
        store.close()


def _git(home: Path, config: RigConfig, landed: list[str], outside: list[str]) -> list[Unlanded]:
    hub = open_hub(home / "repo")
    sandboxes = sorted(path for path in (home / "polecats").glob("*") if path.is_dir())
    found = survey(hub, config.land, sandboxes, config.source, landed)
    for path, commit in checkouts(hub).items():
        if path.exists() and (held := own_work(hub, path, commit)):
            found.append(Unlanded(kind="checkout", what=str(path), why=held))
    pushed = pushed_branches(hub)
    if pushed:
        names = ", ".join(pushed[:5]) + (f" and {len(pushed) - 5} more" if pushed[5:] else "")
        outside.append(f"{hub.origin}: branches pushed there: {names}")
    elif config.land == "push":
        outside.append(f"{hub.origin}: what has landed on {hub.default}")
    return found


@contextlib.contextmanager
def _books(town: Path) -> Iterator[Books]:
    """The town's own records, read once."""
    store = town_store(town)
    try:
        books = Books(store, {})
        books.refresh(datetime.now(UTC))
        yield books
    finally:
        store.close()


def _settings_file(home: Path) -> Path:
    mark = home / MARK
    return mark if mark.exists() else home / RIG_FILE


def _settings(home: Path, name: str) -> RigConfig:
    path = _settings_file(home)
    if path.name == RIG_FILE:
        return rig_config(home.parent, name)
    return read_rig(path.read_text("utf-8", "replace"), str(path))


def _close_records(town: Path, name: str, actor: str) -> None:
    """Close what the town's records say of a rig whose folder has been moved aside."""
    if not (town / BEADS_NAME).is_dir():
        return
    with _books(town) as books:
        prefix = rig_prefix(aside(town, name))
        operations = farewell(name, prefix, known_records(books), actor=actor)
        if operations:
            books.write_town(operations, actor=actor)


def _rename(old: Path, new: Path) -> None:
    if old.exists():
        old.replace(new)
