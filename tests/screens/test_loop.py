"""The loop: who may wait is served together with others, and nobody is forgotten."""

import os
import threading
import time

import pytest

from gastown_tui.screens.loop import PATIENCE_S, READ, Loop


@pytest.fixture
def pipes():
    ends = [os.pipe() for _ in range(4)]
    yield ends
    for pair in ends:
        for end in pair:
            os.close(end)


def run(loop, done, timeout_s=10.0):
    """Serve until `done()`; how many turns that took."""
    turns, stop = 0, time.monotonic() + timeout_s

    def work(now):
        nonlocal turns
        turns += 1
        assert now < stop, "it was never done"
        if done():
            loop.stop()
        return stop

    loop.run(work)
    return turns


def test_patient_ones_are_served_together(pipes):
    """Many wake-ups become few; each byte is read within a moment of being written."""
    loop, late, total = Loop(), [], 300

    def ready(fd):
        data = os.read(fd, 65536)
        late.extend(time.monotonic() - float(data[at : at + 25]) for at in range(0, len(data), 25))

    for reader, _ in pipes:
        loop.watch(reader, READ, lambda _mask, fd=reader: ready(fd), patient=True)

    def write():
        for at in range(total):
            os.write(pipes[at % 4][1], b"%25.9f" % time.monotonic())
            time.sleep(0.001)

    thread = threading.Thread(target=write)
    start = time.monotonic()
    thread.start()
    turns = run(loop, lambda: len(late) == total)
    thread.join()
    loop.close()
    assert turns <= 4 + (time.monotonic() - start) / PATIENCE_S * 2
    assert sorted(late)[total // 2] < 20 * PATIENCE_S


def test_from_patient_to_at_once_and_back(pipes):
    """A change of patience loses nothing that was ready before; others go on waiting for news."""
    loop, got = Loop(), []

    def take(fd):
        got.append(os.read(fd, 1))

    def watch(number, *, patient):
        fd = pipes[number][0]
        loop.watch(fd, READ, lambda _mask: take(fd), patient=patient)

    watch(0, patient=True)
    watch(1, patient=False)
    os.write(pipes[0][1], b"a")
    watch(0, patient=False)
    watch(1, patient=True)
    os.write(pipes[1][1], b"b")
    run(loop, lambda: len(got) == 2)
    loop.close()
    loop = Loop()
    watch(1, patient=True)
    threading.Timer(0.2, os.write, (pipes[1][1], b"c")).start()  # after the loop has come to rest
    run(loop, lambda: len(got) == 3)
    assert sorted(got) == [b"a", b"b", b"c"]
    loop.close()


def test_who_presses_is_told_without_being_served(pipes):
    loop, got = Loop(), []
    (reader, writer), (other, late) = pipes[:2]
    loop.watch(reader, READ, lambda _mask: got.append(os.read(reader, 1)))
    loop.watch(other, READ, lambda _mask: got.append(os.read(other, 1)))
    loop.press(reader, on=True)
    os.write(late, b"x")
    assert not loop.pressed()
    os.write(writer, b"k")
    assert loop.pressed()
    assert got == []
    run(loop, lambda: len(got) == 2)
    assert not loop.pressed()
    os.write(writer, b"k")
    loop.forget(reader)
    assert not loop.pressed()
    loop.close()
