"""`gastown nudge|stop|kill|restart|resume|unhook|interrupt`: the overseer's hand on an agent."""

from __future__ import annotations

import click

from gastown_tui.cli.common import ask, show, show_json


@click.command()
@click.argument("agent")
@click.argument("text", nargs=-1, required=True)
@click.option("--now", is_flag=True, help="Also while it works, if it queues prompts.")
@click.option("--json", "as_json", is_flag=True)
def nudge(agent: str, text: tuple[str, ...], now: bool, as_json: bool) -> None:
    """Put TEXT in front of AGENT; says what became of it."""
    receipt = ask("nudge", agent, text=" ".join(text), mode="now" if now else "wait-idle")
    if as_json:
        kind, _, reason = receipt.partition(": ")
        show_json({"target": agent, "receipt": kind, "reason": reason})
    else:
        show(receipt)


@click.command()
@click.argument("agent")
@click.option("--why", default="", help="Kept with the agent and shown.")
def stop(agent: str, why: str) -> None:
    """End AGENT's session; its hook is kept and it is not started again by itself."""
    show(ask("stop", agent, why=why))


@click.command()
@click.argument("agent")
@click.option("--why", default="")
def kill(agent: str, why: str) -> None:
    """End every process of AGENT's session now; its hook is kept."""
    show(ask("kill", agent, why=why))


@click.command()
@click.argument("agent")
@click.option("--fresh", is_flag=True, help="A new conversation instead of the old one.")
def restart(agent: str, fresh: bool) -> None:
    """Start AGENT again with what is on its hook."""
    show(ask("restart", agent, fresh="yes" if fresh else ""))


@click.command()
@click.argument("agents", metavar="AGENT...", nargs=-1)
@click.option("--all", "everybody", is_flag=True, help="Everybody who waits after an absence.")
@click.option("--fresh", is_flag=True, help="With a new conversation instead of the old one.")
def resume(agents: tuple[str, ...], everybody: bool, fresh: bool) -> None:
    """Let stopped or frozen AGENTs go on; without any: who waits after an absence, at what cost."""
    from gastown_tui.cli.absence import resume_some

    resume_some(agents, everybody=everybody, fresh=fresh)


@click.command()
@click.argument("bead")
def unhook(bead: str) -> None:
    """Take BEAD off its hook: it is slung anew, and what was done stays on its branch."""
    show(ask("unhook", bead))


@click.command()
@click.argument("agent")
def interrupt(agent: str) -> None:
    """One Escape to AGENT."""
    show(ask("interrupt", agent))
