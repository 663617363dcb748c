"""The settings of one installation: environment variables, and a ``.env`` file for variables that are not set."""

from llmagent_os.config.settings import PREFIX, Settings, check_zone

__all__ = ["PREFIX", "Settings", "check_zone"]
