"""A believable town without a single daemon: fake ports for tests, pictures and measurements.

Run it by hand: `python tests/tui/fake_town.py [AGENTS]`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import sys
import time
from pathlib import Path

from gastown_tui import cells
from gastown_tui.domain.errors import Unavailable
from gastown_tui.protocol import (
    Delta,
    DiffText,
    Receipt,
    RowsOf,
    ScreenFrame,
    Signals,
    Snapshot,
)

NOW = 1_800_000_000.0
_NAMES = (
    "nux toast slit capable dag angharad cheedo valkyrie keeper rictus ace organic furiosa morsov"
    " corpus bullet gastown immortan splendid coma prime doof miss giddy wretch buzzard rocker"
    " vulture polly crank"
)
NAMES = tuple(_NAMES.split())
TITLES = (
    "Retry uploads with jitter",
    "Parse RFC 3339 dates without dateutil",
    "Ledger totals drift by a cent",
    "Stream the CSV export",
    "Cache exchange rates per day",
    "Reject negative quantities early",
    "Document the import format",
    "Speed up the monthly report",
    "Split invoice model from storage",
    "Fix flaky test of reconnect",
)
QUESTIONS = (
    "Run `pytest -q tests/ledger`? 1. Yes 2. Yes, and don't ask again 3. No",
    "Which schema should the export follow, v1 or v2?",
)
# A context line of a diff that is empty ends in a blank.
DIFF = '''diff --git a/ledgerly/upload.py b/ledgerly/upload.py
index 3f1c2a9..8be01d4 100644
--- a/ledgerly/upload.py
+++ b/ledgerly/upload.py
@@ -1,9 +1,11 @@ import time
 """Uploads of statements."""
 
+import random
 import time
 
-RETRIES = 3
+RETRIES = 5
+BASE_S = 0.2
 
 
 def upload(client, statement):
     """Send a statement; try again when the bank is busy."""
@@ -14,7 +16,10 @@ def upload(client, statement):
         try:
             return client.post("/statements", statement)
         except Busy as error:
-            time.sleep(2 ** attempt)
+            delay = BASE_S * 2**attempt
+            # Full jitter: clients that failed together must not come back together.
+            time.sleep(random.uniform(0, delay))
+            last = error
     raise UploadFailed(statement.id)
diff --git a/tests/test_upload.py b/tests/test_upload.py
new file mode 100644
index 0000000..77aa012
--- /dev/null
+++ b/tests/test_upload.py
@@ -0,0 +1,6 @@
+from ledgerly.upload import upload
+
+
+def test_gives_up_after_five(busy_client, statement):
+    with pytest.raises(UploadFailed):
+        upload(busy_client, statement)
diff --git a/docs/old.md b/docs/uploads.md
similarity index 92%
rename from docs/old.md
rename to docs/uploads.md
index 1111111..2222222 100644
--- a/docs/old.md
+++ b/docs/uploads.md
@@ -3,3 +3,3 @@ Uploads
 A statement is sent once.
-It is tried three times.
+It is tried five times.
 Then it is an error.
'''  # noqa: W293


def tables(agents=24, seed=7, now=NOW):
    """The feed of a town at work."""
    rng = random.Random(seed)
    rows, beads, mq, convoys, events = {}, {}, {}, {}, {}
    rows["mayor"] = _agent("mayor", "", "mayor", "idle", now - 340, tokens=184_000, cost=2.31)
    states = ["working"] * 12 + ["waiting", "waiting", "idle", "idle", "stalled", "starting"]
    states += ["error", "stopped", "parked", "paused"]
    for at in range(agents - 1):
        rig = "ledgerly" if at % 3 else "gateway"
        name = NAMES[at % len(NAMES)] + ("" if at < len(NAMES) else str(at))
        state = states[at % len(states)] if at < len(states) else "working"
        role = "crew" if at % 11 == 5 else "polecat"
        bead = f"{'ld' if rig == 'ledgerly' else 'gw'}-{at + 11}"
        row = _agent(
            name, rig, role, state, now - rng.randrange(3, 4000),
            bead=bead, bead_title=TITLES[at % len(TITLES)],
            tokens=rng.randrange(4_000, 900_000), cost=rng.random() * 4, attempt=1 + (at == 7),
            branch=f"polecat/{name}/{bead}",
        )  # fmt: skip
        if state == "waiting":
            row |= {
                "needs": ("permission", "question")[at % 2],
                "needs_since": now - 60 * (at % 7 + 1),
                "question": QUESTIONS[at % 2],
            }
        if state == "stalled":
            row |= {"needs": "stalled", "needs_since": now - 900, "evidence": "no output for 15m"}
        if state == "error":
            row |= {
                "needs": "error",
                "needs_since": now - 61,
                "evidence": "API error 529: overloaded",
            }
        if state == "stopped":
            row |= {"wanted": "stopped", "wanted_by": "overseer", "wanted_why": "wrong approach"}
        rows[row["session"]] = row
    for epic in range(3):
        parent = f"ld-e{epic + 1}"
        title = (
            "Uploads that never lose a statement",
            "Exports in every format",
            "Faster reports",
        )[epic]
        beads[parent] = _bead(parent, title, "epic", "open", now, convoy=f"cv-{epic + 1}")
        for step in range(8):
            key = f"{parent}.{step + 1}"
            status = (
                "closed",
                "closed",
                "in_progress",
                "hooked",
                "open",
                "open",
                "blocked",
                "deferred",
            )[step]
            beads[key] = _bead(
                key, TITLES[(epic * 3 + step) % 10], "task", status, now, parent=parent
            )
            if status in ("in_progress", "hooked"):
                beads[key]["assignee"] = list(rows)[(epic * 3 + step) % len(rows)]
            if step == 6:
                beads[key]["blocked_by"] = [f"{parent}.5"]
        closed = 2 + epic * 3
        convoys[f"cv-{epic + 1}"] = {
            "id": f"cv-{epic + 1}", "title": title, "total": 8, "closed": closed,
            "working": 2, "stuck": int(epic == 1), "state": "open", "oldest": now - 2460 * (epic + 1),
        }  # fmt: skip
    phases = [
        "landing",
        "testing",
        "review",
        "review",
        "approved",
        "conflict",
        "failed",
        "held",
        "submitted",
    ]
    phases += ["landed", "landed", "rejected"]
    whys = {"failed": "tests/test_export.py::test_rounding failed", "conflict": "ledgerly/report.py changed on main",
            "held": "held by you", "rejected": "keep the old field for one release", "testing": "gate running, 41s"}  # fmt: skip
    for at, phase in enumerate(phases):
        agent = list(rows)[1 + at % (len(rows) - 1)]
        mq[f"mr-{at + 1}"] = {
            "id": f"mr-{at + 1}", "bead": f"ld-{at + 30}", "title": TITLES[at % 10], "rig": "ledgerly",
            "agent": agent, "branch": f"polecat/x/ld-{at + 30}", "target": "main", "state": phase,
            "position": at + 1, "score": 1000 - at, "since": now - 47 * (at + 1), "gate": "",
            "submitted": f"{at:x}c0ffee{at:x}", "why": whys.get(phase, ""), "plus": 12 * at + 9, "minus": 5 * at + 2,
            "files": 1 + at % 4,
        }  # fmt: skip
    kinds = (
        ("landed", "refinery", "main is at 8be01d4"), ("submitted", "nux", "branch polecat/nux/ld-12"),
        ("gate failed", "refinery", "tests/test_export.py::test_rounding"), ("slung", "overseer", "to toast"),
        ("nudged", "witness", "submitted after 2s"), ("approved", "overseer", "tip 3c0ffee3"),
    )  # fmt: skip
    for at in range(40):
        kind, actor, text = kinds[at % len(kinds)]
        events[f"ev-{at}"] = {"id": f"ev-{at}", "at": now - 37 * at, "kind": kind, "actor": actor,
                              "target": f"ld-{at % 20 + 11}", "text": text}  # fmt: skip
    return {
        "town": {"town": {"id": "t1", "name": "citadel", "wanted": "up", "at": now}},
        "rigs": {"ledgerly": {"name": "ledgerly", "prefix": "ld"}, "gateway": {"name": "gateway", "prefix": "gw"}},
        "agents": rows, "beads": beads, "mq": mq, "convoys": convoys, "events": events,
    }  # fmt: skip


def _agent(name, rig, role, state, since, **more):
    place = {"mayor": "mayor", "crew": f"{rig}/crew/{name}"}.get(role, f"{rig}/polecats/{name}")
    return {
        "name": name, "rig": rig, "role": role, "session": place, "pid": 4000, "run": "r1",
        "state": state, "since": since, "evidence": "", "bead": "", "bead_title": "",
        "wanted": "running", "needs": "", "entry": "claude", "permissions": "auto", **more,
    }  # fmt: skip


def _bead(key, title, kind, status, now, **more):
    return {"id": key, "rig": "ledgerly", "title": title, "status": status, "type": kind, "priority": 2,
            "blocked_by": [], "created_at": now - 9000, "updated_at": now - 60, **more}  # fmt: skip


class FakeTown:
    """A `TownPort` that records what is asked."""

    def __init__(self, feed=None, now=NOW):
        self.feed = tables(now=now) if feed is None else feed
        self.now = now
        self.asked = []
        self.receipt = Receipt(req=0, ok=True, text="")
        self.diffs = {}
        self.beads = {}
        self.diff_text = DIFF
        self.base, self.tip = "3f1c2a9", "8be01d4"
        self.notes, self.sandbox, self.since = [], "", ("", "")
        self.down = False
        self.started = 0
        self.listener = None
        self.version = 1

    def follow(self, listener):
        self.listener = listener
        listener(Snapshot(version=1, boot="b", at=self.now, tables=self.feed))

    def change(self, **by_table):
        self.version += 1
        self.listener(
            Delta(base=self.version - 1, version=self.version, at=self.now, tables=by_table)
        )

    async def ask(self, verb, target="", **arguments):
        if self.down:
            raise Unavailable("the controller is not running", hint="start it with `gastown up`")
        self.asked.append((verb, target, arguments))
        return self.receipt

    async def diff(self, subject, since=("", "")):
        if self.down:
            raise Unavailable("the controller is not running")
        self.since = since
        text = self.diffs.get("since" if any(since) else subject, self.diff_text)
        return DiffText(
            req=1, base=self.base, tip=self.tip, text=text, notes=self.notes, sandbox=self.sandbox
        )

    async def bead(self, bead):
        if self.down:
            raise Unavailable("the controller is not running")
        return self.beads[bead]

    async def start_host(self):
        self.started += 1
        return "started"


def text_row(text, style=0):
    return ((text, style, sum(2 if ord(mark) > 0x2E7F else 1 for mark in text)),)


class FakeScreens:
    """A `ScreensPort` whose sessions show what they are told."""

    def __init__(self, pictures=None):
        self.pictures = pictures or {}
        self.subscribed = {}
        self.sent = []
        self.resized = []
        self.acked = {}
        self.numbers = itertools.count(1)
        self.listener = None
        self.history = [text_row(f"history line {at}") for at in range(500)]

    def listen(self, listener):
        self.listener = listener
        for session in self.pictures:
            self.signal(session)

    def rows_of(self, session):
        return self.pictures.get(session, [text_row(f"$ {session}"), text_row("ready")])

    def signal(self, session, rows_hash="h1", cols=120, rows=40):
        bottom = [cells.row_text(row) for row in self.rows_of(session)]
        self.listener(
            Signals(session=session, rows_hash=rows_hash, bottom=bottom, cols=cols, rows=rows)
        )

    def subscribe(self, session, cols, rows, fps):
        self.subscribed[session] = (cols, rows, fps)
        shown = self.rows_of(session)
        self.frame(session, dict(enumerate(shown)), height=len(shown), base=0)

    def frame(self, session, rows, *, height, base=0, cursor_x=0, cursor_y=-1):
        if self.listener is not None and session in self.subscribed:
            number = next(self.numbers)
            frame = ScreenFrame(
                session=session, number=number, base=base, cols=120, height=height, rows=rows,
                cursor_x=cursor_x, cursor_y=cursor_y,
            )  # fmt: skip
            self.listener(frame)

    def unsubscribe(self, session):
        self.subscribed.pop(session, None)

    def ack(self, session, number):
        self.acked[session] = number

    def key(self, session, key, text):
        self.sent.append(("key", session, key, text))

    def paste(self, session, text):
        self.sent.append(("paste", session, text))

    def mouse(self, event):
        self.sent.append(("mouse", event.session, event.kind, event.x, event.y))

    def resize(self, session, cols, rows):
        self.resized.append((session, cols, rows))

    async def rows(self, session, first, count):
        shown = [*self.history, *self.rows_of(session)]
        return RowsOf(req=1, first=first, rows=shown[first : first + count], total=len(shown))


def recorded(path, sizes=((120, 40),), steps=40):
    """Pictures of a recorded session at `steps` moments: real rows with real styles."""
    from gastown_tui.terminal import Terminal

    cols, rows = sizes[0]
    terminal = Terminal(cols, rows)
    lines = Path(path).read_text().splitlines()[1:]
    shots = []
    for at, line in enumerate(lines):
        _, kind, data = json.loads(line)
        if kind == "o":
            terminal.feed(data.encode())
        if at % max(1, len(lines) // steps) == 0:
            shots.append([*map(tuple, terminal.rows())] if hasattr(terminal, "rows") else [])
    return shots


def scripted(name, at, rng):
    """A coding agent's screen in words, for where no recording is at hand."""
    dim, ok, bold = (
        cells.pack(cells.palette(8)),
        cells.pack(cells.palette(2)),
        cells.pack(attributes=cells.BOLD),
    )
    blue, red, green = (cells.pack(cells.palette(index)) for index in (4, 1, 2))
    rule = "─" * 118
    body = [
        (("● ", ok, 2), ("I'll look at how uploads are retried now.", 0, 41)),
        (),
        (("● ", ok, 2), ("Read", bold, 4), ("(ledgerly/upload.py)", 0, 20)),
        (("  ⎿  ", dim, 5), ("Read 64 lines", dim, 13)),
        (),
        (("● ", ok, 2), ("Update", bold, 6), ("(ledgerly/upload.py)", 0, 20)),
        (("  ⎿  ", dim, 5), ("Added 3 lines, removed 1 line", 0, 29)),
        (("       14  ", dim, 11), ("         except Busy as error:", 0, 30)),
        (("       15 -", red, 11), ("             time.sleep(2 ** attempt)", red, 37)),
        (("       15 +", green, 11), ("             delay = BASE_S * 2**attempt", green, 40)),
        (("       16 +", green, 11), ("             time.sleep(random.uniform(0, delay))", green, 49)),
        (),
        (("● ", ok, 2), ("Bash", bold, 4), ("(pytest -q tests/test_upload.py)", 0, 32)),
        (("  ⎿  ", dim, 5), (f"{at % 40 + 3} passed in 0.{at % 90 + 10}s", 0, len(f"{at % 40 + 3} passed in 0.{at % 90 + 10}s"))),
        (),
    ]  # fmt: skip
    spinner = "✻✶✳✢·"[at % 5]
    tail = [
        ((f"{spinner} ", cells.pack(cells.rgb(215, 119, 87)), 2), (f"Working on {name}… ({at}s · ↑ {at * 37} tokens)", dim, len(f"Working on {name}… ({at}s · ↑ {at * 37} tokens)"))),
        (),
        ((f"╭{rule}╮", dim, 120),),
        (("│ ", dim, 2), ("> ", blue, 2), (" " * 115, 0, 115), ("│", dim, 1)),
        ((f"╰{rule}╯", dim, 120),),
        (("  ⏵⏵ auto mode on (shift+tab to cycle)", dim, 38),),
    ]  # fmt: skip
    start = rng.randrange(0, 8)
    return [*body[start:], *body, *tail]


