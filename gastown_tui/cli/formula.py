"""`gastown formula`: look at formulas, check them, and see what they cook to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gastown_tui.cli.bead_place import OneLine
from gastown_tui.cli.common import plain, show, show_json, table
from gastown_tui.domain.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gastown_tui.adapters.formulas import FormulaFiles
    from gastown_tui.domain.bead import Bead
    from gastown_tui.domain.formula.cook import Protomolecule
    from gastown_tui.domain.formula.errors import Finding
    from gastown_tui.domain.formula.parse import Document


@click.group(cls=OneLine)
def formula() -> None:
    """Look at formulas: how work is done, step by step."""


def _files() -> FormulaFiles:
    from gastown_tui.adapters.formulas import formula_files

    return formula_files(Path.cwd(), os.environ)


def _document(files: FormulaFiles, name: str) -> Document:
    """The formula of a name, or of a file."""
    from gastown_tui.adapters.formulas import read_file

    is_file = "/" in name or name.endswith((".toml", ".json", ".yaml"))
    return read_file(Path(name)) if is_file else files.load(name)


_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@formula.command("list")
@_as_json
def list_formulas(*, as_json: bool) -> None:
    """List what can be cooked here; a project's own come before the town's and the shipped ones."""
    from gastown_tui.domain.formula.errors import FormulaError
    from gastown_tui.domain.formula.schema import kind_of

    files = _files()
    rows: list[dict[str, Any]] = []
    for found in files.found():
        row = {"name": found.name, "type": "", "origin": found.origin, "path": found.path,
               "hides": list(found.hides), "description": ""}  # fmt: skip
        try:
            document = files.load(found.name)
        except FormulaError as error:
            row["description"] = f"cannot be read: {error.reason}"
        else:
            row["type"] = kind_of(document.formula)
            row["description"] = document.formula.description.strip().partition("\n")[0]
        rows.append(row)
    if as_json:
        show_json(rows)
        return
    table(
        ("NAME", "TYPE", "FROM", "WHAT"),
        ((row["name"], row["type"], _origin(row), _short(row["description"])) for row in rows),
    )


def _origin(row: dict[str, Any]) -> str:
    return f"{row['origin']}, hides {', '.join(row['hides'])}" if row["hides"] else row["origin"]


def _short(text: str) -> str:
    return text if len(text) <= 76 else f"{text[:75].rstrip()}…"


@formula.command("show")
@click.argument("name")
@_as_json
def show_formula(name: str, *, as_json: bool) -> None:
    """Show a formula: its variables, and its steps as they come out without values."""
    import msgspec

    from gastown_tui.domain.formula.cook import Request, cook
    from gastown_tui.domain.formula.resolve import all_variables, companions, resolved
    from gastown_tui.domain.formula.schema import kind_of

    files = _files()
    document = _document(files, name)
    whole = resolved(document, files)
    if as_json:
        show_json(msgspec.to_builtins(whole.formula))
        return
    kind = kind_of(whole.formula)
    show(plain(f"{whole.name}  {kind} {whole.formula.version}  ({whole.path})"))
    _paragraph(whole.formula.description)
    for var, one in sorted(all_variables(whole, companions(whole, files)).items()):
        default = "" if one.default is None else f" = {one.default}"
        needed = " (required)" if one.required and one.default is None else ""
        show(plain(f"  {var}{default}{needed}  {one.description}"))
    if kind == "aspect" and not whole.formula.aspects:
        targets = ", ".join(one.target for one in whole.formula.advice)
        show(plain(f"\nFor compose.aspects of other formulas; its advice is for {targets}"))
        return
    request = Request(is_sample=True, overlay=files.overlay(whole.name))
    _steps(cook(document, files, request))


def _paragraph(text: str) -> None:
    if text.strip():
        show()
        for line in text.strip().splitlines():
            show(plain(line))
        show()


def _steps(proto: Protomolecule, *, with_text: bool = False) -> None:
    depths: dict[str, int] = {}
    for number, step in enumerate(proto.steps, 1):
        depth = depths[step.id] = depths[step.parent] + 1 if step.parent else 0
        after = f"  after {', '.join(step.needs)}" if step.needs else ""
        gate = f"  gate {step.gate.type}" if step.gate is not None else ""
        side = "  parallel" if step.parallel else ""
        show(plain(f"{number:>4}. {'  ' * depth}{step.id}: {step.title}{after}{gate}{side}"))
        for line in step.description.splitlines() if with_text else ():
            show(plain(f"      {'  ' * depth}{line}"))
    for warning in proto.warnings:
        click.echo(plain(f"warning: {warning}"), err=True)


@formula.command()
@click.argument("names", nargs=-1)
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@_as_json
@click.pass_context
def lint(ctx: click.Context, names: Sequence[str], *, strict: bool, as_json: bool) -> None:
    """Check formulas (all of them, or those named, or files); exits with 1 on an error."""
    from gastown_tui.domain.formula.errors import Finding, FormulaError
    from gastown_tui.domain.formula.lint import lint as check

    files = _files()
    found: list[tuple[str, Finding]] = []
    for name in names or [one.name for one in files.found()]:
        try:
            document = _document(files, name)
        except FormulaError as error:
            found.append((error.path, Finding(level="error", key=error.key, text=error.reason)))
        else:
            found += [(document.path, one) for one in check(document, files)]
    if as_json:
        show_json([{"path": path, "level": one.level, "key": one.key, "text": one.text}
                   for path, one in found])  # fmt: skip
    else:
        for path, one in found:
            show(plain(": ".join(part for part in (path, one.level, one.key, one.text) if part)))
    if any(strict or one.level == "error" for _, one in found):
        ctx.exit(1)


def _request(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what is wanted of a formula."""
    for option in (
        click.option("--run", default="", help="Of a convoy: what its files are called."),
        click.option("--leg", "legs", multiple=True, help="Of a convoy: only these legs."),
        click.option("--preset", default="", help="Of a convoy: a choice of legs."),
        click.option("-v", "--var", "variables", multiple=True, metavar="NAME=VALUE"),
    ):
        command = option(command)
    return command


