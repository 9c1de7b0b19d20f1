"""Dialogs on an agent's screen: recognised where they live, answered by what an option says.

A dialog is live when its options are the last thing on the screen but for a few lines of hints,
and one of them carries the pointer. Options without numbers count only above a line that says
which keys choose::

     Do you want to proceed?
     ❯ 1. Yes
       2. Yes, and don't ask again for: make test
       3. Yes, and switch to auto mode
       4. No, and tell Claude what to do differently (esc)

Numbers and places of options change from version to version (the third once was "No"), so neither
ever decides. Nothing that widens what an agent may do is chosen but by its own words.
"""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from gastown_tui.domain.agents.dialog import Dialog, Kind
from gastown_tui.domain.agents.launch import Consents
from gastown_tui.domain.agents.screen import is_line
from gastown_tui.domain.errors import Conflict

Choice = Literal["approve", "always", "deny"]
UP: Final = b"\x1b[A"
DOWN: Final = b"\x1b[B"
ENTER: Final = b"\r"

_MAX_HINTS: Final = 5
_MAX_NOTES: Final = 4
_MAX_ABOVE: Final = 24
_POINTER: Final = "❯›▶▸>"
_EDGE: Final = " \u00a0│┃|"
_NUMBERED: Final = re.compile(
    rf"^[{_EDGE}]*(?P<pointer>[{_POINTER}])?\s*(?P<number>\d{{1,2}})[.)]\s+(?P<text>\S.*)$"
)
_POINTED: Final = re.compile(rf"^[{_EDGE}]*[❯›▶▸] +(?P<text>\S.*)$")
_HINT: Final = re.compile(r"\b(enter|space) to (confirm|select)\b|\besc to (cancel|reject)", re.I)
_DASHES: Final = re.compile(r"^[╌┄┈-]{10,}$")

_ASKS: Final[tuple[tuple[Kind, str], ...]] = (
    ("api_key", r"use this api key"),
    (
        "permission",
        r"do you want to (proceed|make|create|allow|overwrite|edit|run|use|fetch)\b"
        r"|^allow .*\?$|needs? your permission",
    ),
    ("plan", r"would you like to proceed|ready to code"),
)
"""Decided by the line over the options, which is the program's own; what stands above it may be
the text of a command or a file, and says what it likes."""
_OPENS: Final[tuple[tuple[Kind, str], ...]] = (
    ("bypass", r"bypass permissions mode"),
    ("mcp", r"\bnew mcp servers?\b"),
    ("add_dir", r"(add|trust)\w* .*director(y|ies)"),
    ("trust_rules", r"folder pre-approves|pre-approved permissions"),
    ("trust", r"quick safety check|trust (this|the files in this) (folder|workspace|project)"),
    ("login", r"select login method|log ?in (method|with|again)"),
    ("limit", r"(usage|session|weekly|\d-hour|hour|opus|sonnet) limit|stop and wait|extra usage"),
    ("resume", r"resume (session|conversation|from summary|full)|session is .* old"),
    ("onboarding", r"choose the text style|looks best with your terminal|syntax theme"),
)
_YES: Final = re.compile(r"^(yes|approve|allow|accept|proceed)\b", re.IGNORECASE)
_NO: Final = re.compile(r"^(no|deny|reject|decline|cancel|don['’]?t allow)\b", re.IGNORECASE)
_ONCE: Final = re.compile(
    r"(yes|approve|allow|accept|proceed)"
    r"(,? (once|proceed|continue|approve|allow once|allow it|run it|this time|this once"
    r"|and manually approve edits))?"
    r"( \([^)]*\))?",
    re.IGNORECASE,
)
"""The only words for a yes that grants nothing more: whatever else follows it may widen it."""
_LASTING: Final = re.compile(
    r"don['’]?t ask|always allow|allow all edits|switch to accept edits|remember|from now on"
    r"|for this session|from this project",
    re.IGNORECASE,
)
_ANOTHER_MODE: Final = re.compile(
    r"auto mode|auto-accept|bypass|switch to (?!accept edits)|skip|every(thing)?\b|extra usage"
    r"|upgrade",
    re.IGNORECASE,
)


def _asked(kind: Kind, above: list[str]) -> str:
    """The row that asks: the last one, or for a start-up dialog the one that says what it is."""
    pattern = dict(_OPENS).get(kind, "")
    opening = (row for row in above if pattern and re.search(pattern, row.lower()))
    return next(opening, above[-1] if above else "")


