"""Checks a bot's model for ``llmagent-os doctor``. PyTorch is imported only for a deep check of a local model."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

from llmagent_os.admin.findings import Finding
from llmagent_os.bot import Bot, make_llm
from llmagent_os.chat import ChatRequest
from llmagent_os.config import PREFIX, Settings
from llmagent_os.errors import LLMAgentOSError


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
    async with llm:
        if llm.location is None:
            yield Finding(
                "model", "ok", f"{name}, at {settings.base_url or 'the default address of the openai client'}"
            )
            if (
                not settings.base_url
                and not os.environ.get("OPENAI_BASE_URL")
                and not settings.api_key.get_secret_value()
            ):
                yield Finding("model", "note", f"neither {PREFIX}BASE_URL nor {PREFIX}API_KEY is set")
        elif llm.location.local:
            yield _weights(name, Path(llm.location.base))
        else:
            yield Finding("model", "ok", f"{name}, from the Hugging Face hub")
        if deep:
            try:
                said = await llm.complete(ChatRequest(messages=[{"role": "user", "content": "hello"}], max_tokens=40))
                yield Finding("model", "ok", f"it answers 'hello' with {said.text!r}")
            except LLMAgentOSError as error:
                yield Finding("model", "problem", f"the model does not answer: {error}", remedy)
        else:
            yield Finding("model", "note", "not tried; --deep loads the model and lets it answer")


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
