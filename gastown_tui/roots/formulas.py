"""The formulas of a town's rigs: what there is, and what they cook to for a bead."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from gastown_tui.adapters.formulas import FormulaFiles, Found, formula_files
from gastown_tui.domain.bead import Bead
from gastown_tui.domain.formula.cook import Protomolecule, Request, cook
from gastown_tui.domain.formula.errors import FormulaError
from gastown_tui.domain.formula.resolve import all_variables, companions, resolved
from gastown_tui.domain.formula.schema import kind_of
from gastown_tui.services.molecules import subject_of
from gastown_tui.services.ports import FormulaRow

ISSUE = "issue"
"""The variable that stands for the bead, unless it is given."""
_POURED = frozenset({"workflow"})


class TownFormulas:
    """Formulas as each rig finds them: its own first, then the town's, then the shipped ones."""

    def __init__(self, town: Path) -> None:
        self._town = town
        self._rows: dict[str, tuple[list[Found], list[FormulaRow]]] = {}

    def _files(self, rig: str) -> FormulaFiles:
        return formula_files(self._town / rig, {**os.environ, "GASTOWN_TOWN": str(self._town)})

    def rows(self, rig: str) -> list[FormulaRow]:
        """What can be poured for a bead of a rig; a file that cannot be read is left out.

        Files are read when others are there than the last time.
        """
        files = self._files(rig)
        there = files.found()
        known = self._rows.get(rig)
        if known is None or known[0] != there:
            known = self._rows[rig] = (there, self._read(files, there))
        return known[1]

    @staticmethod
    def _read(files: FormulaFiles, there: list[Found]) -> list[FormulaRow]:
        found: list[FormulaRow] = []
        for one in there:
            try:
                document = files.load(one.name)
                whole = resolved(document, files)
                if kind_of(whole.formula) not in _POURED:
                    continue
                known = all_variables(whole, companions(whole, files))
            except FormulaError:
                continue
            described = " ".join((document.formula.description or "").split())
            wanted = {
                name: "" if var.default is None else str(var.default)
                for name, var in known.items()
                if name != ISSUE
            }
            found.append(FormulaRow(name=one.name, description=described[:200], variables=wanted))
        return found

    def cook(self, rig: str, name: str, values: Mapping[str, str], bead: Bead) -> Protomolecule:
        """A formula cooked for a bead.

        Raises:
            NotFound: there is no such formula.
            FormulaError: it cannot be read, or not with these values.
        """
        files = self._files(rig)
        document = files.load(name)
        whole = resolved(document, files)
        given = dict(values)
        if ISSUE in all_variables(whole, companions(whole, files)):
            given.setdefault(ISSUE, bead.id)
        request = Request(
            values=given, overlay=files.overlay(document.name), subject=subject_of(bead)
        )
        return cook(document, files, request)
