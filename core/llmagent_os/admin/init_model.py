"""The question for the model: looks for it, fetches it where it can be, and has it write a few words."""

from __future__ import annotations

import os
from collections.abc import Callable

import click
import msgspec

from llmagent_os.admin import models_command
from llmagent_os.admin.asking import Asking
from llmagent_os.admin.init_answers import InitAnswers
from llmagent_os.admin.interruptible import run_interruptibly
from llmagent_os.bot import SERVER, Bot, check_served_model, make_llm
from llmagent_os.chat import ChatRequest
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.serving.model_catalogue import CATALOGUE, MODELS_FOLDER
from llmagent_os.serving.no_model import NO_MODEL

#: The tokens that a model writes to show that it is there.
PING_TOKENS = 8

OPTIONS = {
    NO_MODEL: "commands, buttons and plain requests work at once; free talk does not",
    **{each.name: f"{each.title}, {each.megabytes} MB: {each.about}" for each in CATALOGUE.values()},
    f"{SERVER}MODEL": "a model of a server: Ollama, vLLM, llama.cpp, or OpenAI's cloud",
    "a folder or a/hub-id": "a model in this process, from the disk or the Hugging Face hub",
}

Load = Callable[..., Settings]


def ask_model(asking: Asking, now: InitAnswers, load: Load, bot: Bot, given: InitAnswers | None) -> InitAnswers:
    """Return ``now`` with the model that is chosen, which has answered.

    Args:
        asking: asks.
        now: with the present model.
        load: loads the settings, with other values by field name.
        bot: whose limits hold.
        given: the model and its server from options; None: it is asked for.
    """
    if given is not None:
        return _checked(asking, given, load, bot)
    asking.show(OPTIONS)

    def check(answer: str) -> InitAnswers:
        chosen = msgspec.structs.replace(now, model=answer or NO_MODEL)
        if answer.startswith(SERVER):
            chosen = _ask_server(asking, chosen, now)
        return _checked(asking, chosen, load, bot)

    return asking.ask("Model", now.model, check)


def _ask_server(asking: Asking, chosen: InitAnswers, now: InitAnswers) -> InitAnswers:
    url = asking.ask(
        "  Its address, such as http://127.0.0.1:11434/v1 (- for OpenAI's cloud)", now.base_url or "-", str
    )
    url = "" if url == "-" else url
    kept = now.api_key if url == now.base_url else ""  # the key of another server is not sent to it
    key = asking.ask(
        "  Its key (Enter: none)" if not kept else "  Its key",
        kept,
        str,
        is_secret=True,
        shown="the present one" if kept else "",
    )
    return msgspec.structs.replace(chosen, base_url=url, api_key=key)


def _checked(asking: Asking, chosen: InitAnswers, load: Load, bot: Bot) -> InitAnswers:
    """``chosen``, whose model has answered.

    Raises:
        ConfigError: the settings are wrong, or the model is not wanted after all.
        ModelError: the model is not there, or does not answer.
    """
    if chosen.model == NO_MODEL:
        click.echo("  ✓ no model: you can name one at any time")
        return chosen
    given = {"model": chosen.model}
    if chosen.model.startswith(SERVER):
        _check_environment(chosen)
        # An empty key is given, too: the settings have the key of the server before.
        given |= {"base_url": chosen.base_url, "api_key": chosen.api_key}
    settings = load(**given)
    if chosen.model in CATALOGUE and not (settings.data / MODELS_FOLDER / chosen.model / "config.json").is_file():
        if not asking.agrees(f"  Fetch it now ({CATALOGUE[chosen.model].megabytes} MB)?"):
            raise ConfigError(f"{chosen.model} is not here yet: fetch it, or choose another model")
        models_command.install(settings, chosen.model, lambda line: click.echo(f"  {line}"))
    click.echo(f"  asking {chosen.model} for a word ...")
    said = run_interruptibly(lambda: _ping(settings, bot))
    click.echo(f"  ✓ it answers: {said[:60]!r}")
    return msgspec.structs.replace(chosen, model=settings.model)


def _check_environment(chosen: InitAnswers) -> None:
    """See that the environment has no other key, which would win over the file and be sent to the server.

    Raises:
        ConfigError: it has one.
    """
    variable = Settings.variable("api_key")
    outside = os.environ.get(variable, "").strip()
    if outside and outside != chosen.api_key:
        address = chosen.base_url or "OpenAI's cloud"
        raise ConfigError(
            f"{variable} is set in the environment, and the bot would send that key to {address}: unset it, or, if it "
            f"is the key of that server, set {Settings.variable('base_url')} in the environment, too"
        )


async def _ping(settings: Settings, bot: Bot) -> str:
    """What the model says to "Say hello."."""
    async with make_llm(settings, bot) as llm:
        await check_served_model(settings, llm)
        request = ChatRequest(messages=[{"role": "user", "content": "Say hello."}], max_tokens=PING_TOKENS)
        completion = await llm.complete(request)
    return " ".join(completion.text.split())
