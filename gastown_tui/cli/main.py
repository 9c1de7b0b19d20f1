"""The command line's root: verbs are imported when they are used, so that each starts quickly."""

from __future__ import annotations

import atexit
import contextlib
import errno
import gc
import importlib
import os
import signal
import sys
from typing import Any, Final, NoReturn

import click

from gastown_tui import __version__
from gastown_tui.domain.errors import GastownError

_FEW_COLLECTIONS: Final = 100_000
"""New objects between two looks for garbage: none before a verb has done what it is for."""

_VERBS: Final = {
    "agent-stop": ("gastown_tui.cli.work", "agent_stop", "(hooks) whether an agent may stop"),
    "agents": ("gastown_tui.cli.town", "agents", "every agent: state, since, why"),
    "attach": ("gastown_tui.cli.attach", "attach", "one session in this terminal"),
    "bd": ("gastown_tui.cli.bd", "bd", "the verbs and flags of `bd`, for agents that know it"),
    "bead": ("gastown_tui.cli.bead", "bead", "create, read and change beads"),
    "capacity": ("gastown_tui.cli.capacity", "capacity", "how many agents work at once"),
    "convoy": ("gastown_tui.cli.convoy", "convoy", "beads that travel together"),
    "demo": ("gastown_tui.cli.demo", "demo", "a throw-away town with agents at work"),
    "doctor": ("gastown_tui.cli.doctor", "doctor", "what to mend on this machine and in the town"),
    "done": ("gastown_tui.cli.work", "done", "(agents) hand the branch in"),
    "down": ("gastown_tui.cli.town", "down", "end the sessions, keep the hooks, stop the daemons"),
    "estop": ("gastown_tui.cli.town", "freeze", "the same as freeze"),
    "events": ("gastown_tui.cli.town", "events", "what has happened"),
    "formula": ("gastown_tui.cli.formula", "formula", "look at formulas, check and cook them"),
    "freeze": ("gastown_tui.cli.town", "freeze", "freeze every session at once"),
    "gate": ("gastown_tui.cli.gate", "gate", "what steps wait for: list, resolve, check"),
    "hook": ("gastown_tui.cli.work", "hook", "(agents) what is on the hook"),
    "init": ("gastown_tui.cli.setup", "init", "make a town"),
    "interrupt": ("gastown_tui.cli.control", "interrupt", "one Escape to an agent"),
    "kill": ("gastown_tui.cli.control", "kill", "end an agent now; its hook is kept"),
    "mol": ("gastown_tui.cli.mol", "mol", "make, follow and end molecules"),
    "mq": ("gastown_tui.cli.mq", "mq", "the merge queue: list, diff, approve, reject"),
    "notify": ("gastown_tui.cli.notify", "notify", "try out how you are called"),
    "nudge": ("gastown_tui.cli.control", "nudge", "put a text in front of an agent"),
    "pause": ("gastown_tui.cli.town", "pause", "start and land nothing new"),
    "peek": ("gastown_tui.cli.session", "peek", "a session's screen as text"),
    "prime": ("gastown_tui.cli.work", "prime", "(agents) the work on the hook, and the rules"),
    "proposal": ("gastown_tui.cli.proposal", "proposal", "what the mayor proposes: accept, drop"),
    "restart": ("gastown_tui.cli.control", "restart", "start an agent again"),
    "resume": ("gastown_tui.cli.control", "resume", "let a stopped or frozen agent go on"),
    "rig": ("gastown_tui.cli.rig", "rig", "add, look at and remove projects"),
    "session": ("gastown_tui.cli.session", "session", "run programs in sessions"),
    "sling": ("gastown_tui.cli.work", "sling", "hand a bead to a polecat"),
    "status": ("gastown_tui.cli.town", "status", "the town in one page"),
    "step": ("gastown_tui.cli.step", "step", "(agents) the next step: show it, done, skip"),
    "stop": ("gastown_tui.cli.control", "stop", "end an agent's session; its hook is kept"),
    "thaw": ("gastown_tui.cli.town", "thaw", "let frozen sessions go on"),
    "uninstall": ("gastown_tui.cli.leaving", "uninstall", "take the town away: all that is ours"),
    "unhook": ("gastown_tui.cli.control", "unhook", "take a bead off its hook and sling it anew"),
    "upgrade": ("gastown_tui.cli.upgrade", "upgrade", "let a running town become this build"),
    "up": ("gastown_tui.cli.town", "up", "start the town without a screen"),
}  # fmt: skip


