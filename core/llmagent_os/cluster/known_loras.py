"""Names the LoRAs of folders by their content, and reads each folder once for as long as its files stay."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from llmagent_os.errors import LoraError, ModelError
from llmagent_os.serving.lora_files import FileKey, LoraFiles, file_key, read_lora_files

_MOST = 4096  # names that are kept


class KnownLoras:
    """The names of LoRAs that requests have asked for. Safe to use from several threads."""

    def __init__(self) -> None:
        self._ids: OrderedDict[FileKey, str] = OrderedDict()
        self._lock = threading.Lock()

    def id_of(self, folder: Path) -> str:
        """The name of a folder's LoRA by its content. Reads the files at the first time, so not for an event loop.

        Raises:
            LoraError: a file is missing, or is not what the sums in the folder say.
        """
        key = file_key(folder)
        with self._lock:
            if key is not None and key in self._ids:
                self._ids.move_to_end(key)
                return self._ids[key]
        version = self.files_of(folder).version
        with self._lock:
            if key is not None:
                self._ids[key] = version
            while len(self._ids) > _MOST:
                self._ids.popitem(last=False)
        return version

    @staticmethod
    def files_of(folder: Path) -> LoraFiles:
        """The files of a folder's LoRA. Reads them, so not for an event loop.

        Raises:
            LoraError: as :meth:`id_of`.
        """
        try:
            files = read_lora_files(folder)
            files.check()
        except ModelError as error:
            raise LoraError(str(error)) from error
        return files
