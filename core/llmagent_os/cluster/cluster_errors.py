"""What can be wrong between us and a cluster, each with what to do."""

from __future__ import annotations

from llmagent_os.errors import ConfigError, ModelSetupError, ModelUnavailableError

_START = "RAY_AUTH_MODE=token ray start --head"


class ClusterUnavailableError(ModelUnavailableError):
    """No cluster can be reached at the address. It may be started later."""


def no_cluster(address: str, error: object) -> ClusterUnavailableError:
    """The error where nothing answers at an address."""
    where = "on this machine" if address == "auto" else f"at {address}, or this machine is no node of it"
    return ClusterUnavailableError(
        f"there is no Ray cluster {where} ({_line(error)}): start one with `{_START}`, let this machine join it with "
        "`RAY_AUTH_MODE=token ray start --address=HEAD:6379`, or correct LLMAGENT_OS_RAY_ADDRESS"
    )


def wrong_token(address: str, error: object) -> ConfigError:
    """The error where the cluster does not know who we are."""
    return ConfigError(
        f"the Ray cluster at {address} refuses this process ({_line(error)}): give every machine the same token in "
        "RAY_AUTH_TOKEN or ~/.ray/auth_token"
    )


def versions_differ(address: str, error: object) -> ConfigError:
    """The error where the cluster has another Ray or Python."""
    return ConfigError(
        f"the Ray cluster at {address} has other versions than this machine ({_line(error)}): install the same Python "
        "and the same Ray on every machine"
    )


def not_served(model: str, address: str) -> ModelSetupError:
    """The error where the cluster does not serve a model."""
    return ModelSetupError(
        f"the Ray cluster at {address} does not serve the model {model}: run `llmagent-os cluster start BOT`"
    )


def _line(error: object) -> str:
    return " ".join(str(error).split())[:300]
