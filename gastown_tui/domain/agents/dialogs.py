"""Dialogs on an agent's screen: recognised where they live, answered by what an option says.

A dialog is live when its options are the last thing on the screen but for a line or two of hints,
and one of them carries the pointer::

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

from gastown_tui.domain.agents.launch import Consents
from gastown_tui.domain.agents.screen import is_line
from gastown_tui.domain.errors import Conflict

Kind = Literal[
    "permission",
    "question",
    "plan",
    "trust",
    "mcp",
    "api_key",
    "bypass",
    "add_dir",
    "resume",
    "login",
    "limit",
    "onboarding",
    "other",
]
Choice = Literal["approve", "always", "deny"]
START_UP: Final = frozenset({"trust", "mcp", "api_key", "bypass", "add_dir"})
"""Kinds that ask for the overseer's word, not for a decision about a step of the work."""

UP: Final = b"\x1b[A"
DOWN: Final = b"\x1b[B"
ENTER: Final = b"\r"

_MAX_HINTS: Final = 5
_MAX_NOTES: Final = 4
_MAX_ABOVE: Final = 14
_POINTER: Final = "❯›▶▸>"
_OPTION: Final = re.compile(
    rf"^[\s│┃|]*(?P<pointer>[{_POINTER}])?\s*(?P<number>\d{{1,2}})[.)]\s+(?P<text>\S.*?)[\s│┃|]*$"
)
_EDGE: Final = " \u00a0│┃|"

_KINDS: Final[tuple[tuple[Kind, str], ...]] = (
    ("bypass", r"bypass permissions mode|skip.*permission checks"),
    ("mcp", r"\bmcp servers?\b.*(found|use|trust)|new mcp server"),
    ("api_key", r"custom api key|use this api key"),
    ("add_dir", r"(add|trust).*director(y|ies)|additional director"),
    ("trust", r"trust (this|the files in this) (folder|workspace|project)|quick safety check"),
    ("login", r"select login method|log ?in (method|with|again)|oauth"),
    ("limit", r"(usage|session|weekly|5-hour|hour) limit|stop and wait|extra usage"),
    ("resume", r"resume (session|conversation|from summary|full)|session is .* old"),
    ("onboarding", r"choose the text style|looks best with your terminal|syntax theme"),
    ("plan", r"would you like to proceed|ready to code"),
    (
        "permission",
        r"do you want to (proceed|make|create|allow|overwrite|edit|run)|needs? your permission"
        r"|wants? to (run|edit|fetch|use|read|write)|allow .*\?",
    ),
    ("question", r"enter to select|\?\s*$"),
)
_YES: Final = re.compile(r"^(yes|approve|allow|accept|proceed)\b", re.IGNORECASE)
_NO: Final = re.compile(r"^(no|deny|reject|decline|cancel|don'?t allow)\b", re.IGNORECASE)
_WIDER: Final = re.compile(
    r"don'?t ask|always|auto|bypass|all edits|any |everything|every time|for this session"
    r"|during this session|switch|mode|allow all|from now on|remember|all future|skip",
    re.IGNORECASE,
)
_LASTING: Final = re.compile(
    r"don'?t ask|always allow|allow all edits|remember|from now on"
    r"|(for|during) this session|allow .* from this project",
    re.IGNORECASE,
)
_ANOTHER_MODE: Final = re.compile(
    r"auto mode|auto-accept|auto accept|bypass|switch|skip|every(thing)?\b|extra usage|upgrade",
    re.IGNORECASE,
)


class Dialog(msgspec.Struct, frozen=True, kw_only=True):
    """A numbered dialog that waits for a choice."""

    kind: Kind
    question: str
    """The line that asks, as shown."""
    detail: str = ""
    """What stands above it: the command, the file, the question's text; rows joined by newlines."""
    options: list[str]
    """Texts from the top, without numbers."""
    selected: int
    """Index of the option that carries the pointer."""

    @property
    def at_start(self) -> bool:
        """Whether it asks for the overseer's word about the folder, its servers or its key."""
        return self.kind in START_UP


def find_dialog(rows: list[str]) -> Dialog | None:
    """The live dialog at the bottom of these rows, or None."""
    marked = [(index, _OPTION.match(row)) for index, row in enumerate(rows)]
    options = [(index, match) for index, match in marked if match]
    if not options or not _only_hints(rows[options[-1][0] + 1 :]):
        return None
    block = _last_block(rows, options)
    pointed = [place for place, (_, match) in enumerate(block) if match["pointer"]]
    if len(block) < 2 or len(pointed) != 1:
        return None
    first = block[0][0]
    above = _above(rows, first)
    below = [row.strip(_EDGE) for row in rows[block[-1][0] + 1 :]]
    texts = [match["text"].strip() for _, match in block]
    return Dialog(
        kind=_kind(above, texts, below),
        question=above[-1] if above else "",
        detail="\n".join(above[:-1]),
        options=texts,
        selected=pointed[0],
    )


def _only_hints(below: list[str]) -> bool:
    """Whether nothing but a few lines stand under the options: no prompt box, no more output."""
    with_text = [row for row in below if row.strip(_EDGE)]
    inside = [row for row in with_text if not is_line(row)]
    return len(inside) <= _MAX_HINTS and not any(
        row.strip(_EDGE).startswith(("❯", "> ")) for row in inside
    )


def _last_block(
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


def _above(rows: list[str], first: int) -> list[str]:
    """The rows over the options up to a rule that has text under it."""
    texts: list[str] = []
    for row in reversed(rows[max(0, first - _MAX_ABOVE) : first]):
        if is_line(row):
            if texts:
                break
            continue
        if text := row.strip(_EDGE):
            texts.insert(0, text)
    return texts


def _kind(above: list[str], options: list[str], below: list[str]) -> Kind:
    asked = "\n".join([*above, *below]).lower()
    everything = f"{asked}\n" + "\n".join(options).lower()
    for kind, pattern in _KINDS:
        text = asked if kind in ("permission", "question", "plan") else everything
        if re.search(pattern, text, re.MULTILINE):
            return kind
    return "other"


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
        plain = [index for index in fitting if not _WIDER.search(dialog.options[index])]
        fitting = plain[:1]
    if len(fitting) != 1:
        raise Conflict(
            f"no single option of the dialog means {choice!r}",
            hint="answer it in the pane: " + " / ".join(dialog.options),
        )
    return fitting[0]


def _says(text: str, choice: str) -> bool:
    match choice:
        case "approve":
            return _YES.match(text) is not None and not _WIDER.search(text)
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
        "api_key": consents.api_key,
        "bypass": consents.bypass,
        "mcp": bool(mcp_asked) and set(mcp_asked) <= set(consents.mcp or []),
    }
    if not agreed.get(dialog.kind, False):
        return None
    yes = [text for text in dialog.options if _START_YES[dialog.kind].match(text)]
    return yes[0] if len(yes) == 1 else None


_START_YES: Final = {
    "trust": re.compile(r"yes,? (I trust|proceed|continue)", re.IGNORECASE),
    "api_key": re.compile(r"yes\b", re.IGNORECASE),
    "bypass": re.compile(r"yes,? I accept", re.IGNORECASE),
    "mcp": re.compile(r"use this mcp server$|use this$|yes$", re.IGNORECASE),
}
