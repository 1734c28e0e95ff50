"""The cluster is the one that kubectl would speak to."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import yaml

from progressive._adapters.cluster.environment import Environment, find
from progressive.clusters import KubernetesCluster
from progressive.errors import ClusterError, ErrorKind


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A home without configuration, outside a pod, without a proxy."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def config(
    file: Path,
    name: str,
    *,
    current: bool = True,
    user: dict[str, Any] | None = None,
    cluster: dict[str, Any] | None = None,
    namespace: str | None = None,
) -> Path:
    where = {"cluster": name, "user": name, **({"namespace": namespace} if namespace else {})}
    place = {"server": f"https://{name}.example:6443", **(cluster or {})}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name if current else "",
        "contexts": [{"name": name, "context": where}],
        "clusters": [{"name": name, "cluster": place}],
        "users": [{"name": name, "user": user if user is not None else {"token": "hunter2"}}],
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(document))
    return file


def refused(*args: Any, **named: Any) -> ClusterError:
    with pytest.raises(ClusterError) as caught:
        find(*args, **named).configure()
    return caught.value


def test_nothing_configured_says_what_was_looked_for() -> None:
    """The first error that a new user meets."""
    error = refused()

    assert ErrorKind.UNAVAILABLE is error.kind
    assert "no cluster is configured" in str(error)
    assert "~/.kube/config" in str(error)
    assert "KUBECONFIG" in str(error)
    assert str(error) == str(pickle.loads(pickle.dumps(error)))


def test_order_of_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that is named, then KUBECONFIG, then the home folder."""
    config(tmp_path / "home/.kube/config", "home")
    at_home = find().configure().host
    monkeypatch.setenv("KUBECONFIG", str(config(tmp_path / "listed", "listed")))
    listed = find().configure().host
    named = find(config(tmp_path / "named", "named")).configure().host

    assert "https://home.example:6443" == at_home
    assert "https://listed.example:6443" == listed
    assert "https://named.example:6443" == named


def test_named_file_must_be_there(tmp_path: Path) -> None:
    """Falling back to another cluster would be dangerous."""
    config(tmp_path / "home/.kube/config", "home")
    error = refused(tmp_path / "nowhere")

    assert f"the kubeconfig {tmp_path / 'nowhere'} does not exist" == str(error)


def test_several_files_are_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """kubectl takes the first current-context that it meets; missing files are passed over."""
    one = config(tmp_path / "one", "one", current=False)
    two = config(tmp_path / "two", "two", namespace="shop")
    three = config(tmp_path / "three", "three")
    listed = f"{tmp_path / 'missing'}:{one}:{two}:{three}"
    monkeypatch.setenv("KUBECONFIG", listed)

    assert "https://two.example:6443" == find().configure().host
    assert "shop" == find().namespace
    assert "https://one.example:6443" == find(context="one").configure().host
    assert "default" == find(context="one").namespace
    assert "other" == find(namespace="other").namespace


def test_context_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A typing error must not reach another cluster."""
    error = refused(config(tmp_path / "c", "one"), context="prod")

    assert "has no context 'prod'" in str(error)


@pytest.mark.parametrize("text", ["", "just a word", "a: [", "contexts: 7\ncurrent-context: x"])
def test_file_that_is_no_kubeconfig_is_an_error_with_its_path(tmp_path: Path, text: str) -> None:
    """Whatever is in it."""
    (tmp_path / "c").write_text(text)
    error = refused(tmp_path / "c")

    assert ErrorKind.UNAVAILABLE is error.kind
    assert str(tmp_path / "c") in str(error)


def test_credentials_are_in_no_text(tmp_path: Path) -> None:
    """Logs and reports are kept for years."""
    cluster = KubernetesCluster.from_environment(config(tmp_path / "c", "one"))

    assert "hunter2" not in repr(cluster) + str(vars(cluster))
    assert "<KubernetesCluster https://one.example:6443>" == repr(cluster)


def test_proxy_of_the_environment_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many build machines reach their cluster no other way."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")

    assert "http://proxy.example:3128" == find(config(tmp_path / "c", "one")).configure().proxy


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_loopback_is_never_asked_through_a_proxy_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """As kubectl does: clusters on a laptop behind a company's proxy."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    file = config(tmp_path / "c", "one", cluster={"server": f"https://{host}:6443"})

    assert find(file).configure().proxy is None


def test_proxy_of_the_kubeconfig_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is meant for this cluster, NO_PROXY for everything else."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "one.example")
    file = config(tmp_path / "c", "one", cluster={"proxy-url": "http://own.example:8888"})
    found = find(file).configure()

    assert ("http://own.example:8888", None) == (found.proxy, found.no_proxy)


def test_plugin_that_is_missing_is_named_with_its_hint(tmp_path: Path) -> None:
    """The package would go on as an anonymous user."""
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "cloud-login",
        "installHint": "install cloud-login 2",
    }
    error = refused(config(tmp_path / "c", "one", user={"exec": plugin}))

    assert "the credential plugin cloud-login failed: install cloud-login 2" == str(error)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'session is over' >&2; exit 3", "exit status 3: session is over"),
        ("echo hunter2", "no ExecCredential"),
        ('echo \'{"apiVersion": "x/v1", "status": {"token": "hunter2"}}\'', "answers in x/v1"),
        ('echo \'{"apiVersion": "client.authentication.k8s.io/v1", "status": {}}\'', "neither"),
    ],
)
def test_plugin_that_fails_is_told_without_its_output(
    tmp_path: Path, script: str, words: str
) -> None:
    """What it prints may be a token."""
    file = tmp_path / "plugin"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(file)}
    error = refused(config(tmp_path / "c", "one", user={"exec": plugin}))

    assert ErrorKind.UNAVAILABLE is error.kind
    assert words in str(error)
    assert "hunter2" not in repr((error, error.__cause__))


def test_plugin_that_repeats_its_environment_is_told_without_it(tmp_path: Path) -> None:
    """Values of its section, and flags that are named like secrets; a region is looked for."""
    file = tmp_path / "plugin"
    file.write_text('#!/bin/sh\necho "no $ID in $REGION with $*" >&2\nexit 1\n')
    file.chmod(0o755)
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": str(file),
        "args": ["login", "--token", "swordfish", "--region", "north"],
        "env": [{"name": "ID", "value": "hunter2"}, {"name": "REGION", "value": "true"}],
    }
    error = refused(config(tmp_path / "c", "one", user={"exec": plugin}))

    assert "no … in true with login --token … --region north" in str(error)


def test_kubeconfig_that_is_no_yaml_is_told_by_line_and_column(tmp_path: Path) -> None:
    """The parser's own words hold the line, and the line may hold a token."""
    (tmp_path / "c").write_text("users:\n- user: {token: hunter2, [\n")
    error = refused(tmp_path / "c")

    assert "line 3, column 1" in str(error)
    assert "hunter2" not in str(error)
    assert (None, None) == (error.__cause__, error.__context__)


def test_outside_a_pod_no_service_account_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable alone is no pod: there is no token."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")

    assert "no cluster is configured" in str(refused())


def test_pod_without_a_certificate_says_so() -> None:
    """The configuration of a pod that is not one."""
    pod = Environment(files=(), context=None, namespace="default", words="the pod's account")
    with pytest.raises(ClusterError, match="the pod's account cannot be used"):
        pod.configure()
