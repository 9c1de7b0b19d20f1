"""Formula files: those of the project, then the town's, then the shipped ones.

Looked for in `.beads/formulas` as `NAME.formula.toml`, `NAME.formula.json`, `NAME.toml` or
`NAME.json`; the first that is there wins, also as a parent or an expansion of others. Overrides for
single steps are in `.beads/formula-overlays/NAME.toml`.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gastown_tui.adapters.town_files import BEADS_NAME, beads_above, find_town
from gastown_tui.domain.errors import BadInput, Conflict, NotFound
from gastown_tui.domain.formula.errors import FormulaError, closest
from gastown_tui.domain.formula.parse import MAX_BYTES, Document, is_name, parse, parse_overlay

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from importlib.resources.abc import Traversable

    from gastown_tui.domain.formula.schema import Formula, Overlay

FORMULAS: Final = "formulas"
OVERLAYS: Final = "formula-overlays"
PROJECT: Final = "project"
TOWN: Final = "town"
SHIPPED: Final = "shipped"
_ENDINGS: Final = (".formula.toml", ".formula.json", ".toml", ".json", ".formula.yaml", ".yaml")


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A formula file in the search path."""

    name: str
    origin: str
    """`project`, `town` or `shipped`."""
    path: str
    hides: tuple[str, ...] = ()
    """Origins of files of the same name further down."""


class FormulaFiles:
    """The formulas of a search path; what was read is kept."""

    def __init__(self, places: Sequence[tuple[str, Path]]) -> None:
        """Search beads directories, given as pairs of origin and path, then what is shipped."""
        self._places = tuple(places)
        self._read: dict[str, Document] = {}

    def load(self, name: str, beneath: str = "") -> Document:
        """The formula of this name; with `beneath`, the next one after the file of that path.

        Raises:
            NotFound: there is none.
            FormulaError: it cannot be read.
        """
        is_below = not beneath
        for origin, path, file in self._files(name):
            if is_below:
                if path not in self._read:
                    self._read[path] = parse(_bytes(file, path), path, origin)
                return self._read[path]
            is_below = path == beneath
        where = " beneath this one" if beneath else ""
        hint = closest(name, (one.name for one in self.found()))
        raise NotFound(f"there is no formula {name!r}{where}", hint=hint)

    def found(self) -> list[Found]:
        """Every formula by name, as the search path gives it."""
        seen: dict[str, Found] = {}
        folders = [(origin, folder / FORMULAS) for origin, folder in self._places]
        for origin, folder in (*folders, (SHIPPED, _shipped())):
            for name in sorted(_names(folder)):
                first = seen.get(name)
                if first is None:
                    path = next(p for o, p, _ in self._files(name) if o == origin)
                    seen[name] = Found(name=name, origin=origin, path=path)
                elif origin != first.origin:
                    hides = (*first.hides, origin)
                    seen[name] = msgspec.structs.replace(first, hides=hides)
        return sorted(seen.values(), key=lambda one: one.name)

    def overlay(self, name: str) -> Overlay | None:
        """The overrides for a formula: the project's, else the town's.

        Raises:
            FormulaError: the file cannot be read.
        """
        for _, folder in self._places:
            file = folder / OVERLAYS / f"{name}.toml"
            if is_name(name) and _is_inside(file):
                return parse_overlay(_bytes(file, str(file)), str(file))
        return None

    def _files(self, name: str) -> Iterator[tuple[str, str, Path | Traversable]]:
        """Origin, path as shown, and file of everything of this name, in order."""
        if not is_name(name):
            return
        for origin, folder in self._places:
            for ending in _ENDINGS:
                file = folder / FORMULAS / f"{name}{ending}"
                if _is_inside(file):
                    yield origin, str(file), file
                    break
        shipped = _shipped() / f"{name}.formula.toml"
        if shipped.is_file():
            yield SHIPPED, f"{SHIPPED}/{shipped.name}", shipped


def formula_files(here: Path, env: Mapping[str, str]) -> FormulaFiles:
    """The search path of a folder: its beads directory, its town's, and what is shipped."""
    places: list[tuple[str, Path]] = []
    try:
        town = find_town(None, env) / BEADS_NAME
    except NotFound:
        town = None
    try:
        project = _redirected(beads_above(here))
        if town is None or project.resolve() != town.resolve():
            places.append((PROJECT, project))
    except NotFound:
        pass  # no project here: the town's and the shipped ones are left
    if town is not None and town.is_dir():
        places.append((TOWN, town))
    return FormulaFiles(places)


def read_file(path: Path) -> Document:
    """The formula in one file, wherever it is.

    Raises:
        NotFound: it is not there.
        FormulaError: it cannot be read.
    """
    if not path.is_file():
        raise NotFound(f"there is no file {path}")
    return parse(_bytes(path, str(path)), str(path), "file")


def _redirected(beads: Path) -> Path:
    """The directory that a sandbox's own points to; formulas may be read in any kind of one."""
    redirect = beads / "redirect"
    if redirect.is_file():
        text = redirect.read_text(encoding="utf-8", errors="replace").strip()
        target = (beads.parent / text.partition("\n")[0]).resolve()
        if text and target.is_dir():
            return target
    return beads


def _shipped() -> Traversable:
    return resources.files("gastown_tui") / "data" / "formulas"


def _names(folder: Path | Traversable) -> set[str]:
    """Names of the formulas in a folder."""
    if not folder.is_dir():
        return set()
    found: set[str] = set()
    for file in folder.iterdir():
        ending = next((one for one in _ENDINGS if file.name.endswith(one)), "")
        name = file.name.removesuffix(ending)
        if ending and is_name(name) and (not isinstance(file, Path) or _is_inside(file)):
            found.add(name)
    return found


def _is_inside(file: Path) -> bool:
    """Whether it is a plain file of its folder, and no link to somewhere else."""
    return file.is_file() and file.resolve().parent == file.parent.resolve()


def _bytes(file: Path | Traversable, path: str) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise FormulaError(path, "", f"cannot be read: {error.strerror}") from error


def write_formula(beads: Path, formula: Formula) -> Path:
    """Write a formula into a beads directory, as TOML; the file.

    Raises:
        BadInput: it cannot be called so.
        Conflict: there is a file of this name.
    """
    import tomlkit  # only here is anything written

    if not is_name(formula.formula):
        raise BadInput(f"{formula.formula!r} cannot be a name", hint="letters, digits, . _ and -")
    file = beads / FORMULAS / f"{formula.formula}.formula.toml"
    text = tomlkit.dumps(_toml(msgspec.to_builtins(formula)))
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise Conflict(f"{file} is there already", hint="choose another name") from error
    return file


def _toml(value: Any) -> Any:
    """Plain data as TOML has it: without nothing, long texts over several lines."""
    if isinstance(value, dict):
        return {key: _toml(part) for key, part in value.items() if part is not None}
    if isinstance(value, list | tuple):
        return [_toml(part) for part in value if part is not None]
    if isinstance(value, str) and "\n" in value.strip("\n") and value.isascii():
        from tomlkit import string

        return string(value, multiline=True)
    return value
