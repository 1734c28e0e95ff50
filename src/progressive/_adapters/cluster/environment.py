"""Finds the cluster that kubectl would speak to, and what is needed to speak to it.

Floor 4: reads files and environment variables and runs credential plugins. The reading itself
is done by the `kubernetes` package; this adds what kubectl does and the package does not: the
first `current-context` of several files wins, a loopback address is never asked through a proxy
of the environment, a plugin that fails is an error and not an anonymous user, and none may hang.
Asked by `client.py`; asked again by `link.py` when the API server refuses the credentials.
"""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from attrs import frozen

from progressive._adapters.cluster.credential_plugin import run_plugin
from progressive.errors import ClusterError, ErrorKind

if TYPE_CHECKING:
    from kubernetes.client import Configuration

_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its credentials (Kubernetes manual, "Accessing the API from a Pod")."""


@frozen(kw_only=True)
class Environment:
    """
    Where the configuration is; what is in it is read anew at each `configure()`.

    Attributes:
        files: Kubeconfig files that exist, in the order of precedence; empty: in a pod.
        context: Name of the context; None: the current one of the files.
        namespace: The namespace for documents that name none.
        words: Where the configuration came from, for people.
    """

    files: tuple[str, ...]
    context: str | None
    namespace: str
    words: str

    def configure(self) -> Configuration:
        """
        Read the configuration and get fresh credentials.

        Raises:
            ClusterError: It cannot be read, or its credential plugin fails.
        """
        from kubernetes.client import Configuration
        from kubernetes.config import ConfigException, incluster_config

        configuration = Configuration()
        explicit_proxy, fault = False, ""
        try:
            if self.files:
                explicit_proxy = _load(self.files, self.context, configuration)
            else:
                in_cluster: Any = incluster_config
                in_cluster.load_incluster_config(client_configuration=configuration)
        except ClusterError:
            raise
        except (ConfigException, OSError, ValueError, TypeError, KeyError, AttributeError) as bad:
            # the package lets any of these out when a file is not shaped like a kubeconfig
            fault = _words(bad)
        if fault:  # not chained: what cannot be decoded may be a key, and is in the error
            raise _unusable(f"{self.words} cannot be used: {fault}")
        _settle(configuration, explicit_proxy=explicit_proxy)
        return configuration


def find(
    kubeconfig: str | os.PathLike[str] | None = None,
    context: str | None = None,
    namespace: str | None = None,
) -> Environment:
    """
    Where the configuration is: `kubeconfig`, ``KUBECONFIG``, ``~/.kube/config``, or the pod's.

    Args:
        kubeconfig: A file; it must exist.
        context: Name of a context; default: the current one.
        namespace: Default: that of the context, or of the pod.

    Raises:
        ClusterError: There is none, or it cannot be read (kind ``unavailable``).
    """
    looked: list[str] = []
    if kubeconfig is not None:
        if not os.path.isfile(kubeconfig):
            fault = "is a folder, not a file" if os.path.isdir(kubeconfig) else "does not exist"
            raise _unusable(f"the kubeconfig {os.fspath(kubeconfig)} {fault}")
        files: tuple[str, ...] = (os.fspath(kubeconfig),)
    elif named := os.environ.get("KUBECONFIG", ""):
        files = _existing(named.split(os.pathsep))
        looked.append(f"the files of KUBECONFIG ({named})")
    else:
        files = _existing(["~/.kube/config"])
        looked.append("~/.kube/config")
    if files:
        return _described(files, context, namespace)
    if context is not None:
        raise _unusable(f"context {context!r} was asked for, but none of these exists: "
                        + ", ".join(looked))  # fmt: skip
    if os.environ.get("KUBERNETES_SERVICE_HOST") and (_SERVICE_ACCOUNT / "token").is_file():
        own = _SERVICE_ACCOUNT / "namespace"
        found = own.read_text().strip() if own.is_file() else ""
        return Environment(
            files=(),
            context=None,
            namespace=namespace or found or "default",
            words="the service account of this pod",
        )
    looked.append("the service account of a pod (KUBERNETES_SERVICE_HOST is not set)")
    raise _unusable(
        f"no cluster is configured; looked for {', '.join(looked)}. "
        "Give a kubeconfig, or set KUBECONFIG"
    )


def _existing(paths: list[str]) -> tuple[str, ...]:
    return tuple(full for path in paths if path and os.path.isfile(full := _expanded(path)))


def _expanded(path: str) -> str:
    return os.path.expanduser(path)


def _described(files: tuple[str, ...], context: str | None, namespace: str | None) -> Environment:
    words = f"the kubeconfig {os.pathsep.join(files)}"
    name = context or _current_context(files, words)
    known: list[str] = []
    for document in _documents(files, words):
        for one in document.get("contexts") or []:
            if not isinstance(one, dict):
                continue
            known.append(str(one.get("name")))
            if one.get("name") == name:
                found = (one.get("context") or {}).get("namespace")
                return Environment(
                    files=files,
                    context=name,
                    namespace=namespace or found or "default",
                    words=f"{words}, context {name!r}",
                )
    raise _unusable(f"{words} has no context {name!r}; it has {', '.join(known) or 'none'}")


def _current_context(files: tuple[str, ...], words: str) -> str:
    for document in _documents(files, words):
        if name := document.get("current-context"):
            return str(name)
    raise _unusable(f"{words} has no current-context; name one")


def _documents(files: tuple[str, ...], words: str) -> list[dict[str, Any]]:
    import yaml

    found = []
    for path in files:
        document, fault = None, ""
        try:
            document = yaml.safe_load(Path(path).read_text())
        except (OSError, ValueError, yaml.YAMLError) as bad:
            fault = _words(bad)
        if fault:  # not chained, as above
            raise _unusable(f"{words} cannot be read: {fault}")
        if not isinstance(document, dict) or not isinstance(document.get("contexts") or [], list):
            raise _unusable(f"{words} cannot be used: {path} holds no kubeconfig")
        found.append(document)
    return found


def _load(files: tuple[str, ...], context: str | None, configuration: Configuration) -> bool:
    """Fill `configuration`; whether the kubeconfig itself names a proxy."""
    from kubernetes.config import dateutil, kube_config

    kube: Any = kube_config  # it says that it is typed, and is not
    parse_time: Any = dateutil.parse_rfc3339

    class Loader(kube.KubeConfigLoader):  # type: ignore[misc]
        def _load_from_exec_plugin(self) -> bool:
            # the original logs a failure and goes on as an anonymous user
            if "exec" not in self._user:
                return False
            folder = self._get_base_path(self._cluster.path)
            status = run_plugin(self._user["exec"], folder, self._cluster)
            if token := status.get("token"):
                self.token = f"Bearer {token}"
            if status.get("clientCertificateData") and status.get("clientKeyData"):
                self.cert_file, self.key_file = (
                    kube.FileOrData(
                        status,
                        None,
                        data_key_name=key,
                        file_base_path=folder,
                        base64_file_content=False,
                    ).as_file()
                    for key in ("clientCertificateData", "clientKeyData")
                )
            if expiry := status.get("expirationTimestamp"):
                self.expiry = parse_time(expiry)
            return True

    merged = kube.KubeConfigMerger(os.pathsep.join(files)).config
    loader = Loader(config_dict=merged, active_context=context, config_base_path=None)
    loader.load_and_set(configuration)
    return bool(loader._cluster.safe_get("proxy-url"))


def _settle(configuration: Configuration, *, explicit_proxy: bool) -> None:
    # repetitions are decided in `retry.py` alone; urllib3 would add three of its own
    configuration.retries = cast(Any, False)
    configuration.keep_alive = True
    if explicit_proxy:
        configuration.no_proxy = None
    elif _is_loopback(urlsplit(configuration.host).hostname or ""):
        # Go's ProxyFromEnvironment, and so kubectl, never asks a proxy for these
        configuration.proxy = None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _words(bad: Exception) -> str:
    """What is wrong; never the lines of the file, which YAML's errors quote."""
    if (mark := getattr(bad, "problem_mark", None)) is not None:
        place = f"line {mark.line + 1}, column {mark.column + 1}"
        return f"{getattr(bad, 'problem', None) or 'it is not YAML'} in {place}"
    if isinstance(bad, UnicodeError):
        return "it is not text in UTF-8"
    return " ".join(str(bad).split()) or type(bad).__name__


def _unusable(words: str) -> ClusterError:
    return ClusterError(words, ErrorKind.UNAVAILABLE, None, 0, "NoConfiguration")
