"""Finds where a model is, by a name, without loading the model."""

from __future__ import annotations

import importlib.util
import json
import os
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, cast

import msgspec

from llmagent_os.errors import ModelError, ModelNotFoundError
from llmagent_os.serving.model_catalogue import CATALOGUE, MODELS_FOLDER

GROUP = "llmagent_os.models"  #: entry point group of installed models


class Location(msgspec.Struct, frozen=True):
    """Where a model was found."""

    name: str  #: the model's name; a LoRA trained on the model names it as its base
    base: str  #: a folder with ``config.json``, or a hub id
    local: bool  #: ``base`` is a folder
    lora: Path | None = None  #: a PEFT folder whose LoRA is used with the model
    #: of a hub id: the commit, branch or tag that is used; ``None``: the main branch as it is now, or a folder
    revision: str | None = None


def locate(name: str, models: Path | None = None) -> Location:
    """Find a model: first among the installed models, then as a folder, then on the Hugging Face hub.

    A name that looks like a path can only be a folder. A folder holds a whole model, or a PEFT LoRA that names its
    base. ``organisation/name@revision`` pins a hub id to a commit, a branch or a tag.

    Args:
        name: the model's name.
        models: the folder of the models that ``llmagent-os models install`` has fetched; None: the one in the data
            folder that the settings name.

    Raises:
        ConfigError: ``models`` is needed and not given, and a setting is wrong.
        ModelNotFoundError: there is no such model; the message says where it was looked for.
        ModelError: the configuration of a LoRA is damaged, or the base of a LoRA is another LoRA.
    """
    return _locate(name, models, depth=0)


def _locate(name: str, models: Path | None, depth: int) -> Location:
    """``depth``: 0 for the name that was asked for, 1 for the base of a LoRA."""
    looked: list[str] = []
    path = Path(name).expanduser()
    like_a_path = path.is_absolute() or name.startswith((".", "~")) or name.endswith(os.sep)
    if not like_a_path:
        if found := _installed(name):
            return Location(name, str(found), local=True)
        known = sorted(entry.name for entry in entry_points(group=GROUP))
        looked.append(f"installed models ({', '.join(known) or 'none'})")
        downloaded = (_models_folder() if models is None else models) / name
        if _is_a_name(name) and (downloaded / "config.json").is_file():
            return Location(name, str(downloaded.resolve()), local=True)
        if name in CATALOGUE:
            looked.append(f"downloaded models (run: llmagent-os models install {name})")
    if (path / "adapter_config.json").is_file():
        return _lora_with_base(path.resolve(), models, depth)
    if (path / "config.json").is_file():
        folder = str(path.resolve())
        return Location(folder, folder, local=True)
    looked.append(f"folder {path.absolute()} ({'has no config.json' if path.is_dir() else 'does not exist'})")
    if not like_a_path:
        hub_id, _, revision = name.partition("@")
        why = _missing_on_hub(hub_id, revision or None)
        if why is None:
            return Location(name, hub_id, local=False, revision=revision or None)
        looked.append(f"Hugging Face hub ({why})")
    raise ModelNotFoundError(f"no model {name!r}; looked for it in: " + "; ".join(looked))


def _models_folder() -> Path:
    """The folder of downloaded models that the settings name. They are read only for a name that no package has."""
    from llmagent_os.config import Settings

    return Settings.load().data / MODELS_FOLDER


def _is_a_name(name: str) -> bool:
    return not set(name) & {"/", "\\", "\0"} and not name.startswith(".")


def _installed(name: str) -> Path | None:
    """The folder of an installed model; ``None``: no package offers a model of this name."""
    for entry in entry_points(group=GROUP, name=name):
        try:
            spec = importlib.util.find_spec(entry.module)
        except ModuleNotFoundError:
            spec = None
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            if (Path(folder) / "config.json").is_file():
                return Path(folder)
        raise ModelNotFoundError(
            f"model {name!r} is registered as {entry.value} by {entry.dist.name if entry.dist else 'a package'}, but "
            "there is no config.json in it; reinstall that package or train the model"
        )
    return None


def _lora_with_base(folder: Path, models: Path | None, depth: int) -> Location:
    """The LoRA in a PEFT folder, together with the base that it names."""
    file = folder / "adapter_config.json"
    try:
        config: dict[str, Any] = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{file} is not JSON: {error}") from error
    if not isinstance(cast("object", config), dict):
        raise ModelError(f"{file} is no JSON object: it must hold the configuration of a LoRA")
    base = config.get("base_model_name_or_path")
    if base and config.get("revision"):
        base = f"{base}@{config['revision']}"  # PEFT keeps the revision of the base in a field of its own
    if not base:
        raise ModelError(f"{file}: base_model_name_or_path is missing, so the LoRA's base model is not known")
    if depth:
        raise ModelError(f"{file}: a LoRA cannot be the base of another LoRA; name the base model itself")
    try:
        found = _locate(str(base), models, depth + 1)
    except ModelNotFoundError as error:
        raise ModelNotFoundError(f"{folder} is a LoRA and its base is missing: {error}") from error
    return msgspec.structs.replace(found, lora=folder)


def _missing_on_hub(name: str, revision: str | None) -> str | None:
    """Why a model is neither on the hub nor in its local cache; ``None``: it is there."""
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    hub = cast("Any", huggingface_hub)
    try:
        try:
            hub.hf_hub_download(name, "config.json", revision=revision, local_files_only=True)
        except LocalEntryNotFoundError:
            # One request without the retries of a download: most often the name is wrong, and retries take 20 seconds.
            hub.get_hf_file_metadata(hub.hf_hub_url(name, "config.json", revision=revision))
    except HFValidationError:
        return "not a possible hub id"
    except HfHubHTTPError as error:
        return f"it says {error.response.status_code} for {error.response.url}"
    except Exception as error:  # not only OSError: the errors of the hub's HTTP client differ from release to release
        offline = "HF_HUB_OFFLINE is set" if hub.constants.HF_HUB_OFFLINE else "cannot be reached"
        return f"{offline} and it is not in the local cache: {type(error).__name__}"
    return None
