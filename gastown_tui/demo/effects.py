"""What a turn asks of the terminal program: it yields an effect and is sent the answer.

A turn is a generator, so that the keyboard and the spinner stay alive while it waits, and so that
it can be stopped at any effect.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple, TypeAlias


class Run(NamedTuple):
    """Run a program in the sandbox; answered by a `Result`."""

    argv: tuple[str, ...]
    label: str = ""
    """What the running tool is shown as; empty for a quick look that is not shown."""
    timeout: float = 120.0
    """Seconds, whatever the speed; then it is killed, with code 124."""
    env: tuple[tuple[str, str], ...] = ()


class Pause(NamedTuple):
    """Wait `seconds` at speed 1; answered by None."""

    seconds: float


class Question(NamedTuple):
    """Ask for permission; answered by True or False."""

    title: str
    command: str
    question: str


class Hang(NamedTuple):
    """Show nothing any more, for ever."""


class Result(NamedTuple):
    """How a program ended."""

    code: int
    output: str


Effect: TypeAlias = Run | Pause | Question | Hang
Answer: TypeAlias = Result | bool | None
Turn: TypeAlias = Generator[Effect, Answer, None]


def run(effect: Run) -> Generator[Effect, Answer, Result]:
    """Yields a run and returns its result."""
    answer = yield effect
    if not isinstance(answer, Result):
        raise TypeError(f"a run was answered by {answer!r}")
    return answer


def ask(effect: Question) -> Generator[Effect, Answer, bool]:
    """Yields a question and returns whether it was allowed."""
    answer = yield effect
    return answer is True
