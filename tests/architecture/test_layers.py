"""Who may import whom. `_LAYERS` is the architecture; the rest of this file reads it."""

from __future__ import annotations

import ast
import sys
from typing import NamedTuple

import pytest

STDLIB = frozenset(sys.stdlib_module_names)
OUTSIDE_WORLD = frozenset(
    [
        "os",
        "time",
        "asyncio",
        "subprocess",
        "random",
        "logging",
        "threading",
        "socket",
        "select",
        "selectors",
        "shutil",
        "tempfile",
        "signal",
        "sqlite3",
        "secrets",
        "uuid",
        "io",
        "glob",
        "pathlib",
        "multiprocessing",
        "concurrent",
        "http",
        "urllib",
        "ssl",
        "fcntl",
        "termios",
        "pty",
        "tty",
        "resource",
        "mmap",
        "ctypes",
        "getpass",
        "platform",
        "locale",
    ]
)
"""Standard modules through which a decision could depend on anything but its arguments."""
PURE = STDLIB - OUTSIDE_WORLD
US = "gastown_tui"


class Layer(NamedTuple):
    """What the modules below one name may import; names cover everything below them."""

    ours: tuple[str, ...]
    others: frozenset[str]


def ours(*names: str) -> tuple[str, ...]:
    return tuple(f"{US}.{name}" for name in names)


SHARED = ("cells", "protocol", "domain.errors")
_LAYERS = {
    "domain": Layer(ours("domain", "cells", "protocol"), PURE | {"msgspec"}),
    "cells": Layer(ours("domain.errors"), PURE | {"msgspec"}),
    "protocol": Layer(ours("domain.errors", "cells"), PURE | {"msgspec"}),
    "terminal": Layer(
        ours(*SHARED, "terminal"), PURE | {"msgspec", "pyghostty", "ctypes", "_cffi_backend"}
    ),
    "viewmodels": Layer(ours("viewmodels", "domain", "cells", "protocol"), PURE | {"msgspec"}),
    "services": Layer(
        ours("services", "domain", "cells", "protocol"), STDLIB - {"sqlite3"} | {"msgspec"}
    ),
    "adapters": Layer(
        ours("adapters", "domain", "services", "cells", "protocol"),
        STDLIB | {"msgspec", "git", "ptyprocess", "watchfiles", "psutil", "tomlkit"},
    ),
    "host": Layer(
        ours("host", *SHARED, "adapters.sync_link", "adapters.locks", "adapters.runtime_dir"),
        STDLIB | {"msgspec", "psutil", "ptyprocess"},
    ),
    "screens": Layer(
        ours(
            "screens",
            "terminal",
            *SHARED,
            "domain.audience",
            "adapters.sync_link",
            "adapters.callers",
        ),
        STDLIB | {"msgspec"},
    ),
    "tui": Layer(
        ours("tui", "viewmodels", "domain", "cells", "protocol"),
        STDLIB - {"sqlite3", "subprocess", "socket"}
        | {"msgspec", "textual", "rich", "pygments", "markdown_it"},
    ),
    "demo": Layer(ours("demo", "domain"), STDLIB | {"msgspec", "psutil", "git"}),
}
"""`cli`, `roots` and `__main__` put things together and may import everything."""
_FREE = ("cli", "roots", "__main__", "__init__", "data")


def imported(tree: ast.AST, module: str) -> list[tuple[int, str]]:
    """Line and full name of everything imported, inside functions and for types too."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")[: -node.level]
                base = ".".join([*parts, *([base] if base else [])])
            found += [(node.lineno, f"{base}.{alias.name}") for alias in node.names]
    return found


def is_below(name: str, allowed: str) -> bool:
    return name == allowed or name.startswith(f"{allowed}.")


def forbidden(module: str, tree: ast.AST) -> list[str]:
    """What a module imports and may not."""
    layer = _LAYERS.get(module.split(".")[1] if "." in module else "")
    if layer is None:
        return []
    bad = []
    for line, name in imported(tree, module):
        top = name.partition(".")[0]
        if top == US:
            # `from gastown_tui import protocol` names the module as its last part
            ok = name == f"{US}.__version__" or any(is_below(name, one) for one in layer.ours)
        else:
            ok = top in layer.others or top == "__future__"
        if not ok:
            bad.append(f"{module}:{line} imports {name}")
    return bad


def test_every_import_goes_inwards(modules):
    bad = [text for one in modules for text in forbidden(one.name, one.tree)]
    assert not bad, "\n".join(bad)


def test_every_package_has_a_rule(modules):
    assert {one.name.split(".")[1] for one in modules} <= {*_LAYERS, *_FREE}


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("gastown_tui.domain.plan", "import time"),
        ("gastown_tui.domain.plan", "from pathlib import Path"),
        ("gastown_tui.domain.plan", "def f():\n    import asyncio"),
        ("gastown_tui.domain.plan", "from gastown_tui.services.books import Books"),
        ("gastown_tui.domain.plan", "from ..services import books"),
        ("gastown_tui.services.work", "from gastown_tui.adapters import store"),
        ("gastown_tui.services.work", "import textual.app"),
        ("gastown_tui.services.work", "import git"),
        ("gastown_tui.adapters.clock", "from gastown_tui.tui.store import Store"),
        ("gastown_tui.viewmodels.text", "import rich"),
        ("gastown_tui.viewmodels.text", "import os"),
        ("gastown_tui.tui.app", "import watchfiles"),
        ("gastown_tui.tui.app", "from gastown_tui.adapters.link import Link"),
        ("gastown_tui.host.loop", "from gastown_tui.services.ports import Host"),
        ("gastown_tui.terminal.emulator", "from gastown_tui.screens import log"),
    ],
)
def test_the_rule_can_fail(module, text):
    assert forbidden(module, ast.parse(text))


def test_the_rule_lets_pass_what_is_allowed():
    text = "from gastown_tui import protocol\nimport re\nfrom gastown_tui.domain import names"
    assert not forbidden("gastown_tui.domain.plan", ast.parse(text))
