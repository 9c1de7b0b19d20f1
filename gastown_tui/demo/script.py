"""The script block of a bead, which a demo agent follows instead of asking a model.

A fenced block in the bead's description, marked `demo`, holds TOML::

    behaviour = "crash"          # optional: crash, stall, conflict, break, ask; times = N
    test = "python -m unittest"  # optional: what is run after a rebase
    [[step]]
    read = "pkg/money.py"
    [[step]]
    edit = "pkg/money.py"        # find/replace, after/insert, before/insert, append or create
    append = "..."
    [[step]]
    run = "python -m unittest -q tests.test_money"
    ask = "May I?"               # optional: shows a permission dialog first
    [[step]]
    commit = "Add a thing"
    [[step]]
    think = 1.5                  # or say = "..."

`[[fix]]` holds further steps, taken when a gate refused the change.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from gastown_tui.domain.errors import BadInput

_BLOCK = re.compile(r"^```demo[ \t]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
BEHAVIOURS = ("crash", "stall", "conflict", "break", "ask")
MAX_STEPS = 200
_VERBS = ("read", "edit", "run", "commit", "think", "say")
_WAYS = {
    "replace": ("replace", "find"),
    "append": ("append", ""),
    "after": ("insert", "after"),
    "before": ("insert", "before"),
    "create": ("create", ""),
}
"""How a file is edited, with the keys of the text and of the marker."""


class Step(NamedTuple):
    """One thing to do: `verb` with its `subject`, and for an edit the way and its texts."""

    verb: str
    """`read`, `edit`, `run`, `commit`, `think` or `say`."""
    subject: str
    """A path, a command, a message, or seconds as text."""
    way: str = ""
    """Of an edit: `replace`, `append`, `after`, `before` or `create`."""
    marker: str = ""
    """Of an edit: the text to find, or the whole line beside which to insert."""
    text: str = ""
    """Of an edit: what is written."""
    ask: str = ""
    """Of a run: the question of the permission dialog, or empty."""


class Script(NamedTuple):
    """All that a bead orders."""

    steps: tuple[Step, ...]
    fix: tuple[Step, ...] = ()
    test: str = ""
    behaviour: str = ""
    times: int = 1


def parse_script(description: str) -> Script | None:
    """The script in a bead's description, or None when there is no block.

    Raises:
        BadInput: the block is not what the module's docstring says.
    """
    found = _BLOCK.search(description.replace("\r\n", "\n"))
    if not found:
        return None
    import tomllib  # read once a bead, not at start-up

    try:
        table = tomllib.loads(found[1])
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"the demo block is not TOML: {error}") from error
    behaviour = _text(table, "behaviour")
    if behaviour and behaviour not in BEHAVIOURS:
        raise BadInput(f"the demo block has behaviour {behaviour!r}", hint=f"one of {BEHAVIOURS}")
    times = table.get("times", 1)
    if not isinstance(times, int) or isinstance(times, bool):
        raise BadInput("`times` of the demo block must be a number")
    return Script(
        steps=_steps(table, "step"),
        fix=_steps(table, "fix"),
        test=_text(table, "test"),
        behaviour=behaviour,
        times=times,
    )


def _steps(table: dict[str, Any], name: str) -> tuple[Step, ...]:
    rows = table.get(name, [])
    if not isinstance(rows, list) or len(rows) > MAX_STEPS:
        raise BadInput(f"[[{name}]] of the demo block must be at most {MAX_STEPS} tables")
    return tuple(_step(row) for row in rows)


def _step(row: Any) -> Step:
    if not isinstance(row, dict):
        raise BadInput("a step of the demo block is not a table")
    verb = next((verb for verb in _VERBS if verb in row), "")
    if not verb:
        raise BadInput(f"a step of the demo block has none of {', '.join(_VERBS)}")
    if verb == "think":
        seconds = row["think"]
        if not isinstance(seconds, int | float) or not 0 <= seconds <= 3600:
            raise BadInput("`think` of the demo block must be seconds, 0 to 3600")
        return Step(verb, str(float(seconds)))
    subject = _text(row, verb)
    if verb in {"read", "edit"}:
        check_path(subject)
    if verb != "edit":
        return Step(verb, subject, ask=_text(row, "ask"))
    for way, (key, mark) in _WAYS.items():
        if way in row:
            text, marker = _text(row, key), _text(row, mark) if mark else ""
            if text and (marker or not mark):
                return Step(verb, subject, way, marker, text)
    raise BadInput(
        f"the edit of {subject} is incomplete",
        hint="find and replace, after or before and insert, append, or create",
    )


def _text(row: dict[str, Any], key: str) -> str:
    value = row.get(key, "")
    if not isinstance(value, str):
        raise BadInput(f"`{key}` of the demo block must be text")
    return value


def check_path(path: str) -> None:
    """Refuses what is not a plain path inside the sandbox.

    Raises:
        BadInput: absolute, with `..`, into `.git`, or empty.
    """
    parts = PurePosixPath(path).parts
    if not parts or path.startswith(("/", "-", "~")) or {"..", ".git"} & set(parts) or "\0" in path:
        raise BadInput(f"{path!r} is not a path inside the sandbox")


def edited(text: str, step: Step) -> str:
    """The file's text after the edit; the same text when the edit is there already.

    An edit is taken for made when its text is in the file, so that text must be new to the file.

    Raises:
        BadInput: what the edit looks for is not in the file.
    """
    if step.way == "replace":
        if step.text in text:
            return text
        if step.marker not in text:
            raise BadInput(f"{step.subject} has no text {step.marker.strip()!r}")
        return text.replace(step.marker, step.text, 1)
    if "\n" + step.text.strip("\n") + "\n" in f"\n{text}\n":
        return text
    if step.way == "create":
        return step.text
    if step.way == "append":
        return text + step.text
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if line.strip() == step.marker.strip():
            at = number + (step.way == "after")
            return "".join((*lines[:at], step.text, *lines[at:]))
    raise BadInput(f"{step.subject} has no line {step.marker.strip()!r}")
