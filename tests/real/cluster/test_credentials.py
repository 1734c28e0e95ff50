"""How the Kubernetes adapter logs in: plugins, files of tokens, and certificates."""

from __future__ import annotations

import stat
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.contract.cluster_contract import (
    config_map,
    maps,
    refused,
)
from tests.realparts.control_plane import ControlPlane

from progressive.clusters import KubernetesCluster
from progressive.errors import ErrorKind

pytestmark = pytest.mark.real


PLUGIN = """
    #!{python}
    import json, os, pathlib, sys
    calls = pathlib.Path({folder!r}, "calls")
    calls.write_text(calls.read_text() + "x" if calls.exists() else "x")
    token = pathlib.Path({folder!r}, "token").read_text()
    assert json.loads(os.environ["KUBERNETES_EXEC_INFO"])["kind"] == "ExecCredential"
    print(json.dumps({{
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": {{"token": token}},
    }}))
"""


class Plugin:
    """A credential plugin that counts its calls and gives the token of a file."""

    def __init__(self, folder: Path, control_plane: ControlPlane) -> None:
        self.folder = folder
        script = folder / "plugin"
        text = textwrap.dedent(PLUGIN).strip().format(python=sys.executable, folder=str(folder))
        script.write_text(text)
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        config = yaml.safe_load(control_plane.kubeconfig().read_text())
        config["users"][0]["user"] = {
            "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin"}
        }
        self.kubeconfig = folder / "config.yaml"
        self.kubeconfig.write_text(yaml.safe_dump(config))

    def give(self, token: str) -> None:
        (self.folder / "token").write_text(token)

    @property
    def calls(self) -> int:
        return len((self.folder / "calls").read_text())


def test_refused_token_is_renewed_once(
    tmp_path: Path, control_plane: ControlPlane, namespace: str
) -> None:
    """Tokens of clouds live for minutes, releases for hours."""
    plugin = Plugin(tmp_path, control_plane)
    plugin.give("expired")
    cluster = KubernetesCluster.from_environment(plugin.kubeconfig)
    plugin.give(control_plane.token("progressive"))
    cluster.create(maps(namespace), config_map("web"))
    renewed = plugin.calls
    cluster.get(maps(namespace, "web"))

    assert 2 == renewed
    assert 2 == plugin.calls


def test_many_threads_renew_a_token_once(
    tmp_path: Path, control_plane: ControlPlane, namespace: str
) -> None:
    """A plugin may ask a person to log in."""
    plugin = Plugin(tmp_path, control_plane)
    plugin.give("expired")
    cluster = KubernetesCluster.from_environment(plugin.kubeconfig)
    plugin.give(control_plane.token("progressive"))
    done: list[dict[str, Any]] = []
    threads = [
        threading.Thread(target=lambda: done.append(cluster.get(maps(namespace))))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert 6 == len(done)
    assert 2 == plugin.calls


def test_token_that_stays_refused_is_forbidden(
    tmp_path: Path, control_plane: ControlPlane, namespace: str
) -> None:
    """Renewed once and not for ever; the token is in no text."""
    plugin = Plugin(tmp_path, control_plane)
    plugin.give("hunter2")
    cluster = KubernetesCluster.from_environment(plugin.kubeconfig)
    error = refused(lambda: cluster.get(maps(namespace)))

    assert (ErrorKind.FORBIDDEN, 401, 2) == (error.kind, error.status, plugin.calls)
    assert "does not accept the credentials" in str(error)
    assert "hunter2" not in repr((error, error.__cause__, cluster))


def test_token_file_is_read_again(
    tmp_path: Path, control_plane: ControlPlane, namespace: str
) -> None:
    """Projected service account tokens are replaced in place."""
    config = yaml.safe_load(control_plane.kubeconfig().read_text())
    config["users"][0]["user"] = {"tokenFile": "token"}
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    (tmp_path / "token").write_text("expired")
    cluster = KubernetesCluster.from_environment(tmp_path / "config")
    (tmp_path / "token").write_text(control_plane.token("progressive"))

    assert "items" in cluster.get(maps(namespace))


def test_untrusted_certificate_is_said_so(
    tmp_path: Path, control_plane: ControlPlane, namespace: str
) -> None:
    """The commonest fault of a new kubeconfig; trying again would not help."""
    config = yaml.safe_load(control_plane.kubeconfig().read_text())
    del config["clusters"][0]["cluster"]["certificate-authority"]
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    cluster = KubernetesCluster.from_environment(tmp_path / "config")
    error = refused(lambda: cluster.get(maps(namespace)))

    assert (ErrorKind.UNAVAILABLE, 0) == (error.kind, error.status)
    assert f"the certificate of {control_plane.server} is not trusted" in str(error)
