"""The log: what was read is there after a kill, bounded, and a snapshot replaces what is older."""

import errno
import os

import pytest

from gastown_tui.screens import log as logs
from gastown_tui.screens.log import LIMIT, SessionLog
from gastown_tui.screens.strip import ROOM, Strip


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
    """Everything advanced over is found, across laps and several lives."""
    sent = b""
    for life in range(6):
        snapshot, found, log = recovered(tmp_path)
        assert snapshot is None
        assert found == sent
        piece = os.urandom(ROOM // 2 + 7777 * life) + b"x"
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
    write(log, b"a" * (ROOM * 3 + 5))
    log.write_snapshot(b"SNAP", 1)
    write(log, b"after")
    snapshot, found, _ = recovered(tmp_path)
    assert (snapshot.data, snapshot.level, snapshot.offset) == (b"SNAP", 1, ROOM * 3 + 5)
    assert found == b"after"
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 2 * ROOM


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
        write(log, b"x" * (ROOM + 1))
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


class Killed(BaseException):
    pass


@pytest.mark.parametrize("step", ["write", "clear", "head", "snapshot"])
@pytest.mark.parametrize("laps", [1, 2])
def test_killed_while_the_strip_is_carried_on(tmp_path, monkeypatch, step, laps):
    """Killed at any point between the strip and the log: each byte is found once."""
    _, _, log = recovered(tmp_path)
    sent = os.urandom(ROOM * laps - 1) + b"x"
    write(log, sent)

    def kill(*_):
        raise Killed

    real = os.write
    with monkeypatch.context() as patch:
        if step == "write":
            patch.setattr(os, "write", lambda fd, data: (real(fd, data[:999]), kill()))
        elif step == "head":
            patch.setattr(Strip, "clear", lambda strip, used, _: (_zero(strip, used), kill()))
        else:
            patch.setattr(Strip, "clear", kill)
        with pytest.raises(Killed):
            log.write_snapshot(b"SNAP", 0) if step == "snapshot" else log.room()
    if step == "write":  # and the next life as it begins
        again = recovered(tmp_path)[2]
        monkeypatch.setattr(os, "write", kill)
        with pytest.raises(Killed):
            again.room()
        monkeypatch.undo()
    for _ in range(3):
        snapshot, found, log = recovered(tmp_path)
        assert found == (sent if step != "snapshot" else sent[len(sent) :])
        piece = b"y" * 777
        write(log, piece)
        if step == "snapshot":
            assert recovered(tmp_path)[1] == piece
            break
        sent += piece
    assert (snapshot is not None) == (step == "snapshot")


def _zero(strip, used):
    strip.room[:used] = bytes(used)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="Linux reserves blocks")
@pytest.mark.parametrize("call", ["write", "posix_fallocate"])
def test_full_disk(tmp_path, monkeypatch, call):
    """A disk that refuses costs the record, not the session; later a snapshot closes the gap."""
    _, _, log = recovered(tmp_path)
    if call == "write":
        write(log, b"kept")

    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        write(log, b"y" * (3 * ROOM))
    assert log.broken
    write(log, b"z" * ROOM)
    assert log.is_due
    log.write_snapshot(b"SNAP", 0)
    write(log, b"end")
    snapshot, found, _ = recovered(tmp_path)
    assert (snapshot.data, found, log.broken) == (b"SNAP", b"end", "")