async def animate(town, screens, clock=time.time):
    """Keep the town moving."""
    rng = random.Random(1)
    for step in itertools.count():
        await asyncio.sleep(0.1)
        for session in list(screens.subscribed):
            row = town.feed["agents"].get(session, {})
            if row.get("state") != "working":
                continue
            shown = scripted(row["name"], step, random.Random(session))
            screens.pictures[session] = shown
            height = len(shown)
            rows = {at: shown[at] for at in range(height - 6, height)}
            screens.frame(session, rows, height=height, base=1, cursor_x=4, cursor_y=height - 3)
        if step % 20 == 19:
            key = rng.choice([key for key in town.feed["agents"] if key != "mayor"])
            row = dict(town.feed["agents"][key]) | {"since": clock(), "tokens": rng.randrange(9**6)}
            town.feed["agents"][key] = row
            town.change(agents={key: row})


def build(agents=24, now=None):
    """A fake town and its screens."""
    moment = time.time() if now is None else now
    town = FakeTown(tables(agents, now=moment), now=moment)
    pictures = {
        key: scripted(row["name"], at * 7, random.Random(key))
        for at, (key, row) in enumerate(town.feed["agents"].items())
    }
    return town, FakeScreens(pictures)


def main():
    from gastown_tui.tui.app import GastownApp

    town, screens = build(int(sys.argv[1]) if len(sys.argv) > 1 else 24)

    class Live(GastownApp):
        def on_ready(self):
            self.run_worker(animate(town, screens))

    Live(town, screens).run()


if __name__ == "__main__":
    main()
