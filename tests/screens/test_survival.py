"""Whatever is killed: the program lives, and its screen comes back as if nothing had been."""

import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest

from gastown_tui import protocol
from gastown_tui.terminal import Terminal

# Prints numbered lines and full-screen pages, and keeps a copy of every byte it wrote.
PROGRAM = r"""
import os, sys, time, random, tty
tty.setraw(1)
pause, stop = float(sys.argv[2]), sys.argv[4]
copy = open(sys.argv[1], "wb", buffering=0)
dice = random.Random(int(sys.argv[3]))
def out(text):
    data = memoryview(text.encode())
    copy.write(data)
    while data:
        data = data[os.write(1, data):]
number = 0
while not os.path.exists(stop):
    number += 1
    look = dice.randrange(8)
    if look == 0:
        out("\x1b[?1049h\x1b[2J\x1b[H")
        for y in range(dice.randrange(1, 30)):
            out(f"\x1b[{y + 1};{dice.randrange(1, 60)}H\x1b[3{dice.randrange(8)}mpage {number} ünï 界\x1b[m")
    elif look == 1:
        out("\x1b[?1049l")
    else:
        out(f"\x1b[{dice.randrange(30, 38)}mline {number}\x1b[m of words " + "x" * dice.randrange(200) + "\r\n")
    time.sleep(pause)
copy.close()
os.rename(sys.argv[1], sys.argv[1] + ".done")
time.sleep(1000)
"""


def programs(town, count, pause):
    found = []
    for number in range(count):
        copy = town.root / f"copy{number}"
        argv = [sys.executable, "-c", PROGRAM, str(copy), str(pause), str(number)]
        argv.append(str(town.root / "stop"))
        found.append((town.run(f"rig/p{number}", argv, cols=70, rows=20), copy))
    return found


def expected(copy: Path, cols=70, rows=20):
    terminal = Terminal(cols, rows)
    terminal.feed(Path(f"{copy}.done").read_bytes())
    return terminal


KILLS = [
    pytest.param(0.0, 3),
    pytest.param(0.005, 3),
    pytest.param(0.0, 25, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("pause", "kills"), KILLS)
def test_screens_killed_at_random_moments(town, poll, pause, kills):
    """Program and screen survive any number of kills of screens and of viewers, to the cell."""
    dice = random.Random(kills)
    runs = programs(town, 2, pause)
    town.start_screens()
    for _ in range(kills):
        if dice.random() < 0.7:  # else in the middle of starting and restoring
            client = town.ready(*(run for run, _ in runs))
            for run, _ in runs:
                client.send(protocol.Subscribe(session=run.row.name, fps=60))
            if dice.random() < 0.3:
                client.close()
        time.sleep(dice.random() * 0.3)
        town.kill_screens()
        town.start_screens()
    (town.root / "stop").touch()
    client = town.ready(*(run for run, _ in runs))
    for run, copy in runs:
        poll(Path(f"{copy}.done").exists, 20)
        assert run.process.isalive()
        wanted = expected(copy)
        poll(
            lambda: town.peek(client, run.row.name).text == wanted.text(), 10,
            f"{town.peek(client, run.row.name).text}\n--- wanted\n{wanted.text()}\n{town.log()}",
        )  # fmt: skip
        # History is kept by bytes, in whole pages: how far it goes back may differ by a page.
        seen = town.peek(client, run.row.name, history=100_000).text.splitlines()
        known = wanted.contents().splitlines()
        kept = min(len(seen), len(known))
        assert kept >= min(9_000, len(known))
        assert seen[1 - kept :] == known[1 - kept :]


def test_stopped_and_started_again(town, poll):
    """An orderly end keeps a snapshot; the next one goes on from it."""
    run = town.python("rig/a", "print('hello\\x1b[31m red'); input(); print('more'); input()")
    town.start_screens()
    client = town.ready(run)
    poll(lambda: "red" in town.peek(client, "rig/a").text)
    town.kill_screens(signal.SIGTERM)
    assert (town.sessions / "rig%2Fa" / "snapshot").exists()
    os.write(run.process.fd, b"\n")
    town.start_screens()
    client = town.ready(run)
    poll(lambda: town.peek(client, "rig/a").text == "hello red\n\nmore")


def test_lifeline(town, poll):
    """Screens ends at once with the host, and the program's terminal stays open elsewhere."""
    run = town.run("rig/a", ["cat"])
    screens = town.start_screens()
    town.ready(run)
    town.cut_lifeline()
    assert poll(lambda: screens.poll() is not None, 2)
    assert run.process.isalive()