@formula.command("cook")
@click.argument("name")
@_request
@_as_json
def cook_formula(
    name: str,
    variables: Sequence[str],
    preset: str,
    legs: Sequence[str],
    run: str,
    *,
    as_json: bool,
) -> None:
    """Show what would be poured, with every variable in its place."""
    import msgspec

    from gastown_tui.domain.formula.cook import Request, cook

    files = _files()
    document = _document(files, name)
    request = Request(
        values=values_of(variables),
        preset=preset,
        legs=tuple(legs),
        run=run,
        overlay=files.overlay(document.name),
    )
    proto = cook(document, files, request)
    if as_json:
        show_json(msgspec.to_builtins(proto))
        return
    show(plain(f"{proto.title}  ({len(proto.steps)} steps)"))
    _paragraph(proto.description)
    _steps(proto, with_text=True)


def values_of(variables: Sequence[str]) -> dict[str, str]:
    """The values in `name=value` texts.

    Raises:
        BadInput: one is not of this form, or says a name twice.
    """
    values: dict[str, str] = {}
    for text in variables:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise BadInput(f"{text!r} gives no value", hint="write NAME=VALUE")
        if name.strip() in values:
            raise BadInput(f"{name.strip()} is given twice")
        values[name.strip()] = value
    return values


def cooked_for_town(
    town: Path, rig: str, name: str, variables: Sequence[str], **wanted: Any
) -> tuple[Protomolecule, Document]:
    """A formula as a rig finds it, cooked, and its document with all that it extends.

    Args:
        town: the town.
        rig: whose formulas come before the town's and the shipped ones.
        name: of the formula.
        variables: `NAME=VALUE` texts.
        wanted: `subject`, the bead that it is for, which also is the variable `issue` unless that
            is given; or `preset` and `legs` of a convoy.
    """
    from gastown_tui.adapters.formulas import formula_files
    from gastown_tui.domain.formula.cook import Request, cook
    from gastown_tui.domain.formula.resolve import all_variables, companions, resolved
    from gastown_tui.services.molecules import subject_of

    files = formula_files(town / rig, {**os.environ, "GASTOWN_TOWN": str(town)})
    document = files.load(name)
    whole = resolved(document, files)
    values = values_of(variables)
    bead: Bead | None = wanted.pop("subject", None)
    if bead is not None and "issue" in all_variables(whole, companions(whole, files)):
        values.setdefault("issue", bead.id)
    request = Request(
        values=values,
        overlay=files.overlay(document.name),
        subject=subject_of(bead) if bead is not None else None,
        **wanted,
    )
    proto = cook(document, files, request)
    for warning in proto.warnings:
        click.echo(plain(f"warning: {warning}"), err=True)
    return proto, whole
