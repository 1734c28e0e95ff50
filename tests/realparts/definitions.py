"""The custom resources of the routers, installed in the API server when a test first needs them.

`manifests/crds/GROUP.yaml` holds the definitions of one group, as their authors publish them but
without the descriptions, which validate nothing (`manifests/SOURCES.md`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.realparts.api import Api, Document, documents
from tests.realparts.process import wait_for

FOLDER = Path(__file__).parent / "manifests" / "crds"
GROUPS = tuple(sorted(file.stem for file in FOLDER.glob("*.yaml")))
"""What may be asked for; `smi` and `smi-linkerd` define the same name, and so do both channels
of the Gateway API: of two such the later replaces the earlier."""


def of(group: str) -> list[Document]:
    """The definitions of a group, to be read or changed before they are installed."""
    if group not in GROUPS:
        raise ValueError(f"no custom resources '{group}': there are {', '.join(GROUPS)}")
    return documents((FOLDER / f"{group}.yaml").read_text())


def install(api: Api, definitions: Iterable[Document]) -> None:
    """
    Until each kind is served in every version that it shall be.

    A definition of the same name that stores another version is removed first, with its objects.
    """
    wanted = list(definitions)
    for one in wanted:
        _make_room(api, one)
        api.apply(one)
    for one in wanted:
        name = one["metadata"]["name"]
        api.wait(api.path_of(one), established, f"CRD {name} established")
        for version in one["spec"]["versions"]:
            if version["served"]:
                _wait_served(api, one["spec"], version["name"])


def uninstall(api: Api, definitions: Iterable[Document]) -> None:
    """Until the kinds are gone, and all their objects; a definition that is not there is fine."""
    gone = list(definitions)
    for one in gone:
        answer = api.call("DELETE", api.path_of(one))
        if answer.status_code != 404:
            answer.raise_for_status()
    for one in gone:
        # its objects go first, and a finalizer that failed once pauses for longer each time
        api.wait_gone(api.path_of(one), seconds=240)
        for version in one["spec"]["versions"]:
            _wait_unserved(api, one["spec"], version["name"])


def established(definition: Document) -> bool:
    """Whether the API server says that it serves this definition."""
    conditions = definition.get("status", {}).get("conditions") or ()  # null at first
    return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)


def _make_room(api: Api, wanted: Document) -> None:
    answer = api.call("GET", api.path_of(wanted))
    if answer.status_code == 404:
        return
    stored = set(answer.json().get("status", {}).get("storedVersions") or ())
    if not stored <= {version["name"] for version in wanted["spec"]["versions"]}:
        uninstall(api, [wanted])


def _wait_unserved(api: Api, spec: Document, version: str) -> None:
    """The definition goes first; its kind is listed and answered for a moment longer."""
    group, kind = spec["group"], spec["names"]["kind"]
    root = f"/apis/{group}/{version}"

    def unserved() -> bool:
        answer = api.call("GET", root)
        resources = answer.json().get("resources") or () if answer.ok else ()
        listed = kind in {one["kind"] for one in resources}
        return (
            not listed and api.call("GET", f"{root}/{spec['names']['plural']}").status_code == 404
        )

    wait_for(unserved, f"{kind} no longer served as {group}/{version}")


def _wait_served(api: Api, spec: Document, version: str) -> None:
    group, kind = spec["group"], spec["names"]["kind"]
    root = f"/apis/{group}/{version}"

    def served() -> bool:
        answer = api.call("GET", root)
        resources = answer.json().get("resources") or () if answer.ok else ()
        if kind not in {one["kind"] for one in resources}:
            return False
        # it is listed before its storage answers (429, "storage is (re)initializing")
        return api.call("GET", f"{root}/{spec['names']['plural']}", limit="1").ok

    wait_for(served, f"{kind} served as {group}/{version}")