class _Block(msgspec.Struct, frozen=True):
    """Options on the screen: rows they begin and end on, their texts, who has the pointer."""

    first: int
    last: int
    texts: list[str]
    notes: list[str]
    """What stands under each option: the rest of its text, or a description."""
    selected: int


def find_dialog(rows: list[str]) -> Dialog | None:
    """The live dialog at the bottom of these rows, or None."""
    block = _numbered_block(rows) or _plain_block(rows)
    if block is None:
        return None
    above = _above(rows, block.first)
    below = [row.strip(_EDGE) for row in rows[block.last + 1 :]]
    kind = _kind(above, block.texts, below)
    texts = block.texts
    if kind != "question":
        pairs = zip(texts, block.notes, strict=True)
        texts = [f"{text} {note}".strip() for text, note in pairs]
    asked = _asked(kind, above)
    return Dialog(
        kind=kind,
        question=asked,
        detail="\n".join(row for row in above if row != asked),
        options=texts,
        selected=block.selected,
    )


def _numbered_block(rows: list[str]) -> _Block | None:
    marked = [(index, _NUMBERED.match(row.rstrip(_EDGE))) for index, row in enumerate(rows)]
    options = [(index, match) for index, match in marked if match]
    if not options:
        return None
    block = _joined(rows, options)
    pointed = [place for place, (_, match) in enumerate(block) if match["pointer"]]
    if len(block) < 2 or len(pointed) != 1:
        return None
    starts = [index for index, _ in block]
    last = starts[-1]
    column = block[-1][1].start("text")
    while last + 1 < len(rows) and _indent(rows[last + 1]) >= column:
        last += 1
    if not _only_hints(rows[last + 1 :]):
        return None
    ends = [*(start - 1 for start in starts[1:]), last]
    notes = [_note(rows[start + 1 : end + 1]) for start, end in zip(starts, ends, strict=True)]
    texts = [match["text"].strip() for _, match in block]
    return _Block(starts[0], last, texts, notes, pointed[0])


def _joined(
    rows: list[str], options: list[tuple[int, re.Match[str]]]
) -> list[tuple[int, re.Match[str]]]:
    """The options that belong together, from number 1 down to the last on the screen."""
    block = [options[-1]]
    for index, match in reversed(options[:-1]):
        below, lower = block[0]
        notes = [row for row in rows[index + 1 : below] if row.strip(_EDGE)]
        if int(match["number"]) != int(lower["number"]) - 1 or len(notes) > _MAX_NOTES:
            break
        block.insert(0, (index, match))
    return block if int(block[0][1]["number"]) == 1 else []


def _plain_block(rows: list[str]) -> _Block | None:
    """Options without numbers: only under a line that says which keys choose."""
    pointed = [(index, _POINTED.match(row)) for index, row in enumerate(rows)]
    found = [(index, match) for index, match in pointed if match]
    if not found:
        return None
    index, match = found[-1]
    column = match.start("text")
    first = last = index
    while first > 0 and _indent(rows[first - 1]) == column:
        first -= 1
    while last + 1 < len(rows) and _indent(rows[last + 1]) == column:
        last += 1
    below = rows[last + 1 :]
    if not _only_hints(below) or not any(_HINT.search(row) for row in below):
        return None
    texts = [row[column:].strip(_EDGE) for row in rows[first : last + 1]]
    return _Block(first, last, texts, [""] * len(texts), index - first)


def _indent(row: str) -> int:
    """The column of a row's text; -1 for a blank row or a rule."""
    text = row.strip(_EDGE)
    return -1 if not text or is_line(row) else row.index(text)


def _note(rows: list[str]) -> str:
    return " ".join(row.strip(_EDGE) for row in rows if row.strip(_EDGE) and not is_line(row))


def _only_hints(below: list[str]) -> bool:
    """Whether nothing but a few lines stand under the options: no prompt box, no more output."""
    inside = [text for row in below if (text := row.strip(_EDGE)) and not is_line(row)]
    return len(inside) <= _MAX_HINTS and not any(text[0] in "❯›" for text in inside)


def _above(rows: list[str], first: int) -> list[str]:
    """The rows over the options up to a rule that has text under it."""
    texts: list[str] = []
    for row in reversed(rows[max(0, first - _MAX_ABOVE) : first]):
        if is_line(row):
            if texts:
                break
            continue
        text = row.strip(_EDGE)
        if text and not _DASHES.match(text) and not text.startswith("Tip: "):
            texts.insert(0, text)
    return texts


