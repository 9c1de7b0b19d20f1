"""The package's modules, parsed once."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]


class Module(NamedTuple):
    """One source file."""

    name: str
    path: Path
    text: str
    tree: ast.Module


def _modules() -> list[Module]:
    found = []
    for path in sorted((ROOT / "gastown_tui").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        text = path.read_text("utf-8")
        found.append(Module(".".join(parts), path, text, ast.parse(text)))
    return found


@pytest.fixture(scope="session")
def modules() -> list[Module]:
    found = _modules()
    assert len(found) > 150
    return found
