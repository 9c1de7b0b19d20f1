"""What is not done here, whoever writes it."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

PURE = ("gastown_tui.domain", "gastown_tui.viewmodels", "gastown_tui.cells", "gastown_tui.protocol")
IMPURE_CALLS = frozenset(
    {"time.time", "time.monotonic", "time.sleep", "datetime.now", "datetime.datetime.now",
     "datetime.utcnow", "date.today", "open", "input", "print"}
)  # fmt: skip
IMPURE_METHODS = frozenset({"read_text", "read_bytes", "write_text", "write_bytes"})
PRINTERS = ("gastown_tui.cli", "gastown_tui.roots")
"""Programs may talk on their standard streams; what is part of a daemon or a screen may not."""
TASK_OWNERS = {
    "gastown_tui.services.controller": "keeps every task by the key of its command",
}
WORDS = re.compile(
    r"\bTODO\b|\bFIXME\b|\bXXX\b(?!['\"])"
    r"|(?<![\w.~])/(?:work|root|home/\w+|Users/\w+)/\w"
    r"|(?:index-url|registry)\W{1,4}https?://(?!pypi\.org|registry\.npmjs\.org)"
)
"""What somebody meant to do later, and paths and addresses that only one machine knows."""
HERE = "tests/architecture/test_bans.py"


def dotted(node: ast.AST) -> str:
    """`a.b.c` of a name or attribute; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = dotted(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return ""


def broken(module: str, tree: ast.AST) -> list[str]:
    """What a module does and may not."""
    bad = []
    is_pure = module.startswith(PURE)
    for node in ast.walk(tree):
        line = f"{module}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            bad.append(f"{line} catches everything")
        if not isinstance(node, ast.Call):
            continue
        name = dotted(node.func)
        if any(k.arg == "shell" and not _is_false(k.value) for k in node.keywords):
            bad.append(f"{line} gives a string to a shell")
        if name in {"os.system", "os.popen", "eval", "exec"}:
            bad.append(f"{line} calls {name}")
        if name == "print" and not module.startswith(PRINTERS):
            bad.append(f"{line} prints")
        is_loose = name == "asyncio.create_task" or name.endswith("loop.create_task")
        is_loose |= name == "" and isinstance(node.func, ast.Attribute) and (
            node.func.attr == "create_task" and "get_running_loop" in ast.dump(node.func)
        )  # fmt: skip
        if is_loose and module not in TASK_OWNERS:
            bad.append(f"{line} starts a task that nobody owns")
        if is_pure and (name in IMPURE_CALLS or name.rpartition(".")[2] in IMPURE_METHODS):
            bad.append(f"{line} calls {name}")
    return bad


def _is_false(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def tracked(root) -> list[str]:
    out = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=False)
    return [name for name in out.stdout.decode().split("\0") if name]


def told(name: str, text: str) -> list[str]:
    """Words in a file that say how it was made."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        match = WORDS.search(line)
        if match:
            found.append(f"{name}:{number} says {match.group(0)!r}")
    return found


def test_nothing_banned_is_done(modules):
    bad = [text for one in modules for text in broken(one.name, one.tree)]
    assert not bad, "\n".join(bad)


def test_the_tree_tells_only_of_the_product():
    root = Path(__file__).parents[2]
    names = tracked(root)
    if not names:
        pytest.skip("no git here to list the files")
    bad = []
    for name in names:
        path = root / name
        if name == HERE or path.is_symlink() or not path.is_file():
            continue
        data = path.read_bytes()
        if b"\0" in data[:4096] or len(data) > 400_000:
            continue
        bad += told(name, data.decode("utf-8", "replace"))
    assert not bad, "\n".join(bad)


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("gastown_tui.domain.plan", "import time\ntime.time()"),
        ("gastown_tui.domain.plan", "from datetime import datetime\ndatetime.now()"),
        ("gastown_tui.viewmodels.text", "open('x')"),
        ("gastown_tui.domain.plan", "p.read_text()"),
        ("gastown_tui.services.x", "import asyncio\nasyncio.create_task(f())"),
        ("gastown_tui.services.x", "asyncio.get_running_loop().create_task(f())"),
        ("gastown_tui.services.x", "try:\n    f()\nexcept:\n    pass"),
        ("gastown_tui.services.x", "print('x')"),
        ("gastown_tui.cli.x", "subprocess.run('ls', shell=True)"),
        ("gastown_tui.cli.x", "os.system('ls')"),
    ],
)
def test_the_rule_can_fail(module, text):
    assert broken(module, ast.parse(text))


@pytest.mark.parametrize(
    "text",
    ["# TODO later", "index-url = https://mirror.example/simple", "in /work/main/x", "/root/x"],
)
def test_the_words_can_be_found(text):
    assert told("x", text)
