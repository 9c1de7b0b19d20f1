"""A controller over fake ports and real stores."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location(
    "service_fakes", Path(__file__).with_name("fakes.py")
)
fakes = importlib.util.module_from_spec(_SPEC)
sys.modules["service_fakes"] = fakes
_SPEC.loader.exec_module(fakes)


@pytest.fixture
def make(tmp_path):
    made = []

    def bench(**rig):
        made.append(fakes.Bench(tmp_path / f"town{len(made)}", **rig))
        return made[-1]

    yield bench
    for one in made:
        one.close()


@pytest.fixture
def bench(make):
    return make()
