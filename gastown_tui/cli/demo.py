"""`gastown demo`: a throw-away town with agents at work."""

from __future__ import annotations

import sys
import time

import click

from gastown_tui.cli.common import show, show_json
from gastown_tui.domain.errors import Unavailable

_GOING_DOWN = "Taking the demo town down ..."


@click.command()
@click.option("--headless", is_flag=True, help="Without the screen: run to the end and count.")
@click.option("--agents", default=24, type=click.IntRange(1, 50), help="How many work at once.")
@click.option("--beads", default=40, type=click.IntRange(8, 40), help="How much work there is.")
@click.option("--seed", default=1, help="Chooses the change that breaks the tests, and more.")
@click.option("--speed", default=0.0, help="1 = as slow as a real agent; 20 = as fast as it goes.")
@click.option("--review", type=click.Choice(["none", "required"]), default="none",
              help="required: you approve each change before it lands.")  # fmt: skip
@click.option("--keep", is_flag=True, help="Leave the town where it is afterwards.")
@click.option("--timeout", default=1200.0, help="Seconds after which a headless demo has failed.")
@click.option("--json", "as_json", is_flag=True)
def demo(
    headless: bool, agents: int, beads: int, seed: int, speed: float, review: str, keep: bool,
    timeout: float, as_json: bool,
) -> int:  # fmt: skip
    """Make a town with a sample project and demo agents, and watch it work."""
    if not headless:
        return _with_screen(agents, beads, seed, speed or 2.0, review, keep=keep)
    from gastown_tui.roots.demo import Driver, count, make_demo, remove_demo

    def say(text: str) -> None:
        if not as_json:
            show(text)
            sys.stdout.flush()

    made = make_demo(agents, seed=seed, beads=beads, speed=speed or 20.0, review=review)
    started = time.monotonic()
    try:
        say(f"The demo town is {made.town}")
        is_finished = Driver(made, say).run(timeout)
        result = count(made, time.monotonic() - started)
    finally:
        if not keep:
            say(_GOING_DOWN)
            remove_demo(made)
    if as_json:
        import msgspec

        show_json(msgspec.to_builtins(result))
    else:
        show(
            f"{result.landed} of {result.beads} landed, {result.rejected} rejected by its gate, "
            f"{result.conflicts_resolved} conflicts resolved, {result.gate_runs} gate runs, "
            f"{result.agents} agents, {result.seconds} s. {result.tests}"
        )
    if not is_finished:
        sys.stderr.write(f"gastown: the demo did not end in {timeout:.0f} s: {result.why}\n")
        return 1
    if not result.ok:
        sys.stderr.write(f"gastown: {result.why}\n")
        return 1
    return 0


def _with_screen(
    agents: int, beads: int, seed: int, speed: float, review: str, *, keep: bool
) -> int:
    from gastown_tui.cli.entry import remember
    from gastown_tui.cli.screen import open_screen
    from gastown_tui.roots.demo import make_demo, remove_demo

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Unavailable("the screen needs a terminal", hint="`gastown demo --headless` does not")
    made = make_demo(agents, seed=seed, beads=beads, speed=speed, review=review)
    try:
        open_screen(made.town)
        if not keep:
            keep = click.confirm(f"Keep the demo town in {made.town}? It goes on working", False)
    except click.Abort:
        keep = False
    finally:
        if not keep:
            show(_GOING_DOWN)
            sys.stdout.flush()
            remove_demo(made)
    if keep:
        remember(made.town)
        show(f"It is kept: cd {made.town}; gastown. To remove it: gastown down; rm -r {made.home}")
    return 0
