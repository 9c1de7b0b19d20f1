"""Writes the demo block of a bead from its row in the catalogue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random

CHANGELOG = "CHANGELOG.md"
CHANGELOG_MARK = "- Budgets are compared month by month."
"""The line of the sample's change log after which new ones go."""
SUITE = "python -m unittest -q"
QUESTIONS = (
    "This runs the whole suite, in this sandbox only.",
    "I would like to see all tests pass before I commit.",
    "Other modules use what I changed, so I want to run every test.",
)


def block(
    row: dict[str, Any], rng: random.Random, slip: dict[str, str] | None, *, asks: bool
) -> str:
    """The fenced block: read, edit, test, commit, and what else the row or the seed asks for."""
    tests = f"tests/test_{row['key'].replace('-', '_')}.py"
    steps: list[dict[str, Any]] = []
    if not _is_new(row):
        steps.append({"read": row["module"]})
    steps.append({"think": round(rng.uniform(5.0, 13.0), 1)})
    if "code" in row:
        steps.append(_code(row))
    steps += [
        {
            "edit": one["file"],
            **{key: one[key] for key in ("after", "before") if key in one},
            "insert": one["text"],
        }
        for one in row.get("insert", ())
    ]
    steps.append({"edit": tests, "create": row["tests"].lstrip("\n")})
    steps.append({"think": round(rng.uniform(2.0, 8.0), 1)})
    steps.append({"run": f"{SUITE} {tests.removesuffix('.py').replace('/', '.')}"})
    if asks:
        steps.append({"run": SUITE, "ask": rng.choice(QUESTIONS)})
    steps.append({"commit": row["title"].replace("`", "")})
    if "change" in row:
        text = f"- {row['change']}\n"
        steps.append({"edit": CHANGELOG, "after": CHANGELOG_MARK, "insert": text})
        steps.append({"commit": f"Change log: {row['change'].rstrip('.')}"})
    if slip:
        steps.append({"say": slip["say"]})
        edit = {"edit": slip["file"], "find": slip["find"], "replace": slip["replace"]}
        steps += [edit, {"commit": slip["commit"]}]
    head = [] if slip else [f"test = {json.dumps(SUITE)}"]
    lines = [*head, *(line for step in steps for line in _table(step))]
    return "\n".join(("```demo", *lines, "```", ""))


def _is_new(row: dict[str, Any]) -> bool:
    """Whether the bead brings its module; then the code starts with the module's docstring."""
    return bool(row.get("code", "").lstrip("\n").startswith('"""'))


def _code(row: dict[str, Any]) -> dict[str, Any]:
    if _is_new(row):
        return {"edit": row["module"], "create": row["code"].lstrip("\n")}
    if "before" in row:
        return {"edit": row["module"], "before": row["before"], "insert": row["code"]}
    return {"edit": row["module"], "append": row["code"]}


def _table(step: dict[str, Any]) -> list[str]:
    return ["", "[[step]]", *(f"{key} = {_value(value)}" for key, value in step.items())]


def _value(value: str | float) -> str:
    if not isinstance(value, str):
        return str(value)
    if "\n" in value.rstrip("\n") and "'''" not in value:
        return f"'''\n{value}'''"
    return json.dumps(value, ensure_ascii=False)