def _kind(above: list[str], options: list[str], below: list[str]) -> Kind:
    asked = above[-1].lower() if above else ""
    for kind, pattern in _ASKS:
        if re.search(pattern, asked):
            return kind
    everything = "\n".join([*above, *options]).lower()
    for kind, pattern in _OPENS:
        if re.search(pattern, everything):
            return kind
    selecting = any("enter to select" in row.lower() for row in below)
    return "question" if selecting or asked.endswith("?") else "other"


def option_for(dialog: Dialog, choice: Choice | str) -> int:
    """The index of the option that says what was chosen.

    Args:
        dialog: as shown.
        choice: approve (this once), always (do not ask again for the like), deny, or the exact
            text of an option.

    Raises:
        Conflict: no option says that, or more than one.
    """
    if choice in dialog.options:
        return dialog.options.index(choice)
    fitting = [index for index, text in enumerate(dialog.options) if _says(text, choice)]
    if len(fitting) > 1 and choice == "deny":
        fitting = [index for index in fitting if not _LASTING.search(dialog.options[index])][:1]
    if len(fitting) != 1:
        raise Conflict(
            f"no single option of the dialog means {choice!r}",
            hint="answer it in the pane: " + " / ".join(dialog.options),
        )
    return fitting[0]


def _says(text: str, choice: str) -> bool:
    match choice:
        case "approve":
            return _ONCE.fullmatch(text) is not None
        case "always":
            return (
                _YES.match(text) is not None
                and _LASTING.search(text) is not None
                and not _ANOTHER_MODE.search(text)
            )
        case "deny":
            return _NO.match(text) is not None
        case _:
            return False


def next_press(dialog: Dialog, choice: Choice | str) -> bytes:
    """The one key that brings the dialog nearer to the choice: an arrow, or Enter upon it.

    Type it guarded by the rows it was read from, look again, and go on until the dialog is gone:
    then Enter only ever meets the option that was meant.

    Raises:
        Conflict: as `option_for`.
    """
    target = option_for(dialog, choice)
    if target == dialog.selected:
        return ENTER
    return DOWN if target > dialog.selected else UP


def answer(dialog: Dialog, choice: Choice | str) -> list[bytes]:
    """All key presses from the dialog as it is to the choice.

    Raises:
        Conflict: as `option_for`.
    """
    way = option_for(dialog, choice) - dialog.selected
    return [DOWN if way > 0 else UP] * abs(way) + [ENTER]


def start_up_answer(dialog: Dialog, consents: Consents, mcp_asked: list[str]) -> str | None:
    """The option for a start-up question that the overseer has already answered, else None.

    Args:
        dialog: as shown.
        consents: what is on record.
        mcp_asked: the servers that the repository names; all must be consented to.
    """
    agreed = {
        "trust": consents.trust,
        "trust_rules": consents.trust and consents.trust_rules,
        "api_key": consents.api_key,
        "bypass": consents.bypass,
        "mcp": bool(mcp_asked) and set(mcp_asked) <= set(consents.mcp or []),
    }
    if not agreed.get(dialog.kind, False):
        return None
    yes = [text for text in dialog.options if _START_YES[dialog.kind].match(text)]
    return yes[0] if len(yes) == 1 else None


def names_folder(dialog: Dialog, folder: str, home: str = "") -> bool:
    """Whether a dialog shows this path in rows of its own; a long one goes on in the next row."""
    rows = [row.strip(_EDGE) for row in dialog.detail.split("\n")]
    wanted = {folder}
    if home and folder.startswith(f"{home}/"):
        wanted.add("~" + folder[len(home) :])
    for first in range(len(rows)):
        shown = ""
        for row in rows[first:]:
            shown += row
            if shown in wanted:
                return True
            if len(shown) > len(folder):
                break
    return False


_START_YES: Final = {
    "trust": re.compile(r"yes,? (I trust|proceed|continue)", re.IGNORECASE),
    "trust_rules": re.compile(r"yes,? (I trust|proceed|continue)", re.IGNORECASE),
    "api_key": re.compile(r"yes\b", re.IGNORECASE),
    "bypass": re.compile(r"yes,? I accept", re.IGNORECASE),
    "mcp": re.compile(r"use this mcp server$", re.IGNORECASE),
}
