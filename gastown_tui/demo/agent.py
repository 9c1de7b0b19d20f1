"""`python -m gastown_tui.demo.agent [--session-id ID | --resume ID] [PROMPT...]`.

A scripted coding agent for the demo town: it looks like one in a terminal and works like one, with
its bead's demo block in the place of a model. Environment: the town's variables (GASTOWN_TOWN,
_RIG, _AGENT, _ROLE), `GASTOWN_DEMO_SPEED` (1 is for watching, 20 for tests) and
`GASTOWN_DEMO_BEHAVIOUR` (`crash[:N]`, `stall`, `conflict`, `break`, `ask`).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NamedTuple

from gastown_tui.demo.loop import Loop, Options

USAGE = "usage: python -m gastown_tui.demo.agent [--session-id ID | --resume ID] [PROMPT...]"


class Arguments(NamedTuple):
    """What was asked on the command line."""

    prompt: str
    conversation: str
    resumed: bool


def parse_arguments(arguments: list[str]) -> Arguments | None:
    """The arguments, or None if they are none of ours."""
    conversation, resumed = "", False
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        if word == "--":
            break
        if word not in {"--session-id", "--resume"} or not rest:
            return None
        conversation, resumed = rest.pop(0), word == "--resume"
    return Arguments(" ".join(rest), conversation, resumed)


def speed_of(text: str) -> float:
    """The speed from the environment: 0.05 to 1000, else 1."""
    try:
        speed = float(text)
    except ValueError:
        return 1.0
    return speed if 0.05 <= speed <= 1000 else 1.0


def main() -> int:
    """Runs the agent until it is told to leave; returns its exit code."""
    arguments = parse_arguments(sys.argv[1:])
    if arguments is None:
        sys.stderr.write(USAGE + "\n")
        return 2
    if not os.isatty(0) or not os.isatty(1):
        sys.stderr.write("the demo agent needs a terminal: run it on a PTY\n")
        return 2
    env = os.environ
    options = Options(
        folder=Path.cwd(),
        town=env.get("GASTOWN_TOWN", ""),
        rig=env.get("GASTOWN_RIG", ""),
        name=env.get("GASTOWN_AGENT", ""),
        role=env.get("GASTOWN_ROLE", ""),
        behaviour=env.get("GASTOWN_DEMO_BEHAVIOUR", ""),
        speed=speed_of(env.get("GASTOWN_DEMO_SPEED", "")),
        conversation=arguments.conversation,
    )
    return Loop(options).run(arguments.prompt, resumed=arguments.resumed)


if __name__ == "__main__":
    sys.exit(main())
