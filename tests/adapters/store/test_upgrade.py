"""Stores as earlier versions wrote them (`old/vN.sql`, dumped from them), opened by this one."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gastown_tui.adapters.store import open_store
from gastown_tui.adapters.store.database import SCHEMA_VERSION
from gastown_tui.domain.errors import Unavailable

OLD = Path(__file__).parent / "old"


@pytest.fixture(params=[1, 2])
def version(request):
    return request.param


@pytest.fixture
def store_file(beads_dir, version):
    """A store of that version, with a change that is not folded."""
    folder = beads_dir / ".gastown"
    folder.mkdir()
    raw = sqlite3.connect(folder / "store.db")
    raw.execute("PRAGMA journal_mode=WAL")
    raw.executescript((OLD / f"v{version}.sql").read_text())
    raw.close()
    (beads_dir / "issues.jsonl").write_text("")
    return folder / "store.db"


def version_of(path):
    raw = sqlite3.connect(path)
    try:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return raw.execute("PRAGMA user_version").fetchone()[0]
    finally:
        raw.close()


def is_whole(beads_dir):
    store = open_store(beads_dir)
    try:
        assert store.get("gt-1").title == "Not folded yet"
        assert store.get("gt-1").label("town") == "abc"
        assert store.blocked().items() >= {"gt-2": ["gt-1"], "gt-2.1": ["gt-2"]}.items()
        assert store.create(actor="me", title="next", parent="gt-2").id in {"gt-2.2", "gt-2.3"}
        store.fold()
    finally:
        store.close()
    text = (beads_dir / "issues.jsonl").read_text()
    assert "Not folded yet" in text
    assert '"unknown_key":{"a":1}' in text


def test_a_store_of_an_earlier_version_is_copied_and_goes_on(beads_dir, store_file, version):
    is_whole(beads_dir)
    assert version_of(store_file) == SCHEMA_VERSION
    (copy,) = store_file.parent.glob("store-v*")
    assert copy.name == f"store-v{version}.backup"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert version_of(copy) == version
    for rest in store_file.parent.glob("store.db*"):
        rest.unlink()
    copy.rename(store_file)
    is_whole(beads_dir)


def test_only_the_two_newest_copies_are_kept(beads_dir, store_file, version):
    for age, name in ((200, "store-v-2.backup"), (100, "store-v-1.backup")):
        path = store_file.parent / name
        path.touch()
        os.utime(path, (time.time() - age,) * 2)
    open_store(beads_dir).close()
    left = {path.name for path in store_file.parent.glob("*.backup")}
    assert left == {"store-v-1.backup", f"store-v{version}.backup"}


def test_without_room_for_the_copy_nothing_is_changed(beads_dir, store_file, version):
    before = store_file.read_bytes()
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from gastown_tui.adapters.store import open_store\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "open_store(Path(sys.argv[1]))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, beads_dir], capture_output=True, text=True, check=False
    )
    assert f"{Unavailable.__name__}: {store_file}" in ended.stderr.splitlines()[-1]
    assert "nothing was changed" in ended.stderr
    assert store_file.read_bytes() == before
    assert not list(store_file.parent.glob("store-v*"))
    is_whole(beads_dir)


@pytest.mark.parametrize("moment", ["copying", "copied", "half-way", "before the commit"])
def test_killed_at_any_moment_it_is_the_old_store_or_the_new(
    beads_dir, store_file, version, moment
):
    code = (
        "import os, sys; from pathlib import Path\n"
        "from gastown_tui.adapters.store import blocking, open_store, upgrade\n"
        "die = lambda *_: os._exit(9)\n"
        "where = {'copying': 'sync', 'copied': 'sync_folder', 'half-way': 'run_all'}\n"
        "if sys.argv[2] in where: setattr(upgrade, where[sys.argv[2]], die)\n"
        "else: blocking.settle = die\n"
        "open_store(Path(sys.argv[1]))\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, beads_dir, moment], check=False)
    assert ended.returncode == 9
    assert version_of(store_file) == version
    is_whole(beads_dir)
    assert not list(store_file.parent.glob("*.part"))
