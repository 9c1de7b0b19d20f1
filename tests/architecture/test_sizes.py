"""Sizes that a reader can hold: modules, classes, functions."""

from __future__ import annotations

import ast

import pytest

MODULE, CLASS, METHODS, FUNCTION = 400, 300, 20, 50
EXCEPTIONS = {
    "gastown_tui.protocol": "holds every frame of every process, so that one reading shows all",
}
"""Subject to the reason why it may be larger."""
GENERATED = {"gastown_tui.terminal._vt": "scripts/declare.py"}
"""Made by a script, which is what one reads."""


def spans(tree: ast.AST, kinds: type | tuple[type, ...]) -> list[tuple[ast.AST, str, int]]:
    """Node, dotted name and number of lines of every definition of some kinds."""
    found = []

    def walk(node: ast.AST, path: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                name = f"{path}.{child.name}" if path else child.name
                if isinstance(child, kinds):
                    first = child.body[0]
                    end = child.end_lineno or child.lineno
                    found.append((child, name, end - child.lineno + 1 - _docstring(first)))
                walk(child, name)
            else:
                walk(child, path)

    walk(tree, "")
    return found


def _docstring(first: ast.stmt) -> int:
    """Lines of a docstring: what explains a function does not count against it."""
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return (first.end_lineno or first.lineno) - first.lineno + 1 if is_text else 0


def too_large(module: str, text: str, tree: ast.AST) -> dict[str, str]:
    """Subject to what is too large about it."""
    bad: dict[str, str] = {}
    lines = text.count("\n")
    if lines > MODULE:
        bad[module] = f"{lines} lines, {MODULE} are allowed"
    for node, name, length in spans(tree, ast.ClassDef):
        public = [
            one.name
            for one in node.body
            if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
            and not one.name.startswith("_")
        ]
        if length > CLASS:
            bad[f"{module}.{name}"] = f"a class of {length} lines, {CLASS} are allowed"
        elif len(public) > METHODS:
            bad[f"{module}.{name}"] = f"{len(public)} public methods, {METHODS} are allowed"
    for _, name, length in spans(tree, (ast.FunctionDef, ast.AsyncFunctionDef)):
        if length > FUNCTION:
            bad[f"{module}.{name}"] = f"a function of {length} lines, {FUNCTION} are allowed"
    return bad


def test_nothing_is_too_large(modules):
    bad: dict[str, str] = {}
    for one in modules:
        if one.name not in GENERATED:
            bad |= too_large(one.name, one.text, one.tree)
    unexpected = {name: why for name, why in bad.items() if name not in EXCEPTIONS}
    assert not unexpected, "\n".join(f"{name}: {why}" for name, why in unexpected.items())


def test_no_exception_is_left_over(modules):
    bad: dict[str, str] = {}
    for one in modules:
        bad |= too_large(one.name, one.text, one.tree)
    assert set(EXCEPTIONS) <= set(bad)


def test_what_is_generated_says_so(modules):
    for one in modules:
        assert ("Made by `scripts/" in one.text[:100]) == (one.name in GENERATED), one.name
        if one.name in GENERATED:
            assert GENERATED[one.name] in one.text[:100]


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\n" * (MODULE + 1),
        "class A:\n" + "    x = 1\n" * CLASS,
        "class A:\n" + "".join(f"    def f{n}(self): ...\n" for n in range(METHODS + 1)),
        "def f():\n" + "    x = 1\n" * FUNCTION,
        "class A:\n    async def f(self):\n" + "        x = 1\n" * FUNCTION,
    ],
)
def test_the_rule_can_fail(text):
    assert too_large("m", text, ast.parse(text))


def test_a_docstring_does_not_count():
    text = 'def f():\n    """A.\n' + "    b\n" * 60 + '    """\n    return 1\n'
    assert not too_large("m", text, ast.parse(text))
