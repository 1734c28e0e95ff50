"""How the parts of a control plane are started: ports that were free, files below one folder."""

from __future__ import annotations

from pathlib import Path

from tests.realparts.process import free_ports

MANIFESTS = Path(__file__).parent / "manifests"

CONTROLLERS = (
    "deployment-controller,replicaset-controller,daemonset-controller,statefulset-controller,"
    "endpointslice-controller,endpoints-controller,garbage-collector-controller,"
    "namespace-controller,serviceaccount-controller,serviceaccount-token-controller"
)


class Flags:
    """
    The flags of each part.

    Attributes:
        server: Root address of the API server.
        store: Root address of etcd.
        authority: The API server's certificate; it appears once that has started.
        audit_log: What was asked of the API server.
        tokens: Who is known by which token; must be there before the API server starts.
        key: Signs the tokens of service accounts, and proves them; the same.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        ports = free_ports(5)
        self._etcd_peer_port, self._port, self._controllers_port, self._kwok_port = ports[:4]
        self.store = f"http://127.0.0.1:{ports[4]}"
        self.server = f"https://127.0.0.1:{self._port}"
        self.authority = folder / "certificates" / "apiserver.crt"
        self.audit_log = folder / "audit.log"
        self.tokens = folder / "tokens.csv"
        self.key = folder / "sa.key"

    def etcd(self) -> list[str]:
        """All that is stored."""
        peer = f"http://127.0.0.1:{self._etcd_peer_port}"
        return [
            f"--data-dir={self._folder / 'etcd'}",
            f"--listen-client-urls={self.store}",
            f"--advertise-client-urls={self.store}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--log-level=warn",
            "--unsafe-no-fsync",  # what is thrown away need not survive a power cut
        ]

    def api_server(self) -> list[str]:
        """With users by token, rights by Role, and every request in the audit log."""
        return [
            f"--etcd-servers={self.store}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self._port}",
            f"--cert-dir={self.authority.parent}",
            f"--token-auth-file={self.tokens}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.key}",
            f"--service-account-signing-key-file={self.key}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--endpoint-reconciler-type=none",
            "--profiling=false",
            f"--audit-policy-file={MANIFESTS / 'audit-policy.yaml'}",
            f"--audit-log-path={self.audit_log}",
            "--audit-log-maxsize=0",  # a rotated log would be counted from its middle
        ]

    def controllers(self, kubeconfig: Path) -> list[str]:
        """Those of `CONTROLLERS`, as a user of this kubeconfig."""
        return [
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._controllers_port}",
            f"--cert-dir={self._folder / 'controllers'}",
            "--leader-elect=false",
            "--use-service-account-credentials=false",
            f"--service-account-private-key-file={self.key}",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
            f"--controllers={CONTROLLERS}",
        ]

    def kwok(self, kubeconfig: Path) -> list[str]:
        """The nodes and what becomes of pods, as a user of this kubeconfig."""
        return [
            f"--kubeconfig={kubeconfig}",
            "--manage-all-nodes=true",
            f"--config={MANIFESTS / 'stages.yaml'}",
            "--node-lease-duration-seconds=0",
            "--cidr=10.99.16.1/20",
            f"--server-address=127.0.0.1:{self._kwok_port}",
        ]
