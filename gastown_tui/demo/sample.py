"""The sample repository of the demo town, and a plan of work for it.

The repository is a small bookkeeping library with its tests; its files lie in `data/sample/repo`
with the suffix `.tmpl`, so that nothing takes them for modules of this package. The work lies in
`data/sample/work`: a catalogue of beads by convoy, and slips, which are well-meant changes that
break a test.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tomllib
from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec

from gastown_tui.demo.blocks import block
from gastown_tui.domain.errors import BadInput, Conflict, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable
    from pathlib import Path

SUFFIX = ".tmpl"
CONVOYS = ("reports", "imports", "money")
ASKS = 5
"""Beads that ask for permission, unless told otherwise."""
_HISTORY = (
    ("2026-01-12T09:30:00+01:00", "Ada Brandt", "Money and currencies", ("money", "currency")),
    ("2026-01-19T14:05:00+01:00", "Ada Brandt", "Accounts and transactions", ("acc", "trans")),
    ("2026-02-02T10:20:00+01:00", "Noor Vries", "Periods and the journal", ("dates", "journal")),
    ("2026-02-09T16:45:00+01:00", "Noor Vries", "Read and write plain text", ("parser", "writer")),
    ("2026-03-02T11:10:00+01:00", "Ada Brandt", "Balances and reports", ("bal", "form", "rep")),
    ("2026-03-16T09:00:00+01:00", "Tom Iversen", "Import and reconcile", ("import", "recon")),
    ("2026-04-07T17:30:00+02:00", "Noor Vries", "Exchange rates and budgets", ("rate", "budget")),
    ("2026-04-20T13:15:00+02:00", "Tom Iversen", "Checks and the command", ("",)),
)
"""Day, author, subject, and how the names of the modules begin that came with the commit."""


class DemoConvoy(msgspec.Struct, frozen=True, kw_only=True):
    """A theme under which beads travel together."""

    key: str
    title: str


class DemoBead(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of work."""

    key: str
    """Unique in the plan; the town gives the bead its own id."""
    title: str
    description: str
    """What is wanted; for a demo agent it ends in a demo block."""
    acceptance: str
    """Acceptance criteria, one a line."""
    type: str
    """`feature`, `bug`, `chore` or `epic`."""
    priority: int
    """0, the highest, to 3."""
    convoy: str
    parent: str
    """Key of the epic; empty for an epic."""
    depends_on: tuple[str, ...]
    """Keys of the beads that must land first."""
    breaks: bool
    """Whether the gate must refuse it."""
    contended: bool
    """Whether it edits a line beside which others edit too."""
    asks: bool
    """Whether its agent asks for permission."""


class DemoPlan(msgspec.Struct, frozen=True, kw_only=True):
    """All work of a demo town; parts before what depends on them."""

    seed: int
    convoys: tuple[DemoConvoy, ...]
    epics: tuple[DemoBead, ...]
    """One a convoy, with the convoy's key and title; nothing is done for them but their parts."""
    beads: tuple[DemoBead, ...]


def gate_command() -> tuple[str, ...]:
    """The gate of the sample: its tests, with this interpreter.

    `-B`, because two versions of a file may have the same size and second, and Python would take
    the cached module of the wrong one.
    """
    return (sys.executable, "-B", "-m", "unittest", "-q")


def make_sample(path: Path) -> None:
    """Creates the sample repository with its history on `main`; the same commits every time.

    Raises:
        Conflict: the folder is there and not empty.
        Unavailable: git failed.
    """
    if path.exists() and any(path.iterdir()):
        raise Conflict(f"{path} is not empty", hint="choose another folder for the sample")
    path.mkdir(parents=True, exist_ok=True)
    files = {name: text.read_bytes() for name, text in _templates()}
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    _git(path, "init", "-q", "-b", "main")
    left = sorted(files)
    for day, author, subject, starts in _HISTORY:
        names = [name for name in left if _stem(name).startswith(starts)]
        left = [name for name in left if name not in names]
        _git(path, "add", "--", *names)
        _git(path, "commit", "-q", "--no-verify", "-m", subject, who=author, when=day)


