"""The files in ``deploy/``: what they name must be there, or an operator finds out when it is needed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmagent_os.config import Settings
from llmagent_os.host.metrics import Metrics

TOP = Path(__file__).parents[2]
DEPLOY = TOP / "deploy"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))


def manifests() -> list[dict[str, Any]]:
    return [each for file in MANIFESTS for each in yaml.safe_load_all(file.read_text(encoding="utf-8"))]


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return found


def metric_names() -> set[str]:
    """Every series of a host's page, without its labels."""
    page = Metrics().page().decode()
    return {re.split(r"[ {]", line)[0] for line in page.splitlines() if not line.startswith("#")}


@pytest.mark.parametrize("file", ["grafana/llmagent-os.json", "prometheus/alerts.yml"])
def test_dashboard_and_alarms_name_metrics_that_a_host_has(file: str) -> None:
    """A panel or an alarm of a metric that is not there stays empty and silent for ever."""
    text = (DEPLOY / file).read_text(encoding="utf-8")
    named = set(re.findall(r"\b(?:llmagent_os|process)_[a-z_]+\b", text))
    assert len(named) > 4
    assert named <= metric_names()


def test_the_dashboard_has_no_two_panels_in_one_place() -> None:
    board = json.loads((DEPLOY / "grafana/llmagent-os.json").read_text(encoding="utf-8"))
    cells: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        own = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not own & cells, panel["title"]
        cells |= own
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_every_setting_that_the_files_give_is_one() -> None:
    """A misspelt setting ends the start of every host."""
    files = [path for path in DEPLOY.rglob("*") if path.is_file()]
    named = {
        name for path in files for name in re.findall(r"\bLLMAGENT_OS_[A-Z_]+\b", path.read_text(encoding="utf-8"))
    }
    assert len(named) > 5
    assert named <= set(Settings.variables())


def test_pods_run_with_no_rights() -> None:
    """The namespace refuses other pods: they would never start."""
    (pod,) = [each["spec"]["template"]["spec"] for each in manifests() if each["kind"] == "Deployment"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"]
        assert not context["allowPrivilegeEscalation"]
        assert context["capabilities"]["drop"] == ["ALL"]


def test_the_kustomization_has_every_manifest_but_the_secret() -> None:
    listed = set(yaml.safe_load((DEPLOY / "kubernetes/kustomization.yaml").read_text(encoding="utf-8"))["resources"])
    assert listed == {file.name for file in MANIFESTS} - {"kustomization.yaml", "secret.example.yaml"}


def test_pods_find_what_they_name() -> None:
    """A pod waits for ever for a secret, a map or a volume that nobody makes."""
    found = {(each["kind"], each["metadata"]["name"]) for each in manifests() if "metadata" in each}
    (pod,) = [each["spec"]["template"]["spec"] for each in manifests() if each["kind"] == "Deployment"]
    assert ("ServiceAccount", pod["serviceAccountName"]) in found
    for source in pod["containers"][0]["envFrom"]:
        (kind, reference), *_ = source.items()
        assert ({"configMapRef": "ConfigMap", "secretRef": "Secret"}[kind], reference["name"]) in found
    claims = [each["persistentVolumeClaim"]["claimName"] for each in pod["volumes"] if "persistentVolumeClaim" in each]
    assert all(("PersistentVolumeClaim", claim) in found for claim in claims)
    mounted = {each["name"] for each in pod["containers"][0]["volumeMounts"]}
    assert mounted == {each["name"] for each in pod["volumes"]}


def test_the_host_has_time_to_stop() -> None:
    """A host that is killed before it has handed over makes people wait until the others notice."""
    (pod,) = [each["spec"]["template"]["spec"] for each in manifests() if each["kind"] == "Deployment"]
    (settings,) = [each["data"] for each in manifests() if each["kind"] == "ConfigMap"]
    assert pod["terminationGracePeriodSeconds"] > int(settings["LLMAGENT_OS_SHUTDOWN_SECONDS"])
    assert (
        int(compose()["services"]["host"]["stop_grace_period"].removesuffix("s"))
        > Settings.load(env_file=None).shutdown_seconds
    )


def test_compose_publishes_nothing_to_other_machines() -> None:
    """The database and the model server are not for others; the web chat is for a proxy on this machine."""
    services = compose()["services"]
    published = [port for service in services.values() for port in service.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)
    for name in ("postgres", "prometheus"):
        assert services[name]["networks"] == ["inside"]
    assert compose()["networks"]["inside"]["internal"]


def test_compose_names_volumes_networks_and_files_that_are_there() -> None:
    found = compose()
    for name, service in found["services"].items():
        assert set(service.get("networks", ())) <= set(found["networks"]), name
        assert set(service.get("secrets", ())) <= set(found["secrets"]), name
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in found["volumes"], volume
        image = service["image"]
        assert image == "llmagent-os" or not image.endswith(":latest"), f"{image}: an update must be chosen"


def test_the_image_is_built_from_files_that_are_sent_to_the_builder() -> None:
    """A file that ``.dockerignore`` leaves out ends the build."""
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = [
        source for line in lines if line.startswith("COPY ") and "--from" not in line for source in line.split()[1:-1]
    ]
    sent = {
        line[1:] for line in (TOP / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")
    }
    assert set(copied) == sent
    assert all((TOP / name).exists() for name in copied)
