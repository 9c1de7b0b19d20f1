"""Writers that are killed, starved and crowded. Run as a program, single-threaded, so it may fork.

`chaos.py points STEP OFFSET`   cut a write, an absorb and a fold at every STEP-th line they execute
`chaos.py kill TIMES SEED`      SIGKILL a writer at random instants
`chaos.py crowd WRITERS SEED`   many writers at once
`chaos.py first OPENERS`        all open a directory that has no store yet
`chaos.py full`                 no room on the disk

Prints one JSON object; an AssertionError ends it with a traceback.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from gastown_tui.adapters.store import files, init_store, open_store
from gastown_tui.domain.errors import Conflict, Unavailable
from gastown_tui.domain.operations import AddComment, AddLabel, AppendNote, Claim, Create, SetField

LINES = [
    '{"id":"x-a","title":"A","priority":1,"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"}',
    '{"id":"x-b","title":"B \\u003c","status":"open","future":{"k":[1, 2]},"updated_at":"2026-01-01T00:00:00Z"}',
    '{"id":"x-c","title":"C","status":"open","priority":2,"updated_at":"2026-01-01T00:00:00Z"}',
]
STORE_PACKAGE = str(Path(files.__file__).parent)


def children(*functions):
    """Run each in a process of its own; their exit codes, negative for signals."""
    pids = []
    for function in functions:
        pid = os.fork()
        if pid == 0:
            code = 70
            try:
                function()
                code = 0
            finally:
                if code:
                    sys.excepthook(*sys.exc_info())
                os._exit(code)
        pids.append(pid)
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]


def crash_at(point):
    """End this process, without any clean-up, at the point-th line that the store executes."""
    left = point

    def local(frame, event, arg):
        nonlocal left
        if event == "line":
            left -= 1
            if left == 0:
                os._exit(9)
        return local

    def outer(frame, event, arg):
        return local if frame.f_code.co_filename.startswith(STORE_PACKAGE) else None

    sys.settrace(outer)


def read(beads):
    """The file's beads; every line must be whole."""
    text = (beads / "issues.jsonl").read_text()
    assert text.endswith("\n")
    rows = [json.loads(line) for line in text.splitlines()]
    assert len({row["id"] for row in rows}) == len(rows)
    return {row["id"]: row for row in rows}


def template():
    beads = Path(tempfile.mkdtemp(prefix="gt-chaos-")) / ".beads"
    beads.mkdir()
    (beads / "issues.jsonl").write_text("\n".join(LINES) + "\n")
    store = open_store(beads, prefix="x")
    store.apply([AppendNote("x-a", "first")], actor="t")
    store.close()
    return beads


def outside(beads, bead, **fields):
    """Another program replaces the file by rename, as br does."""
    rows = read(beads)
    rows[bead].update(fields)
    temporary = beads / "issues.jsonl.tmp.1"
    temporary.write_text(
        "".join(json.dumps(r, separators=(",", ":")) + "\n" for r in rows.values())
    )
    temporary.replace(beads / "issues.jsonl")


def scenario(beads, acknowledged):
    """Write, take in an outside edit, fold while another one gets in between."""
    outside(beads, "x-b", title="B outside")
    store = open_store(beads)
    store.apply([AppendNote("x-a", "second"), AddLabel("x-a", "l")], actor="t", transaction="t1")
    acknowledged("t1")
    exchange = files.exchange

    def slow(one, two):
        files.exchange = exchange
        outside(beads, "x-c", title="C outside")
        acknowledged("c")
        exchange(one, two)

    files.exchange = slow
    store.fold()
    store.apply([AppendNote("x-c", "last")], actor="t", transaction="t2")
    acknowledged("t2")
    store.fold()
    store.close()


def verify(beads, told):
    """Everything acknowledged is there, once; the file is whole before and after recovery."""
    before = read(beads)
    assert set(before) >= {"x-a", "x-b", "x-c"}
    store = open_store(beads)
    for name, bead, text in (("t1", "x-a", "second"), ("t2", "x-c", "last")):
        if name in told:
            assert text in store.get(bead).notes, (name, told)
        store.apply([AppendNote(bead, text)], actor="t", transaction=name)
    store.fold()
    assert not store.fold().written
    store.close()
    rows = read(beads)
    assert rows["x-a"]["notes"] == "first\nsecond", rows["x-a"]
    assert rows["x-c"]["notes"] == "last", rows["x-c"]
    assert rows["x-b"]["title"] == "B outside"
    assert rows["x-b"]["future"] == {"k": [1, 2]}
    assert rows["x-c"]["title"] == ("C outside" if "c" in told else "C"), (told, rows["x-c"])
    assert len(rows) == 3
    left = {path.name for path in (beads / ".gastown").iterdir()}
    assert left <= {".gitignore", "lock", "fold.lock", "store.db", "store.db-wal", "store.db-shm"}


def points(step, offset):
    base = template()
    generator = random.Random(offset)
    count = 0
    for point in range(1 + offset, 100_000, step):
        beads = Path(tempfile.mkdtemp(prefix="gt-chaos-")) / ".beads"
        shutil.copytree(base, beads)
        told = beads.parent / "told"
        told.touch()

        def writer(beads=beads, told=told, point=point):
            def acknowledged(name):
                with told.open("a") as stream:
                    stream.write(f"{name}\n")

            crash_at(point)
            scenario(beads, acknowledged)
            sys.settrace(None)

        def recovering(beads=beads):
            crash_at(generator.randrange(1, 600))
            open_store(beads).fold()

        [code] = children(writer)
        assert code in (0, 9), code
        if code == 9 and count % 3 == 0:
            assert children(recovering)[0] in (0, 9)
        verify(beads, told.read_text().split())
        shutil.rmtree(beads.parent)
        count += 1
        if code == 0:
            break
    shutil.rmtree(base.parent)
    return {"points": count}


