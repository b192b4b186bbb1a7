"""What the commands share: click commands made from tables of options, with examples in their help."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from ..errors import SettingsError, did_you_mean, nearest
from ..options import ENV_PREFIX, FILE, Option, options_of, written

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["Command", "Group", "argument", "flags"]

SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Wrong(click.UsageError):
    """A command line that cannot be read: one line, and a pointer to the help."""

    def sentence(self) -> str:
        """What to say of it on standard error."""
        path = self.ctx.command_path if self.ctx is not None else "kling-mock"
        return f"{path}: {self.message}\nTry `{path} --help`."


class Flag(click.Option):
    """One option of a table on the command line; its value stays text until the table reads it."""

    def __init__(self, option: Option, group: str) -> None:
        self.option = option
        self.group = group
        more: dict[str, Any] = {"type": click.UNPROCESSED, "metavar": option.metavar or option.kind.metavar}
        if option.kind.choices:
            more["metavar"] = option.metavar or f"[{'|'.join(option.kind.choices)}]"
        written = option.written
        if option.is_switch:
            more = {"is_flag": True, "flag_value": option.default is not True}
            if option.negatable:
                written += f"/--no-{option.written.removeprefix('--')}"
                more = {}
        help_text = f"no {option.help}" if option.default is True else option.help
        if option.shown_default:
            help_text += f" (default {option.shown_default})"
        super().__init__(
            [*([option.short] if option.short else []), written, option.name],
            default=None,
            help=help_text,
            multiple=option.repeatable,
            **more,
        )

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The words that it takes, or files."""
        from click.shell_completion import CompletionItem

        if self.option.kind is FILE:
            return [CompletionItem(incomplete, type="file")]
        return [CompletionItem(word) for word in self.option.kind.choices if word.startswith(incomplete)]


def flags(table: type, *, without: Sequence[str] = (), group: str = "options") -> list[click.Parameter]:
    """The options of a table as parameters of a command."""
    return [
        Flag(option, group)
        for name, option in options_of(table).items()
        if option.flag and name not in without
    ]


def argument(name: str, metavar: str, *, many: bool = False, required: bool = True) -> click.Argument:
    """A positional argument; its text is handed on as it is."""
    return click.Argument(
        [name], metavar=metavar, nargs=-1 if many else 1, required=required, type=click.UNPROCESSED
    )


class _Helped:
    """Help in the house's form: what it does, the options by group, and examples as they are written."""

    epilog: str | None

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples, whose lines are kept."""
        if self.epilog:
            formatter.write("\n" + self.epilog)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options, the server's apart."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):  # type: ignore[attr-defined]
            record = parameter.get_help_record(ctx)
            if record is not None:
                groups.setdefault(getattr(parameter, "group", "options"), []).append(record)
        for title, records in sorted(groups.items(), reverse=True, key=lambda item: item[0] == "options"):
            with formatter.section(title):
                formatter.write_dl(records)
        if any(isinstance(parameter, Flag) for parameter in self.get_params(ctx)):  # type: ignore[attr-defined]
            formatter.write(f"\nOptions are read from {ENV_PREFIX}… in the environment too.\n")


class Command(_Helped, click.Command):
    """A command: `handler` gets what was given by name, and returns the exit status."""

    def __init__(
        self,
        name: str,
        handler: Callable[..., int],
        parameters: Iterable[click.Parameter],
        *,
        help: str,
        epilog: str,
        usage: str = "",
        stops: bool = False,
        behind: str = "",
    ) -> None:
        """`usage` replaces the line of click's; with `stops` options end at the first other word.

        `behind` is the name under which the handler gets the words behind `--`, where there may be any.
        """
        settings = SETTINGS | {"allow_extra_args": True, "allow_interspersed_args": not stops}
        super().__init__(
            name,
            callback=self._call,
            params=list(parameters),
            help=help,
            epilog=epilog,
            context_settings=settings,
        )
        self._handler = handler
        self._usage = usage
        self._behind = behind

    def _call(self, **given: Any) -> int:
        """Run the handler; an error of an option names it as it was written."""
        with written([one.option for one in self.params if isinstance(one, Flag)], given):
            return self._handler(given)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """What stands behind the name in the line of usage."""
        return [self._usage] if self._usage else super().collect_usage_pieces(ctx)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words; `Wrong` for what the command does not have."""
        if self._behind:
            end = args.index("--") if "--" in args else len(args)
            ctx.params[self._behind] = tuple(args[end + 1 :])
            args = args[:end]
        try:
            rest = super().parse_args(ctx, args)
        except click.UsageError as error:
            raise _explained(error, self, ctx) from None
        if ctx.args and not ctx.resilient_parsing:
            raise Wrong(f"there is no argument {ctx.args[0]!r} here.", ctx)
        return rest


class Group(_Helped, click.Group):
    """Commands by name; a wrong name is answered with the nearest right ones."""

    def __init__(
        self,
        name: str,
        summaries: Mapping[str, str],
        *,
        alone: Callable[[click.Context], int],
        **more: Any,
    ) -> None:
        """`summaries` are names with what each does; `load` makes them, `alone` runs where none is named."""
        super().__init__(name, context_settings=SETTINGS, invoke_without_command=True, **more)
        self.summaries = dict(summaries)
        self._alone = alone

    def invoke(self, ctx: click.Context) -> int:
        """Run the command that is named; returns its exit status."""
        status: int | None = super().invoke(ctx)
        return self._alone(ctx) if ctx.invoked_subcommand is None else status or 0

    def load(self, name: str) -> click.Command:
        """The command of this name."""
        return self.commands[name]

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the help."""
        return list(self.summaries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, or None."""
        return self.load(cmd_name) if cmd_name in self.summaries else None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words before the command's name."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            raise _explained(error, self, ctx) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the words ask for; `SettingsError` with the nearest names for none."""
        command = self.get_command(ctx, args[0])
        if command is None and not ctx.resilient_parsing:
            known = ", ".join(self.summaries)
            hint = did_you_mean(nearest(args[0], self.summaries)) or f" There are {known}."
            raise SettingsError(f"there is no command {args[0]!r}.{hint}")
        return args[0], command, args[1:]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands, each with what it does, and the options."""
        with formatter.section("commands"):
            formatter.write_dl(list(self.summaries.items()))
        super().format_options(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The names of commands, without importing what they need, and the options."""
        from click.shell_completion import CompletionItem

        names = [
            CompletionItem(name, help=summary)
            for name, summary in self.summaries.items()
            if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]


def _explained(error: click.UsageError, command: click.Command, ctx: click.Context) -> Wrong:
    """An error of click's in the house's words."""
    if isinstance(error, click.NoSuchOption):
        known = [name for one in command.get_params(ctx) for name in (*one.opts, *one.secondary_opts)]
        known = [name for name in known if name.startswith("-")]
        hint = did_you_mean(nearest(error.option_name.partition("=")[0], known))
        return Wrong(f"there is no option {error.option_name!r} here.{hint}", ctx)
    if isinstance(error, click.BadOptionUsage):
        return Wrong(f"{error.option_name}: expected {_expected(error)}", ctx)
    if isinstance(error, click.MissingParameter) and error.param is not None:
        return Wrong(f"expected {error.param.metavar}, received nothing.", ctx)
    return Wrong(error.format_message(), ctx)


def _expected(error: click.BadOptionUsage) -> str:
    takes = "does not take a value" in error.message
    return "no value, received one." if takes else "a value, received none."
