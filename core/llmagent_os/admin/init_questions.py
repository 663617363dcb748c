"""The questions of ``llmagent-os init`` after that for the model. Each answer is checked before the next question."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import click
import msgspec

from llmagent_os.admin.asking import Asking, one_of, some_of
from llmagent_os.admin.findings import Finding
from llmagent_os.admin.init_answers import ACCESS, PRIVACY, TOKENS, InitAnswers
from llmagent_os.admin.init_model import Load
from llmagent_os.admin.setup_guide import GuideSetup, find_guide, known_guides
from llmagent_os.bot import Bot
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError, PluginError
from llmagent_os.tools.plugin_loading import from_entry_point
from llmagent_os.tools.plugin_sources import installed_plugins

MAX_DAYS = 99_999  #: that conversations can be kept for, if not for ever

_WHO = {
    "invited": "a stranger gets a code, and `llmagent-os people approve CODE` lets that person in",
    "list": "only accounts that you name",
    "everyone": "everybody who can write to the bot",
}


def ask_platforms(asking: Asking, now: InitAnswers, load: Load, bot: Bot, given: str | None) -> InitAnswers:
    """Return ``now`` with the platforms, whose tokens the platforms themselves have accepted."""
    known = [name for name in TOKENS if name in known_guides()]
    click.echo("  The web chat is always there, in the browser of this machine. Besides it:")
    default = ", ".join(now.platforms) or "none"
    chosen = asking.ask(
        f"Platforms, of {', '.join(known)}",
        default,
        lambda answer: some_of(answer, known, "of the platforms"),
        given=given,
    )
    tokens, ready = dict(now.tokens), list[str]()
    for platform in chosen:
        found = _tokens(asking, platform, load, bot, strict=given is not None)
        if found is None:
            click.echo(f"  {platform} is left out; `llmagent-os setup {platform}` says how to get there")
            continue
        tokens |= found
        ready.append(platform)
    return msgspec.structs.replace(now, platforms=tuple(ready), tokens=tokens)


def _tokens(asking: Asking, platform: str, load: Load, bot: Bot, *, strict: bool) -> dict[str, str] | None:
    """The tokens of a platform, which it accepts. None: the person has none.

    Raises:
        ConfigError: nobody is asked, and the tokens of the settings are missing or wrong.
    """
    present = load()
    tokens = {name: getattr(present, name).get_secret_value() for name in TOKENS[platform]}
    while True:
        problem = "" if all(tokens.values()) else f"{_missing(tokens)} is not set"
        if not problem:
            problem = _problems(platform, load(**tokens), bot)
        if not problem:
            return tokens
        if strict or not asking.asks:
            raise ConfigError(f"{platform}: {problem}; `llmagent-os setup {platform}` says where to get it")
        if all(tokens.values()):
            click.secho(f"  ✗ {problem}", fg="red")
        for name in TOKENS[platform]:
            typed = asking.ask(f"  {Settings.variable(name)} (Enter: leave {platform} out)", "", str, is_secret=True)
            if not typed:
                return None
            tokens[name] = typed


def _missing(tokens: Mapping[str, str]) -> str:
    return next(Settings.variable(name) for name, value in tokens.items() if not value)


def _problems(platform: str, settings: Settings, bot: Bot) -> str:
    """What the platform says is wrong with the tokens. Empty: nothing. What it says else is shown."""
    findings = asyncio.run(_findings(platform, settings, bot))
    for each in findings:
        if each.state != "problem":
            click.echo(f"  {'✓' if each.state == 'ok' else '·'} {each.text}")
    return "\n  ✗ ".join(f"{each.text}: {each.remedy}" for each in findings if each.state == "problem")


async def _findings(platform: str, settings: Settings, bot: Bot) -> tuple[Finding, ...]:
    return (await find_guide(platform)(GuideSetup(settings, bot.config, {}))).findings


def ask_access(
    asking: Asking, now: InitAnswers, load: Load, given: str | None, given_accounts: str | None
) -> InitAnswers:
    """Return ``now`` with who may talk to the bot."""
    asking.show(_WHO)
    access = asking.ask("Who may talk", now.access, lambda answer: one_of(answer, ACCESS, "of these"), given=given)

    def check(answer: str) -> str:
        accounts = "" if answer == "none" else answer
        try:
            load(allow=accounts)
        except ConfigError as error:  # nobody has named a variable here
            about = f"{Settings.variable('allow')} cannot be {accounts!r}: "
            raise ConfigError(str(error).removeprefix(about)) from error
        if access == "list" and now.platforms and not accounts:
            raise ConfigError("nobody could talk to the bot: name an account, such as telegram::4711 or slack:T024:*")
        return accounts

    if access != "list" and given_accounts is None:
        return msgspec.structs.replace(now, access=access)
    label = "  Accounts, separated by commas, such as telegram::4711 or slack:T024:*"
    allow = asking.ask(label, now.allow or "none", check, given=given_accounts)
    if access == "list" and not allow:
        click.secho(
            f"  · no account is named: only the web chat answers, until {Settings.variable('allow')} names one",
            fg="yellow",
        )
    return msgspec.structs.replace(now, access=access, allow=allow)


def ask_plugins(asking: Asking, now: InitAnswers, given: str | None) -> InitAnswers:
    """Return ``now`` with the plugins."""
    known = plugins_to_choose(now.plugins)
    asking.show({f"{number:>2} {name}": about for number, (name, about) in enumerate(known.items(), 1)})
    default = "all" if set(known) <= set(now.plugins) else ", ".join(now.plugins)
    chosen = asking.ask(
        "Plugins, by name or number",
        default or "none",
        lambda answer: some_of(answer, known, "of the installed plugins"),
        given=given,
    )
    return msgspec.structs.replace(now, plugins=chosen)


def plugins_to_choose(first: tuple[str, ...]) -> dict[str, str]:
    """The installed plugins that do something for people, and what; ``first`` are first, in their order."""
    found: dict[str, str] = {}
    for entry in asyncio.run(installed_plugins()):
        try:
            plugin = from_entry_point(entry, fresh=False).plugin
        except PluginError as error:
            click.secho(f"  ✗ {error}", fg="red")
            continue
        if plugin.about or entry.name in first:
            found[entry.name] = plugin.about
    return {name: found[name] for name in sorted(found, key=lambda name: first.index(name) if name in first else 99)}


def ask_privacy(asking: Asking, now: InitAnswers, given: str | None, given_days: int | None) -> InitAnswers:
    """Return ``now`` with what people allow until they say otherwise, and how long conversations are kept."""
    asking.show({name: each.about for name, each in PRIVACY.items()})
    default = now.privacy or "as it is"
    privacy = asking.ask(
        "Privacy, until a person says otherwise",
        default,
        lambda answer: "" if answer == "as it is" else one_of(answer, PRIVACY, "of these"),
        given=given,
    )
    days = now.days or (PRIVACY[privacy].days if privacy else 0)
    days = asking.ask(
        "  Days after which conversations are deleted (0: never)",
        str(days),
        _days,
        given=None if given_days is None else str(given_days),
    )
    return msgspec.structs.replace(now, privacy=privacy, days=days)


def _days(answer: str) -> int:
    if not answer.isdecimal() or int(answer) > MAX_DAYS:
        raise ConfigError(f"{answer!r} is no number of days from 0 to {MAX_DAYS}")
    return int(answer)
