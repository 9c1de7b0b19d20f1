from __future__ import annotations

import textwrap

import pytest

from gastown_tui.domain.errors import NotFound
from gastown_tui.domain.formula.cook import Request, cook
from gastown_tui.domain.formula.parse import parse


class Book:
    """Formulas in memory, found by name; later ones hide earlier ones."""

    def __init__(self):
        self.documents = []

    def add(self, text: str, path: str = ""):
        path = path or f"{len(self.documents)}.toml"
        document = parse(textwrap.dedent(text).encode(), path)
        self.documents.insert(0, document)
        return document

    def load(self, name, beneath=""):
        below = not beneath
        for one in self.documents:
            if one.name == name and below:
                return one
            below = below or one.path == beneath
        raise NotFound(f"there is no formula {name!r}")

    def cook(self, text: str, **request):
        overlay = request.pop("overlay", None)
        legs, preset, run = (
            request.pop(k, d) for k, d in (("legs", ()), ("preset", ""), ("run", ""))
        )
        wanted = Request(values=request, overlay=overlay, legs=legs, preset=preset, run=run)
        return cook(self.add(text), self, wanted)


@pytest.fixture
def book():
    return Book()