def plan_work(seed: int, beads: int = 40, asks: int = ASKS) -> DemoPlan:
    """Work for the sample: the same plan for the same arguments.

    Args:
        seed: chooses the breaking bead and its slip, who asks, priorities and paces.
        beads: how many, 8 to 40, epics not counted.
        asks: how many of them ask for permission; 0 for a town that nobody watches.

    Raises:
        BadInput: another number of beads.
    """
    tables = {key: _table(key) for key in CONVOYS}
    rows = list(_interleaved(tables))
    if not 8 <= beads <= len(rows):
        raise BadInput(f"the demo has work for 8 to {len(rows)} beads, not {beads}")
    rows = rows[:beads]
    rng = random.Random(seed)
    needed = {need for _, row in rows for need in row.get("needs", ())}
    leaves = [row for _, row in rows if row["key"] not in needed and not _contended(row)]
    breaking = rng.choice(leaves)["key"]
    slip = rng.choice(_table("slips")["slip"])
    calm = [row["key"] for _, row in rows if row["key"] != breaking]
    asking = set(rng.sample(calm, min(asks, len(calm))))
    return DemoPlan(
        seed=seed,
        convoys=tuple(DemoConvoy(key=key, title=tables[key]["title"]) for key in CONVOYS),
        epics=tuple(_epic(key, tables[key]) for key in CONVOYS),
        beads=tuple(
            _bead(convoy, row, rng, slip if row["key"] == breaking else None, asking)
            for convoy, row in rows
        ),
    )


def _interleaved(tables: dict[str, dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The beads of all convoys in turn, so that a small plan has a bit of each."""
    longest = max(len(table["bead"]) for table in tables.values())
    for at in range(longest):
        for key, table in tables.items():
            if at < len(table["bead"]):
                yield key, table["bead"][at]


def _bead(
    convoy: str,
    row: dict[str, Any],
    rng: random.Random,
    slip: dict[str, str] | None,
    asking: set[str],
) -> DemoBead:
    asks = row["key"] in asking
    script = block(row, rng, slip, asks=asks)
    return DemoBead(
        key=row["key"],
        title=row["title"],
        description=f"{row['text']}\n\n{script}",
        acceptance="\n".join(f"- {line}" for line in row["accept"]),
        type=row.get("type", "feature"),
        priority=rng.choice((0, 1, 1, 2, 2, 2, 3)),
        convoy=convoy,
        parent=f"epic-{convoy}",
        depends_on=tuple(row.get("needs", ())),
        breaks=slip is not None,
        contended=_contended(row),
        asks=asks,
    )


def _epic(key: str, table: dict[str, Any]) -> DemoBead:
    return DemoBead(
        key=f"epic-{key}",
        title=table["title"],
        description=table["text"],
        acceptance="- every part has landed",
        type="epic",
        priority=1,
        convoy=key,
        parent="",
        depends_on=(),
        breaks=False,
        contended=False,
        asks=False,
    )


def _contended(row: dict[str, Any]) -> bool:
    return bool(row.get("contended") or row.get("change"))


def _data() -> Traversable:
    return resources.files("gastown_tui") / "data" / "sample"


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads((_data() / "work" / f"{name}.toml").read_text(encoding="utf-8"))


def _templates() -> Iterator[tuple[str, Traversable]]:
    """Path in the repository and template of every file."""

    def walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
        for entry in folder.iterdir():
            if entry.is_dir():
                yield from walk(entry, f"{prefix}{entry.name}/")
            elif entry.name.endswith(SUFFIX):
                yield prefix + entry.name.removesuffix(SUFFIX), entry

    return walk(_data() / "repo", "")


def _stem(name: str) -> str:
    return name.rpartition("/")[2].removeprefix("test_")


def _git(path: Path, *args: str, who: str = "", when: str = "") -> None:
    mail = f"{who.split(' ')[0].lower()}@ledgerly.invalid"
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": who,
        "GIT_AUTHOR_EMAIL": mail,
        "GIT_AUTHOR_DATE": when,
        "GIT_COMMITTER_NAME": who,
        "GIT_COMMITTER_EMAIL": mail,
        "GIT_COMMITTER_DATE": when,
    }
    done = subprocess.run(
        ["git", *args], cwd=path, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        raise Unavailable(f"git {args[0]} failed in {path}", hint=done.stderr.strip()[-300:])
