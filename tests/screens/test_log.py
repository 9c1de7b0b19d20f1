"""The log: what was read is there after a kill, bounded, and a snapshot replaces what is older."""

import errno
import os

import pytest

from gastown_tui.screens import log as logs
from gastown_tui.screens.log import LIMIT, WINDOW, SessionLog


def write(log, data):
    view = memoryview(data)
    while view:
        with log.room() as room:
            count = min(len(room), len(view), 4095)
            room[:count] = view[:count]
        log.advance(count)
        view = view[count:]
        if log.is_full:
            log.unparsed()
    log.unparsed()


def recovered(folder):
    """What another process would find, without the first one having closed anything."""
    log = SessionLog(folder)
    snapshot, pieces = log.recover()
    return snapshot, b"".join(pieces), log


def test_bytes_survive_without_a_close(tmp_path):
    """Everything advanced over is found, across windows and several lives."""
    sent = b""
    for life in range(4):
        snapshot, found, log = recovered(tmp_path)
        assert snapshot is None
        assert found == sent
        piece = os.urandom(WINDOW // 2 + 7777 * life) + b"x"
        write(log, piece)
        sent += piece
    assert recovered(tmp_path)[1] == sent


def test_bytes_of_a_read_that_was_never_told(tmp_path):
    """Killed between the kernel's copy and `advance`: the bytes are not lost."""
    _, _, log = recovered(tmp_path)
    write(log, b"told")
    with log.room() as room:
        room[:4] = b"lost"
    assert recovered(tmp_path)[1] == b"toldlost"


def test_snapshot_replaces_the_log(tmp_path):
    """After a snapshot only what follows is parsed again, and older files are gone."""
    _, _, log = recovered(tmp_path)
    write(log, b"a" * (WINDOW * 3))
    log.write_snapshot(b"SNAP", 1)
    write(log, b"after")
    snapshot, found, _ = recovered(tmp_path)
    assert (snapshot.data, snapshot.level, snapshot.offset) == (b"SNAP", 1, WINDOW * 3)
    assert found == b"after"
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 2 * WINDOW


def test_snapshot_is_due(tmp_path):
    """A log never grows without bound, not even by many short lives."""
    _, _, log = recovered(tmp_path)
    write(log, b"a" * (LIMIT - 1))
    assert not log.is_due
    write(log, b"aa")
    assert log.is_due
    log.write_snapshot(b"", 0)
    assert not log.is_due
    for _ in range(logs.FRAGMENTS + 1):
        _, _, log = recovered(tmp_path)
        write(log, b"x")
    assert log.is_due


def test_damaged_snapshot_is_not_used(tmp_path):
    """Half a snapshot counts as none."""
    _, _, log = recovered(tmp_path)
    log.write_snapshot(b"SNAP" * 100, 0)
    raw = (tmp_path / "snapshot").read_bytes()
    (tmp_path / "snapshot").write_bytes(raw[:-1])
    assert recovered(tmp_path)[0] is None
    (tmp_path / "snapshot").write_bytes(raw[:5])
    assert recovered(tmp_path)[0] is None


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="Linux reserves blocks")
def test_full_disk(tmp_path, monkeypatch):
    """A disk that refuses costs the record, not the session; later a snapshot closes the gap."""
    _, _, log = recovered(tmp_path)
    write(log, b"kept")

    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", refuse)
        write(log, b"y" * (2 * WINDOW))
    assert log.broken
    write(log, b"z" * WINDOW)
    assert log.is_due
    log.write_snapshot(b"SNAP", 0)
    write(log, b"end")
    snapshot, found, _ = recovered(tmp_path)
    assert (snapshot.data, found, log.broken) == (b"SNAP", b"end", "")
