"""Says what to install where Ray is missing."""

from __future__ import annotations

import importlib.util

from llmagent_os.errors import ConfigError

INSTALL = "pip install 'llmagent-os[ray]'"


def check_installed() -> None:
    """Check that Ray is there, without importing it. Then `llmagent_os.cluster.ray_engine` can be imported.

    Raises:
        ConfigError: it is not.
    """
    if importlib.util.find_spec("ray") is None:
        raise ConfigError(f"a Ray cluster needs the extra `ray`: {INSTALL}")
