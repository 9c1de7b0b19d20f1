"""Hostile bytes end neither the process nor its memory; each kind in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def survive(kind: str, seed: int) -> int:
    """Run one kind of hostility; the peak of memory in MB."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("hostile.py")), kind, str(seed)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, f"ended with {done.returncode}: {done.stderr[-2000:]}"
    word, peak = done.stdout.split()
    assert word == "survived"
    return int(peak)


@pytest.mark.parametrize(
    "kind", ["noise", "sequences", "strings", "links", "styles", "halves", "clusters"]
)
def test_hostile_bytes(kind: str) -> None:
    assert survive(kind, 1) < 400


def test_a_line_without_end() -> None:
    assert survive("line", 10) < 150


@pytest.mark.slow
def test_a_line_of_100_mb() -> None:
    assert survive("line", 100) < 150


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 5))
@pytest.mark.parametrize("kind", ["noise", "links", "styles", "halves"])
def test_more_hostile_bytes(kind: str, seed: int) -> None:
    assert survive(kind, seed) < 400
