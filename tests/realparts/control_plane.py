"""A Kubernetes control plane of real parts, without nodes that do anything.

etcd, the API server and the controllers are the real ones; kwok plays the node, so pods become
ready at once and Deployments roll out, though nothing runs in them (`mesh.py` lets them answer).
Everything listens on the loopback, on ports that were free, below one folder.
"""

from __future__ import annotations

import base64
import json
import subprocess
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import requests
from tests.realparts import audit, definitions
from tests.realparts.api import Api, ApiError, Document, documents
from tests.realparts.flags import MANIFESTS, Flags
from tests.realparts.parts import part
from tests.realparts.process import Process, wait_for

MASTERS = "system:masters"

USERS: dict[str, str] = {
    "admin": MASTERS,
    "progressive": MASTERS,  # the library and the command line, so that their requests count apart
    "other": MASTERS,  # a second writer
    "restricted": "",  # may discover and nothing else, until a test grants it something
    "forbidden": "",  # stays so
    "controllers": MASTERS,
    "kwok": MASTERS,
    "istiod": MASTERS,
    "contour": MASTERS,
    "traefik": MASTERS,
    "pods": MASTERS,
}
"""Whom the API server knows, and the group that each is in."""


class ControlPlane:
    """
    The running parts.

    Attributes:
        server: Root address of the API server.
        authority: Its certificate, for clients to trust.
        api: Connection of the user `admin`.
        api_server: The process, to be paused or killed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._logs = folder / "logs"
        self._logs.mkdir()
        self._flags = Flags(folder)
        self.server = self._flags.server
        self.authority = self._flags.authority
        self._audit_log = self._flags.audit_log
        self._tokens = {user: uuid.uuid4().hex for user in USERS}
        self._users: dict[str, Api] = {}
        self._groups: dict[str, set[str]] = {}  # installed, with the names they define
        self._etcd = self._process("etcd", self._flags.etcd())
        self.api_server = self._process("kube-apiserver", self._flags.api_server())
        self._rest: list[Process] = []

    def start(self) -> None:
        """Until Deployments roll out; 4 to 8 s."""
        self._write_secrets()
        self._etcd.start()
        self._etcd.wait_ready(lambda: _answers(f"{self._flags.store}/health"))
        self.start_api_server()
        self._apply_manifests()
        controllers = self._flags.controllers(self.kubeconfig("controllers"))
        self._rest = [
            self._process("kube-controller-manager", controllers),
            self._process("kwok", self._flags.kwok(self.kubeconfig("kwok"))),
        ]
        for process in self._rest:
            process.start()
        self._wait_settled()

    def stop(self) -> None:
        """At once; the cluster is thrown away."""
        for user in self._users.values():
            user.close()
        # etcd last: without it the API server hangs, and keeps its port
        for process in (*reversed(self._rest), self.api_server, self._etcd):
            process.kill()

    @property
    def api(self) -> Api:
        return self.user("admin")

    def user(self, name: str) -> Api:
        """The connection of one of `USERS`; the same object each time."""
        if name not in self._users:
            self._users[name] = Api(self.server, token=self.token(name), authority=self.authority)
        return self._users[name]

    def fresh(self) -> Api:
        """A connection of the user `admin` for one thread alone; whoever asks closes it."""
        return Api(self.server, token=self.token("admin"), authority=self.authority)

    def token(self, user: str) -> str:
        """The bearer token by which the API server knows one of `USERS`."""
        return self._tokens[user]

    def kubeconfig(
        self, user: str = "progressive", *, namespace: str = "default", embedded: bool = False
    ) -> Path:
        """A kubeconfig file; `embedded` carries the certificate in it instead of its path."""
        trust: Document = {"certificate-authority": str(self.authority)}
        if embedded:
            written = base64.b64encode(self.authority.read_bytes()).decode()
            trust = {"certificate-authority-data": written}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": user,
            "clusters": [{"name": "tests", "cluster": {"server": self.server, **trust}}],
            "users": [{"name": user, "user": {"token": self.token(user)}}],
            "contexts": [
                {
                    "name": user,
                    "context": {"cluster": "tests", "user": user, "namespace": namespace},
                }
            ],
        }
        file = self._folder / f"kubeconfig-{user}-{namespace}{'-embedded' * embedded}.yaml"
        file.write_text(json.dumps(config, indent=1))  # JSON is YAML
        file.chmod(0o600)
        return file

    def namespace(self, prefix: str = "t") -> str:
        """A fresh namespace, ready for pods."""
        name = f"{prefix}-{uuid.uuid4().hex[:8]}"
        self.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        return name

    def install(self, *groups: str) -> None:
        """
        Makes the API server serve the kinds of routers, by group; at once if it does already.

        Args:
            groups: Of `definitions.GROUPS`, such as ``gateway-api`` or ``contour``.
        """
        for group in groups:
            if group not in self._groups:
                wanted = definitions.of(group)
                definitions.install(self.api, wanted)
                names = {one["metadata"]["name"] for one in wanted}
                # what defines one of these names too has just been replaced
                self._groups = {
                    other: held for other, held in self._groups.items() if not held & names
                }
                self._groups[group] = names

    def uninstall(self, *groups: str) -> None:
        """Takes kinds away again, with all their objects; what is not there is fine."""
        for group in groups:
            definitions.uninstall(self.api, definitions.of(group))
            self._groups.pop(group, None)

    def forget(self, namespace: str) -> None:
        """Begins to delete a namespace; never waits, never fails a test that is over."""
        with suppress(ApiError, requests.RequestException):
            self.api.delete(f"/api/v1/namespaces/{namespace}")

    def grant(self, user: str, namespace: str, rules: Sequence[Document]) -> None:
        """Lets a user do these things (RBAC `rules`) in one namespace, in place of before."""
        group = "rbac.authorization.k8s.io"
        about = {"name": f"granted-{user}", "namespace": namespace}
        self.api.apply(
            {
                "apiVersion": f"{group}/v1",
                "kind": "Role",
                "metadata": about,
                "rules": list(rules),
            }
        )
        self.api.apply(
            {
                "apiVersion": f"{group}/v1",
                "kind": "RoleBinding",
                "metadata": about,
                "roleRef": {"apiGroup": group, "kind": "Role", "name": about["name"]},
                "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
            }
        )
        if rules:
            what = f"the rights of {user} in {namespace}"
            # every rule: some are everybody's already, and tell nothing of this Role
            known = lambda: all(self._allows(user, namespace, one) for one in rules)  # noqa: E731
            wait_for(known, what, seconds=60)

    def _allows(self, user: str, namespace: str, rule: Document) -> bool:
        """Whether the API server's authorizer knows of a rule; it hears of Roles by a watch."""
        asked = {
            "namespace": namespace,
            "verb": rule["verbs"][0],
            "group": rule["apiGroups"][0],
            "resource": rule["resources"][0],
            **({"name": rule["resourceNames"][0]} if rule.get("resourceNames") else {}),
        }
        answer = self.api.post(
            "/apis/authorization.k8s.io/v1/subjectaccessreviews",
            {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SubjectAccessReview",
                "spec": {"user": user, "resourceAttributes": asked},
            },
        )
        return bool(answer["status"]["allowed"])

    def mark(self) -> int:
        """Now, as a place in the audit log; for `requests`."""
        self._flush_audit()
        return self._audit_log.stat().st_size

    def requests(
        self, user: str = "progressive", *, since: int = 0, namespace: str | None = None
    ) -> Counter[audit.Asked]:
        """
        What a user asked of the API server, by verb and resource.

        Args:
            user: One of `USERS`.
            since: A `mark()`; 0: since the beginning.
            namespace: Only what was asked of this namespace; None: everything.
        """
        self._flush_audit()
        return audit.count(self._audit_log, user=user, since=since, namespace=namespace)

    def events(self, user: str, *, since: int = 0) -> list[Document]:
        """Every request of a user, as the audit log has it; of a watch only its beginning."""
        self._flush_audit()
        told: dict[str, Document] = {}
        for one in audit.events(self._audit_log, since=since):
            if one["user"]["username"] == user:
                told.setdefault(one["auditID"], one)
        return list(told.values())

    def writes(
        self, user: str, *, since: int = 0, namespace: str | None = None
    ) -> list[tuple[str, str, int]]:
        """Verb, resource and status of everything that a user wrote, refused ones as well."""
        self._flush_audit()
        return list(audit.answers(self._audit_log, user=user, since=since, namespace=namespace))

    def pause(self) -> None:
        """The API server goes silent: connections stay open, and nothing is answered."""
        self.api_server.pause()

    def resume(self) -> None:
        self.api_server.resume()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Silent for the length of a block, awake after it whatever happens."""
        self.pause()
        try:
            yield
        finally:
            self.resume()

    def stop_api_server(self) -> None:
        """Every connection drops, and new ones are refused, until `start_api_server`."""
        self.api_server.kill()

    def start_api_server(self) -> None:
        """On the port it had; ready when this returns."""
        self.api_server.start()
        self.api_server.wait_ready(self._api_server_ready)

    def restart_api_server(self) -> None:
        """Killed and started again on the same port; gone for about 3 s."""
        self.stop_api_server()
        self.start_api_server()
        self._wait_settled()

    def expire_watches(self) -> None:
        """
        Makes every resource version that was told until now too old to go on from.

        The server restarts, for its cache of events is what an old version is served from;
        history in etcd is compacted, and a write makes sure that the new cache begins later.
        """
        told = self.api.create(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"generateName": "expire-", "namespace": "default", "name": ""},
            }
        )
        revision = int(told["metadata"]["resourceVersion"])
        compaction = f"{self._flags.store}/v3/kv/compaction"
        requests.post(compaction, json={"revision": revision}, timeout=10).raise_for_status()
        self.restart_api_server()

    def logs(self) -> Path:
        """Folder of what the parts wrote."""
        return self._logs

    def _process(self, name: str, flags: list[str]) -> Process:
        return Process(name, [part(name), *flags], logs=self._logs)

    def _write_secrets(self) -> None:
        self.authority.parent.mkdir()
        lines = [f'{token},{user},{user},"{USERS[user]}"' for user, token in self._tokens.items()]
        self._flags.tokens.write_text("\n".join(lines) + "\n")
        # one RSA key signs the tokens of service accounts and proves them
        command = ["openssl", "genrsa", "-out", str(self._flags.key), "2048"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    def _api_server_ready(self) -> bool:
        # the certificate that proves it appears only once it has started
        return self.authority.exists() and self.api.call("GET", "/readyz").status_code == 200

    def _apply_manifests(self) -> None:
        wanted: list[Document] = []
        for file in (part("istio-crds.yaml"), *sorted(MANIFESTS.glob("*-crd*.yaml"))):
            wanted += documents(file.read_text())
        for one in wanted:
            self.api.apply(one)
        self.api.apply_all(documents((MANIFESTS / "cluster.yaml").read_text()))
        for one in wanted:
            name = one["metadata"]["name"]
            path = self.api.path_of(one)
            self.api.wait(path, definitions.established, f"CRD {name} established")

    def _wait_settled(self) -> None:
        """Until a new pod gets its node; a policy takes a moment to be heeded after it is read."""
        self.api.wait("/api/v1/nodes/node-1", _node_ready, "the node ready")
        pod = {
            "metadata": {"name": "probe"},
            "spec": {"containers": [{"name": "probe", "image": "probe"}]},
        }

        def scheduled() -> bool:
            answer = self.api.call("POST", "/api/v1/namespaces/default/pods", pod, dryRun="All")
            # refused until the namespace has its service account
            return answer.ok and answer.json()["spec"].get("nodeName") == "node-1"

        wait_for(scheduled, "a pod given to the node")

    def _flush_audit(self) -> None:
        """Until the log holds everything that was answered before; it is written a breath late."""
        about = uuid.uuid4().hex
        begin = self._audit_log.stat().st_size
        self.api.call("GET", "/version", barrier=about)

        def written() -> bool:
            with self._audit_log.open("rb") as log:
                log.seek(begin)
                return about.encode() in log.read()

        wait_for(written, "the audit log written")


def _answers(address: str) -> bool:
    return requests.get(address, timeout=5).status_code == 200


def _node_ready(node: Document) -> bool:
    conditions = node.get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
