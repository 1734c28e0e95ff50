"""Derives the services of a release, and what is wrong with services that exist.

Floor 3, pure. Apex ``A`` and ``A-primary`` select the primary's pods, ``A-canary`` the target's;
which pods those are says `primary.Selector`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from progressive._kube.marks import MANAGED_BY, MANAGER, SELECTOR_BEFORE, Manifest, metadata
from progressive._kube.workload.primary import Selector
from progressive._kube.workload.revision import same
from progressive._model.release import ServiceSpec
from progressive.errors import SpecError

_SIDECARS = frozenset({"istio-proxy", "envoy"})
"""Containers of a mesh; their ports are nobody's service."""
_LONGEST_NAME = 63

Operation = dict[str, Any]


def service_names(service: ServiceSpec) -> dict[str, str]:
    """
    ``apex``, ``primary``, ``canary`` → the name of the service.

    Raises:
        SpecError: A name has more than 63 characters.
    """
    names = {
        "apex": service.name,
        "primary": f"{service.name}-primary",
        "canary": f"{service.name}-canary",
    }
    for name in names.values():
        if len(name) > _LONGEST_NAME:
            raise SpecError(
                "spec.service.name",
                f"the service {name!r} would have a name of more than {_LONGEST_NAME} characters",
            )
    return names


def service_manifest(
    role: str,
    *,
    service: ServiceSpec,
    target: Manifest,
    selector: Selector,
    owner: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """
    A service of the release.

    Args:
        role: ``apex``, ``primary`` or ``canary``.
        target: The Deployment; its containers' ports are read for port discovery.
        owner: With whom it goes; None: with nobody.
    """
    name = service_names(service)[role]
    extra = service.metadata.get(role) or {}
    meta: dict[str, Any] = {
        "name": name,
        "namespace": metadata(target).get("namespace", "default"),
        "labels": {selector.label: name, **(extra.get("labels") or {}), MANAGED_BY: MANAGER},
    }
    if extra.get("annotations"):
        meta["annotations"] = dict(extra["annotations"])
    if owner is not None:
        meta["ownerReferences"] = [dict(owner)]
    spec: dict[str, Any] = {
        "type": "ClusterIP",
        "selector": selected_by(role, selector),
        "ports": service_ports(service, target),
    }
    if service.headless:
        spec["clusterIP"] = "None"
    if service.traffic_distribution:
        spec["trafficDistribution"] = service.traffic_distribution
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}


def selected_by(role: str, selector: Selector) -> dict[str, str]:
    """Which pods the service of this role serves."""
    return selector.of_target if role == "canary" else selector.of_primary


def service_ports(service: ServiceSpec, target: Manifest) -> list[dict[str, Any]]:
    """
    The declared port first, then with port discovery the other ports of the containers.

    A discovered port that the API server would refuse beside the ones before it is left out (same
    number and protocol), or named by its container (same name).
    """
    aim = service.port if service.target_port is None else service.target_port
    declared: dict[str, Any] = {
        "name": service.port_name,
        "protocol": "TCP",
        "port": service.port,
        "targetPort": aim,
    }
    if service.app_protocol:
        declared["appProtocol"] = service.app_protocol
    ports = [declared]
    if not service.port_discovery:
        return ports
    for container in target["spec"]["template"]["spec"].get("containers") or ():
        if container.get("name") in _SIDECARS:
            continue
        for index, port in enumerate(container.get("ports") or ()):
            if aim in (port["containerPort"], port.get("name")):
                continue
            _add(ports, container["name"], index, port)
    return ports


def _add(ports: list[dict[str, Any]], container: str, index: int, port: Mapping[str, Any]) -> None:
    number, protocol = port["containerPort"], port.get("protocol") or "TCP"
    if any((one["port"], one["protocol"]) == (number, protocol) for one in ports):
        return
    ending = f"-{index}"
    by_container = f"{protocol.lower()}-{container}"[: _LONGEST_NAME - len(ending)] + ending
    name = port.get("name") or by_container
    if any(one["name"] == name for one in ports):
        name = by_container
    ports.append({"name": name, "protocol": protocol, "port": number, "targetPort": number})


def corrections(found: Manifest, wanted: Manifest) -> list[Operation]:
    """What makes an existing service of ours right: its selector and its ports; empty: it is."""
    spec, aim = found["spec"], wanted["spec"]
    patch: list[Operation] = []
    if not same(spec.get("selector"), aim["selector"]):
        patch.append({"op": "add", "path": "/spec/selector", "value": aim["selector"]})
    if not same(_sorted(spec.get("ports") or ()), _sorted(aim["ports"])):
        patch.append({"op": "add", "path": "/spec/ports", "value": aim["ports"]})
    return _guarded(found, patch)


def pointing(apex: Manifest, selector: Selector) -> list[Operation]:
    """
    What points an existing apex service at the primary; empty: it does already.

    Only the selector changes; what it was before is kept beside it, to be given back one day.

    Raises:
        SpecError: The service has no selector that could be pointed anywhere.
    """
    spec, meta = apex["spec"], metadata(apex)
    before = spec.get("selector") or {}
    if same(before, selector.of_primary):
        return []
    if spec.get("type") == "ExternalName" or not before:
        raise SpecError(
            "spec.service.name",
            f"Service {meta.get('namespace', 'default')}/{meta['name']} has no selector, so it "
            "cannot be pointed at the primary; name another service",
        )
    annotations = {
        **(meta.get("annotations") or {}),
        SELECTOR_BEFORE: json.dumps(before, sort_keys=True),
    }
    return _guarded(
        apex,
        [
            {"op": "test", "path": "/spec/selector", "value": before},
            {"op": "replace", "path": "/spec/selector", "value": selector.of_primary},
            {"op": "add", "path": "/metadata/annotations", "value": annotations},
        ],
    )


def _sorted(ports: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Ports as they were asked for: defaults filled in, without what the API server chose."""
    plain = [
        {
            "protocol": "TCP",
            "targetPort": port["port"],
            **{key: value for key, value in port.items() if key != "nodePort"},
        }
        for port in ports
    ]
    return sorted(plain, key=lambda port: (port["port"], port["protocol"]))


def _guarded(found: Manifest, patch: list[Operation]) -> list[Operation]:
    version = metadata(found).get("resourceVersion")
    if not patch or version is None:
        return patch
    return [{"op": "test", "path": "/metadata/resourceVersion", "value": version}, *patch]