class _Verbs(click.Group):
    def list_commands(self, _ctx: click.Context) -> list[str]:
        return sorted(_VERBS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in _VERBS:
            return None
        module, attribute, _help = _VERBS[name]
        command = getattr(importlib.import_module(module), attribute)
        if isinstance(command, click.Group):
            _say_whole(command)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl([(name, entry[2]) for name, entry in sorted(_VERBS.items())])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _VERBS and not args[0].startswith("-"):
            import difflib

            close = difflib.get_close_matches(args[0], _VERBS, n=1)
            hint = f" Did you mean `{close[0]}`?" if close else ""
            raise click.UsageError(f"There is no verb {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


def _say_whole(group: click.Group) -> None:
    """List the verbs of a group with the whole first sentence of each, which click would cut."""
    for verb in group.commands.values():
        text = " ".join((verb.help or "").split("\n\n")[0].split())
        verb.short_help = verb.short_help or text.partition(". ")[0].removesuffix(".")


@click.group(
    cls=_Verbs,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--town", metavar="DIR", help="The town, instead of $GASTOWN_TOWN or this folder's.")
@click.version_option(__version__, "-V", "--version", prog_name="gastown")
@click.pass_context
def cli(ctx: click.Context, town: str | None) -> None:
    """Gas Town: a factory of coding agents, and the screen to run it from.

    Without a verb: start what is not running, then the screen.
    """
    if town:
        os.environ["GASTOWN_TOWN"] = town
    if ctx.invoked_subcommand is None:
        from gastown_tui.cli.screen import open_screen

        open_screen()


def run(arguments: list[str]) -> int:
    """Run one command line; its exit status. Whatever goes wrong is one line on stderr."""
    try:
        result: Any = cli.main(args=arguments, prog_name="gastown", standalone_mode=False)
        sys.stdout.flush()
    except GastownError as error:
        return _refused(str(error))
    except click.exceptions.Exit as error:
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except click.ClickException as error:
        _usage(error)
        return error.exit_code
    except BrokenPipeError:
        return 0
    except OSError as error:
        return _refused(_os_words(error))
    except Exception as error:
        if os.environ.get("GASTOWN_DEBUG"):
            raise
        return _refused(_bug_words(error))
    return result if isinstance(result, int) else 0


def prepare_process() -> None:
    """Make this process fit for a verb: three open descriptors, and clean-up when it is ended.

    What the caller has closed is opened on nothing, so that no socket of ours takes its number.
    """
    gc.set_threshold(_FEW_COLLECTIONS)
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    signal.signal(signal.SIGINT, _interrupt)
    sys.unraisablehook = _unraisable
    for signal_number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(signal_number) is signal.SIG_DFL:
            signal.signal(signal_number, _end)


def _interrupt(_number: int, _frame: object) -> None:
    """The first ctrl+c ends the verb; further ones must not cut short what it takes away."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _unraisable(what: sys.UnraisableHookArgs) -> None:
    """A ctrl+c that came while Python cleaned an object up would be lost: it comes again."""
    if what.exc_type in {KeyboardInterrupt, SystemExit}:
        signal.signal(signal.SIGINT, _interrupt)
        os.kill(os.getpid(), signal.SIGINT)
    else:
        sys.__unraisablehook__(what)


def _end(number: int, _frame: object) -> None:
    """Asked to end: whatever is half made is taken away on the way out."""
    signal.signal(number, signal.SIG_IGN)
    raise SystemExit(128 + number)


def _refused(message: str) -> int:
    from gastown_tui.cli.common import plain

    print(f"gastown: {' '.join(plain(message).split())}", file=sys.stderr)  # noqa: T201
    return 1


def _usage(error: click.ClickException) -> None:
    from gastown_tui.cli.common import plain

    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return
    context = getattr(error, "ctx", None)
    help_at = f" (see `{context.command_path} --help`)" if context is not None else ""
    print(f"gastown: {plain(error.format_message())}{help_at}", file=sys.stderr)  # noqa: T201


def _os_words(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    hint = {
        errno.ENOSPC: ": make room on the disk and try again",
        errno.EDQUOT: ": make room on the disk and try again",
        errno.EACCES: ": look at its owner and mode",
        errno.EROFS: ": it cannot be written where it is",
        errno.EMFILE: ": raise the limit of open files (ulimit -n)",
    }.get(error.errno or 0, "")
    return f"{where}{error.strerror or error}{hint}"


def _bug_words(error: Exception) -> str:
    import traceback

    frame = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"this is a bug: {type(error).__name__}: {error}"
        f" (in {frame.filename}, line {frame.lineno}):"
        " run it again with GASTOWN_DEBUG=1 and report what it prints"
    )


def leave(status: int) -> NoReturn:
    """End with an exit status, without taking the interpreter apart: a sixth of a verb's time."""
    drop_output()
    atexit.register(_end_here, status)  # last registered, first called
    sys.exit(status)


def _end_here(status: int) -> None:
    drop_output()
    os._exit(status)


def drop_output() -> None:
    """What could not be written (to a reader that has gone, a full disk) is not tried again.

    Python would complain about it while it exits.
    """
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
