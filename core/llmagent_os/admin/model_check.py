"""Checks a bot's model for ``llmagent-os doctor``. PyTorch is imported only for a deep check of a local model."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from llmagent_os.admin.findings import Finding
from llmagent_os.admin.tool_check import check_tools
from llmagent_os.bot import Bot, check_served_model, make_llm
from llmagent_os.chat import ChatRequest
from llmagent_os.cluster.replica_order import RAY
from llmagent_os.config import PREFIX, Settings
from llmagent_os.errors import LLMAgentOSError, ModelUnavailableError
from llmagent_os.llm import LLM
from llmagent_os.serving.model_location import Location
from llmagent_os.serving.model_memory import bytes_of_a_slot
from llmagent_os.serving.no_model import NO_MODEL


async def check_model(settings: Settings, bot: Bot, *, deep: bool) -> AsyncIterator[Finding]:
    """Check that the bot's model is there and whole.

    Args:
        settings: of the installation.
        bot: whose model is checked.
        deep: also load the model and let it answer.
    """
    name = settings.model or bot.config.model
    remedy = f"set {PREFIX}MODEL to an installed model, a folder, or openai:MODEL with {PREFIX}BASE_URL"
    try:
        llm = make_llm(settings, bot)
    except LLMAgentOSError as error:
        yield Finding("model", "problem", str(error), remedy)
        return
    if llm.name == NO_MODEL:
        text = "none: commands, buttons and requests in plain words work, free talk does not"
        yield Finding("model", "note", text, remedy)
        return
    async with llm:
        if llm.location is None:
            where = ", ".join(settings.server_urls) or "OpenAI's cloud"
            try:
                await check_served_model(settings, llm)
                yield Finding("model", "ok", f"{name}, at {where}, which has it")
            except ModelUnavailableError as error:
                yield Finding("model", "problem", str(error), f"start the server, or correct {PREFIX}BASE_URL")
            except LLMAgentOSError as error:
                yield Finding("model", "problem", str(error), remedy)
        elif llm.location.local:
            yield _weights(name, Path(llm.location.base))
        else:
            yield Finding("model", "ok", f"{name}, from the Hugging Face hub")
        if llm.location is not None and not llm.name.startswith(RAY):
            yield _memory(settings, llm.location)
        if deep:
            try:
                hello = await _hello(settings, bot, llm)
                said = await llm.complete(hello)
                answer = (
                    repr(said.text) if said.text else " and ".join(f"the call {call.name}" for call in said.tool_calls)
                )
                yield Finding("model", "ok", f"it answers 'hello' with {answer or 'nothing'}")
                if llm.location is None and hello.tools:
                    yield await check_tools(llm)
            except LLMAgentOSError as error:
                yield Finding("model", "problem", f"the model does not answer: {error}", remedy)
        else:
            yield Finding("model", "note", "not tried; --deep loads the model and lets it answer")


async def _hello(settings: Settings, bot: Bot, llm: LLM) -> ChatRequest:
    """The request that the bot makes of a first "hello", with its instructions and its tools."""
    from llmagent_os.modules import BehaviorModule
    from llmagent_os.reply.agent_settings import AgentSettings
    from llmagent_os.reply.prompt import warm_up_request
    from llmagent_os.reply.services import Services

    config = bot.config
    behavior = BehaviorModule(None, defaults=config.behavior.model_dump(), dimensions=config.behavior.dimensions)
    async with bot.plugins(settings) as plugins:
        said = AgentSettings(title=config.title, notes=config.instructions, permissions=config.permissions)
        services = Services(behavior=behavior, settings=said, plugins=plugins)
        request = warm_up_request(services, native=llm.card.native)
    temperature = config.words_temperature(local=llm.location is not None)
    return msgspec.structs.replace(
        request, max_tokens=config.max_tokens, temperature=temperature, min_p=config.min_p, seed=settings.seed
    )


def _memory(settings: Settings, location: Location) -> Finding:
    """Say how much memory a local model may take besides its weights, by the settings."""
    loras, prompts = settings.lora_megabytes, settings.prefix_megabytes
    text = f"besides the weights at most {loras} MB for people's LoRAs and {prompts} MB for earlier prompts"
    if (slot := bytes_of_a_slot(location)) is not None:
        text += f", and {settings.slots * slot / 1e6:.0f} MB for {settings.slots} replies of the greatest length"
    return Finding("model memory", "ok", text)


def _weights(name: str, folder: Path) -> Finding:
    """Check the files of a local model. The weights' header names every tensor, so a broken download shows there."""
    from safetensors import SafetensorError, safe_open  # brings numpy

    files = sorted(folder.glob("*.safetensors"))
    lacking = [file for file in ("config.json", "tokenizer.json") if not (folder / file).is_file()]
    remedy = "install the package again, or train or download the model again"
    if lacking or not files:
        return Finding(
            "model", "problem", f"{folder} lacks {', '.join(lacking) or 'its weights (*.safetensors)'}", remedy
        )
    try:
        tensors = 0
        for file in files:
            with safe_open(file, framework="numpy") as opened:  # pyright: ignore[reportUnknownVariableType]
                tensors += len(opened.keys())  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
    except (SafetensorError, OSError) as error:
        return Finding("model", "problem", f"{folder}: the weights cannot be read: {error}", remedy)
    size = sum(file.stat().st_size for file in files) / 1e6
    return Finding("model", "ok", f"{name}: {folder}, {tensors} tensors, {size:.1f} MB")
