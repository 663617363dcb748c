"""What is asked of a node, and where Ray is and is not. What breaks without this: a training waits for ever, unsaid."""

from __future__ import annotations

import subprocess
import sys

import pytest

from llmagent_os.cluster.node_resources import Needs, NodeResources, check_needs
from llmagent_os.cluster.replica_order import application_name
from llmagent_os.errors import ConfigError
from tests.layout import ROOTS
from tests.unit.test_layout import CHECKOUT, sources

NODES = [NodeResources("10.0.0.1", cpus=8, memory=16e9), NodeResources("10.0.0.2", cpus=2, gpus=1, memory=8e9)]


@pytest.mark.parametrize(
    "needs",
    [Needs("x", cpus=8), Needs("x", cpus=1, gpus=1), Needs("x", memory=16e9), Needs("x", 2, 1, 8e9), Needs("x")],
)
def test_what_fits_one_node_is_asked_for(needs: Needs) -> None:
    check_needs(needs, NODES)


@pytest.mark.parametrize(
    "needs", [Needs("x", cpus=9), Needs("x", cpus=4, gpus=1), Needs("x", gpus=2), Needs("x", memory=17e9)]
)
def test_what_fits_all_nodes_together_only_is_refused(needs: Needs) -> None:
    with pytest.raises(
        ConfigError, match=r"no node of the cluster has as much \(10\.0\.0\.1: 8 CPUs, 0 GPUs, 16\.0 GB; 10"
    ):
        check_needs(needs, NODES)


def test_a_cluster_without_nodes_says_so() -> None:
    with pytest.raises(ConfigError, match=r"a training asks one node for 1 CPUs, 2 GPUs.*no node is alive"):
        check_needs(Needs("a training", 1, 2), [])


@pytest.mark.parametrize("model", ["calendar", "ray:calendar", "/a folder/of é", "organisation/model@main"])
def test_names_of_applications_are_plain(model: str) -> None:
    assert application_name(model).isascii() and not set(application_name(model)) & set("/ @:")


def test_models_whose_names_look_alike_have_applications_of_their_own() -> None:
    """The later start would replace the replicas of the earlier, and its bot would speak with another model."""
    names = [application_name(each) for each in ("ray:org/model", "ray:org-model", "org@model", "org/model")]
    assert len(set(names)) == 3 and names[0] == names[3]


def test_ray_is_in_one_file() -> None:
    """Whoever has no cluster pays nothing for it, and whoever changes Ray's version looks in one place."""
    importing = {
        file.name
        for root in ROOTS
        for file in sources(root)
        if any(f"{each}.".startswith("ray.") for each in file.imports())
    }
    assert importing == {"core/llmagent_os/cluster/ray_engine.py"}
    assert CHECKOUT.files


def _python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, timeout=100)


def test_an_ordinary_start_imports_neither_ray_nor_fsspec() -> None:
    run = _python(
        "import sys, llmagent_os.runtime, llmagent_os.training.job_process\n"
        "from llmagent_os.llm import LLM\n"
        "LLM.from_pretrained('calendar')\n"
        "print([name for name in ('ray', 'fsspec') if name in sys.modules])"
    )
    assert run.stdout == "[]\n", run.stderr


@pytest.mark.parametrize("command", [["start"], ["status"], ["stop"]])
def test_who_has_no_ray_is_told_what_to_install(command: list[str]) -> None:
    run = _python(
        f"import sys; sys.modules['ray'] = None; sys.argv = ['llmagent-os', 'cluster', *{command!r}, 'calendar']\n"
        "from llmagent_os.cli import main; main()"
    )
    assert run.returncode == 2
    assert run.stderr == "error: a Ray cluster needs the extra `ray`: pip install 'llmagent-os[ray]'\n"


def test_a_bot_whose_model_is_on_a_cluster_needs_ray() -> None:
    run = _python(
        "import sys; sys.modules['ray'] = None\nfrom llmagent_os.llm import LLM; LLM.from_pretrained('ray:calendar')"
    )
    assert "ConfigError: a Ray cluster needs the extra `ray`" in run.stderr
