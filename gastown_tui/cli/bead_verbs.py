"""Groups of verbs whose modules are imported when they are used, and that refuse in one line."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import click

from gastown_tui.cli.bead_place import OneLine

if TYPE_CHECKING:
    from collections.abc import Mapping

    Verb = tuple[str, str, str]
    """Module, its attribute, and one line of help."""


class LazyVerbs(OneLine):
    """A group that knows its verbs by name, and imports one when it is called."""

    def __init__(
        self,
        *args: Any,
        verbs: Mapping[str, Verb] | None = None,
        default: str = "",
        **kwargs: Any,
    ) -> None:
        """As a group.

        Args:
            args: as a group's.
            verbs: name to where the verb is.
            default: the verb that is meant when the first word is none.
            kwargs: as a group's.
        """
        super().__init__(*args, **kwargs)
        self.verbs = dict(verbs or {})
        self.default = default

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names of the verbs."""
        return sorted({*self.verbs, *self.commands})

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The verb of this name; None when there is none."""
        if name not in self.verbs:
            return super().get_command(ctx, name)
        module, attribute, _ = self.verbs[name]
        try:
            found = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
            return None
        return found if isinstance(found, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs without importing them."""
        rows = {name: verb[2] for name, verb in self.verbs.items()}
        rows |= {name: one.get_short_help_str() for name, one in self.commands.items()}
        with formatter.section("Verbs"):
            formatter.write_dl(sorted(rows.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb that is meant; an unknown one is refused with those that there are."""
        first = args[0] if args else ""
        known = first in self.verbs or first in self.commands
        if not known and self.default and not first.startswith("-"):
            args = [self.default, *args]
        elif not known and not first.startswith("-"):
            import difflib

            close = difflib.get_close_matches(first, self.list_commands(ctx), n=1)
            told = f"Did you mean `{close[0]}`?" if close else _listed(self.list_commands(ctx))
            raise click.UsageError(f"There is no verb {first!r}. {told}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; an option that it has not is refused with those that it has."""
        try:
            return super().invoke(ctx)
        except click.NoSuchOption as error:
            raise _unknown_option(error) from error


def _unknown_option(error: click.NoSuchOption) -> click.UsageError:
    command = error.ctx.command if error.ctx is not None else None
    options = [
        max(option.opts, key=len)
        for option in (command.params if command is not None else ())
        if isinstance(option, click.Option) and not option.hidden
    ]
    return click.UsageError(f"No such option {error.option_name}. {_listed(options)}", error.ctx)


def _listed(names: list[str]) -> str:
    return f"There are: {', '.join(names)}."