def kill(times, seed):
    beads = template()
    generator = random.Random(seed)
    done, acked = 0, 0
    for _ in range(times):
        reader, sink = os.pipe()
        pid = os.fork()
        if pid == 0:
            store = open_store(beads)
            number = acked
            while True:
                ops = [AddLabel("x-b", f"n{number:06}"), AppendNote("x-b", f"n{number:06}")]
                store.apply(ops, actor="t")
                os.write(sink, f"{number}\n".encode())
                number += 1
                if number % 4 == 0:
                    store.fold()
        os.close(sink)
        time.sleep(generator.uniform(0.002, 0.06))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        with os.fdopen(reader) as stream:
            numbers = [int(line) for line in stream.read().split("\n")[:-1]]
        acked = numbers[-1] + 1 if numbers else acked
        read(beads)
        store = open_store(beads)
        notes = store.get("x-b").notes.split()
        assert list(store.get("x-b").labels) == notes
        assert notes[:acked] == [f"n{n:06}" for n in range(acked)]
        assert len(notes) <= acked + 1, "more than the one write in flight"
        acked = len(notes)
        store.close()
        done += 1
        if acked > 300:
            store = open_store(beads)
            store.apply([SetField("x-b", "notes", "")], actor="t")
            for label in store.get("x-b").labels:
                from gastown_tui.domain.operations import RemoveLabel

                store.apply([RemoveLabel("x-b", label)], actor="t")
            store.fold()
            store.close()
            acked = 0
    shutil.rmtree(beads.parent)
    return {"kills": done}


def crowd(writers, seed):
    beads = Path(tempfile.mkdtemp(prefix="gt-chaos-")) / ".beads"
    store = init_store(beads, "x")
    contested = store.apply([Create({"title": f"c{n}"}) for n in range(12)], actor="t").ids
    store.close()

    def writer(me):
        generator = random.Random(seed + me)
        mine = open_store(beads)
        order = list(contested)
        generator.shuffle(order)
        won = []
        for turn, bead in enumerate(order):
            try:
                mine.apply([Claim(bead, f"w{me}")], actor=f"w{me}")
                won.append(bead)
            except Conflict:
                pass
            target = generator.choice(contested)
            tag = f"w{me}-{turn}"
            ops = [AddLabel(target, tag), AppendNote(target, tag), AddComment(target, tag)]
            mine.apply(ops, actor=f"w{me}")
            if generator.random() < 0.1:
                mine.fold()
        mine.create(actor=f"w{me}", title="the same title")
        (beads.parent / f"won-{me}").write_text("\n".join(won))
        mine.close()

    codes = children(*(lambda me=me: writer(me) for me in range(writers)))
    assert codes == [0] * writers, codes
    store = open_store(beads)
    store.fold()
    won = {
        bead: f"w{me}"
        for me in range(writers)
        for bead in (beads.parent / f"won-{me}").read_text().split()
    }
    claims = sum(len((beads.parent / f"won-{me}").read_text().split()) for me in range(writers))
    assert claims == len(contested), "every bead has exactly one winner"
    rows = read(beads)
    assert len(rows) == len(contested) + writers, "equal titles got ids of their own"
    expected = {f"w{me}-{turn}" for me in range(writers) for turn in range(len(contested))}
    found = [Counter(), Counter(), Counter()]
    numbers = []
    for bead in contested:
        row = rows[bead]
        assert row["assignee"] == won[bead]
        found[0].update(row.get("labels", []))
        found[1].update(row.get("notes", "").split())
        found[2].update(comment["text"] for comment in row.get("comments", []))
        numbers += [comment["id"] for comment in row.get("comments", [])]
    assert all(set(tags) == expected and max(tags.values()) == 1 for tags in found)
    assert len(set(numbers)) == len(numbers)
    store.close()
    shutil.rmtree(beads.parent)
    return {"writes": writers * (2 * len(contested) + 1)}


def first(openers):
    for _ in range(5):
        beads = template()
        shutil.rmtree(beads / ".gastown")
        start = time.time() + 0.05

        def opener(beads=beads, start=start):
            while time.time() < start:
                pass
            store = open_store(beads)
            assert store.get("x-b").title == "B <"
            store.create(actor="t", title="T")
            store.close()

        assert children(*[opener] * openers) == [0] * openers
        store = open_store(beads)
        assert len(store.list()) == 3 + openers
        store.close()
        shutil.rmtree(beads.parent)
    return {"opened": 5 * openers}


def full():
    beads = template()
    store = open_store(beads)
    store.fold()
    before = (beads / "issues.jsonl").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    told = []
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        store.apply([AppendNote("x-a", "y" * 400_000)], actor="t")
        raise SystemExit("a write of 400 kB fitted into 200 kB")
    except Unavailable as error:
        told.append(str(error))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert store.get("x-a").notes == "first"
    store.apply([AppendNote("x-a", "z" * 4000)], actor="t")
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        store.fold()
        raise SystemExit("an image of 4 kB fitted into 2 kB")
    except Unavailable as error:
        told.append(str(error))
    assert (beads / "issues.jsonl").read_bytes() == before
    assert not (beads / ".gastown" / "image.next").exists()
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert store.fold().written
    assert "z" * 4000 in read(beads)["x-a"]["notes"]
    store.close()
    shutil.rmtree(beads.parent)
    return {"told": told}


if __name__ == "__main__":
    verb, *arguments = sys.argv[1:]
    verbs = {"points": points, "kill": kill, "crowd": crowd, "first": first, "full": full}
    print(json.dumps(verbs[verb](*(int(argument) for argument in arguments))))
