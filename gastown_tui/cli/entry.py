"""`gastown` where no town is: demo, a new town, or one of those that were used before."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from gastown_tui.adapters.town_files import TOWN_FILE, find_town
from gastown_tui.cli.common import age, noted, plain, show
from gastown_tui.domain.errors import GastownError, NotFound

if TYPE_CHECKING:
    from gastown_tui.adapters.used_towns import Used

_SHOWN: Final = 5
_WAYS: Final = (
    ("d", "demo", "a throw-away town with scripted agents at work; needs no account"),
    ("i", "init", "a new town: one folder, the home of your projects and agents"),
    ("o", "open", "a town that you have already: you name its folder"),
)


def is_terminal() -> bool:
    """Whether a person can be shown a screen and asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def town_to_open() -> Path | None:
    """The town whose screen is wanted; None when a demo was shown, or nothing is wanted.

    Raises:
        NotFound: there is none, and nobody to ask.
    """
    from gastown_tui.adapters.used_towns import used_towns

    try:
        return find_town(None, os.environ)
    except NotFound as error:
        if os.environ.get("GASTOWN_TOWN"):
            raise
        if not is_terminal():
            hint = "name one with --town, or make one: gastown init DIR, gastown demo --headless"
            raise NotFound(
                f"there is no town in {short(Path.cwd())} or above it", hint=hint
            ) from error
    known = used_towns(os.environ)
    if len(known) == 1:
        noted(
            f"{short(known[0].path)}: the town used last; there is none around {short(Path.cwd())}"
        )
        return known[0].path
    return _asked(known[:_SHOWN])


def _asked(known: Sequence[Used]) -> Path | None:
    show(f"There is no town in {short(Path.cwd())} or above it.\n")
    for key, word, about in _WAYS:
        show(f"  {key}  {word}   {about}")
    for number, one in enumerate(known, 1):
        show(f"  {number}  {short(one.path)}   used {age(one.at)} ago")
    show("  q  leave\n")
    words = {key: word for key, word, _ in _WAYS} | {"q": "leave"}
    while True:
        said = str(click.prompt("Which", default="1" if known else "d")).strip().lower()
        if said.isdecimal() and 1 <= int(said) <= len(known):
            return known[int(said) - 1].path
        word = words.get(said, said)
        try:
            match word:
                case "demo":
                    _demo()
                    return None
                case "init":
                    return _new()
                case "open":
                    return _named()
                case "leave" | "quit":
                    return None
        except GastownError as error:  # told, and asked again: nothing was changed
            click.echo(f"  {plain(error)}", err=True)
            continue
        some = ", ".join([*words, *(str(number) for number in range(1, len(known) + 1))])
        show(f"  One of {some}.")


def _demo() -> None:
    from gastown_tui.cli.demo import demo

    demo.main(args=[], prog_name="gastown demo", standalone_mode=False)


def _new() -> Path:
    """A new town, with a first project if there is one to name."""
    from gastown_tui.cli.rig import rig
    from gastown_tui.cli.rig_add import rig_name_of
    from gastown_tui.cli.setup import new_town

    town = new_town(str(click.prompt("  Its folder", default="~/gastown")).strip())
    show(f"  A town stands in {short(town)}.")
    os.environ["GASTOWN_TOWN"] = str(town)
    show("  A project to work on: a path or URL; only read, never changed. Enter: later.")
    while source := str(click.prompt("  Project", default="", show_default=False)).strip():
        name = str(click.prompt("  Its name here", default=rig_name_of(source))).strip()
        try:
            rig.main(args=["add", name, source], prog_name="gastown rig", standalone_mode=False)
        except (GastownError, click.ClickException) as error:
            said = error.format_message() if isinstance(error, click.ClickException) else error
            click.echo(f"  {plain(said)}", err=True)
        else:
            break
    return town


def _named() -> Path:
    """The folder of a town, or one inside it."""
    given = Path(str(click.prompt("  Its folder")).strip()).expanduser().absolute()
    for folder in (given, *given.parents):
        if (folder / TOWN_FILE).is_file():
            return folder.resolve()
    raise NotFound(f"{short(given)} is no town: there is no {TOWN_FILE} in it or above it")


def remember(town: Path) -> None:
    """Keep in mind that this town was used; where that cannot be written, it is said."""
    from gastown_tui.adapters.used_towns import remember_town

    try:
        remember_town(town, os.environ, time.time())
    except OSError as error:
        noted(f"the town used last cannot be kept in mind: {error.filename}: {error.strerror}")


def short(path: Path) -> str:
    """A path as a person writes it: their home is `~`."""
    home = os.environ.get("HOME", "").rstrip("/")
    text = str(path)
    is_below = home and (text == home or text.startswith(f"{home}/"))
    return plain(f"~{text[len(home) :]}" if is_below else text)
