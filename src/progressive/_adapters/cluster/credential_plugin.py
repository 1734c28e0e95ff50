"""Runs a credential plugin, as the `exec` section of a kubeconfig asks for it.

Floor 4: starts a program. The `kubernetes` package prepares the call; it is made here because
the package gives the plugin no end of time and the terminal's input.
Source: Kubernetes manual, "client-go credential plugins".
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from progressive._kube.shown import secrets_of
from progressive._redaction import names_a_secret, redacted
from progressive.errors import ClusterError, ErrorKind

_SECONDS = 60.0
"""For plugins that ask a person to log in, or a slow identity provider."""


def run_plugin(section: Any, folder: str, cluster: Any) -> dict[str, Any]:
    """
    The `status` of the ExecCredential that the plugin prints.

    Args:
        section: The `exec` section, as the `kubernetes` package reads it.
        folder: Folder of the kubeconfig; relative commands start there.
        cluster: The cluster's section, for plugins that ask for it.

    Raises:
        ClusterError: The plugin is missing, fails, takes a minute, or prints something else
            (kind ``unavailable``, reason ``CredentialPlugin``). What it printed on standard
            output is never told, for it may hold a token; neither are the values of its
            environment where it repeats them. No error of another library is chained to it.
    """
    from kubernetes.config import ConfigException
    from kubernetes.config.exec_provider import ExecProvider

    prepare: Any = ExecProvider  # it says that it is typed, and is not
    try:
        call = prepare(section, folder, cluster)
        name = call.args[0]
    except (ConfigException, TypeError, KeyError) as bad:
        raise _failed("of the kubeconfig", str(bad)) from bad
    given = secrets_of({"env": _listed(section, "env"), "command": call.args})
    given |= {value for name, value in os.environ.items() if names_a_secret(name)}
    asking = section.safe_get("interactiveMode") != "Never" and sys.stdin.isatty()
    call.env["KUBERNETES_EXEC_INFO"] = _described(call, asking)
    done = _called(call, section, asking)
    if done.returncode != 0:
        words = redacted(" ".join((done.stderr or "").split()), given)[-500:]
        raise _failed(name, f"exit status {done.returncode}" + (f": {words}" if words else ""))
    return _status(name, done.stdout, call.api_version)


def _called(call: Any, section: Any, asking: bool) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            call.args,
            cwd=call.cwd,
            env=call.env,
            stdin=None if asking else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if asking else subprocess.PIPE,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        hint = section.safe_get("installHint") or "it is not installed, or not on the PATH"
        fault = str(hint)
    except (OSError, ValueError) as bad:
        fault = getattr(bad, "strerror", None) or "what it printed is no text in UTF-8"
    except subprocess.TimeoutExpired:
        fault = f"it gave no answer within {_SECONDS:g} s"
    # not in the block above: the originals carry what the plugin printed
    raise _failed(call.args[0], fault)


def _listed(section: Any, key: str) -> list[Mapping[str, Any]]:
    found = getattr(section, "value", section).get(key)
    return [one for one in found or () if isinstance(one, Mapping)]


def _described(call: Any, asking: bool) -> str:
    spec: dict[str, Any] = {"interactive": asking}
    if call.cluster:
        spec["cluster"] = dict(call.cluster.value)
        for one in call.cluster.value.get("extensions") or []:
            if one.get("name") == "client.authentication.k8s.io/exec":
                spec["cluster"]["config"] = one["extension"]
    return json.dumps({"apiVersion": call.api_version, "kind": "ExecCredential", "spec": spec})


def _status(name: str, printed: str, version: str) -> dict[str, Any]:
    try:
        told = json.loads(printed)
    except ValueError:
        told = None
    status = told.get("status") if isinstance(told, dict) else None
    if not isinstance(told, dict) or status is None:
        raise _failed(name, "what it printed is no ExecCredential with a status")
    if told.get("apiVersion") != version:
        raise _failed(name, f"it answers in {told.get('apiVersion')}, but {version} was asked for")
    certificate = isinstance(status, dict) and (
        status.get("clientCertificateData") and status.get("clientKeyData")
    )
    if not isinstance(status, dict) or not (status.get("token") or certificate):
        raise _failed(name, "it gave neither a token nor a certificate with its key")
    return status


def _failed(name: str, words: str) -> ClusterError:
    return ClusterError(
        f"the credential plugin {name} failed: {words}",
        ErrorKind.UNAVAILABLE,
        None,
        0,
        "CredentialPlugin",
    )
