"""What every `Cluster` promises, real or in memory.

A test class inherits `ClusterContract` and gives the fixtures `cluster` and `place`;
what the promises are asked with is for tests of its own.
"""

from __future__ import annotations

import pytest
from tests.contract.cluster_objects import (
    GROUP,
    Manifest,
    config_map,
    maps,
    refused,
    route,
    routes,
    take,
    version,
)
from tests.contract.watch_contract import WatchContract

from progressive.errors import ErrorKind
from progressive.ports import Cluster

__all__ = ["ClusterContract", "config_map", "maps", "refused", "route", "routes", "take"]


class ClusterContract(WatchContract):
    """The promises; see the module."""

    def test_created_object_can_be_read_back(self, cluster: Cluster, place: str) -> None:
        """All that follows leans on it."""
        made = cluster.create(maps(place), config_map("web", a="1"))
        read = cluster.get(maps(place, "web"))

        assert made == read
        assert {"a": "1"} == read["data"]
        assert place == read["metadata"]["namespace"]
        assert read["metadata"]["uid"] and read["metadata"]["creationTimestamp"] and version(read)

    def test_second_creation_is_told_apart_from_a_conflict(
        self, cluster: Cluster, place: str
    ) -> None:
        """ "Make it where it is absent" must know that it was there."""
        cluster.create(maps(place), config_map("web"))

        error = refused(lambda: cluster.create(maps(place), config_map("web")))

        assert (ErrorKind.CONFLICT, 409, "AlreadyExists") == (
            error.kind,
            error.status,
            error.reason,
        )
        assert 'configmaps "web" already exists' == str(error)

    def test_absent_object_is_named(self, cluster: Cluster, place: str) -> None:
        """The words end up in a report."""
        error = refused(lambda: cluster.get(routes(place, "web")))

        assert (ErrorKind.NOT_FOUND, 404, "NotFound") == (error.kind, error.status, error.reason)
        assert f'virtualservices.{GROUP} "web" not found' == str(error)

    @pytest.mark.parametrize("verb", ["json", "merge"])
    def test_patch_of_an_absent_object_is_not_found(
        self, cluster: Cluster, place: str, verb: str
    ) -> None:
        """A patch never makes an object."""

        def write() -> None:
            if verb == "json":
                cluster.json_patch(maps(place, "x"), [{"op": "add", "path": "/data", "value": {}}])
            else:
                cluster.merge_patch(maps(place, "x"), {"data": {"a": "1"}})

        assert ErrorKind.NOT_FOUND == refused(write).kind

    def test_json_patch_changes_what_it_names(self, cluster: Cluster, place: str) -> None:
        """Rule R1: every other byte stays."""
        before = cluster.create(routes(place), route("web", weight=5))
        sides = "/spec/http/0/route"
        after = cluster.json_patch(
            routes(place, "web"),
            [
                {"op": "test", "path": "/metadata/resourceVersion", "value": version(before)},
                {"op": "test", "path": f"{sides}/1/destination/host", "value": "web-canary"},
                {"op": "add", "path": f"{sides}/0/weight", "value": 80},
                {"op": "add", "path": f"{sides}/1/weight", "value": 20},
            ],
        )

        assert route("web", weight=20)["spec"] == after["spec"]
        assert version(before) != version(after)
        assert before["metadata"]["generation"] + 1 == after["metadata"]["generation"]
        assert after == cluster.get(routes(place, "web"))

    @pytest.mark.parametrize(
        "test",
        [
            {"op": "test", "path": "/metadata/resourceVersion", "value": "1"},
            {"op": "test", "path": "/spec/http/0/route/0/destination/host", "value": "other"},
            {"op": "test", "path": "/spec/http/7/route/0/destination/host", "value": "other"},
        ],
        ids=["old version", "another host", "shorter list"],
    )
    def test_failed_test_is_a_conflict_and_changes_nothing(
        self, cluster: Cluster, place: str, test: Manifest
    ) -> None:
        """The API answers 422, as for an invalid object; only one of the two may be read again."""
        before = cluster.create(routes(place), route("web"))
        add = {"op": "add", "path": "/spec/http/0/route/1/weight", "value": 9}

        error = refused(lambda: cluster.json_patch(routes(place, "web"), [test, add]))

        assert (ErrorKind.CONFLICT, 422) == (error.kind, error.status)
        assert before == cluster.get(routes(place, "web"))

    @pytest.mark.parametrize(
        "text", ["a && b < c > d", "größe ✓ 目標", "\u2028\u2029", 'tab\t"\\']
    )
    def test_a_test_holds_whatever_its_text_is_made_of(
        self, cluster: Cluster, place: str, text: str
    ) -> None:
        """Rules of proxies hold `&&`, and the server compares the spelling of a text."""
        cluster.create(maps(place), config_map("web", a=text))
        patch: list[Manifest] = [
            {"op": "test", "path": "/data", "value": {"a": text}},
            {"op": "test", "path": "/data/a", "value": text},
            {"op": "add", "path": "/data/b", "value": text},
        ]

        assert {"a": text, "b": text} == cluster.json_patch(maps(place, "web"), patch)["data"]

    def test_old_version_in_a_merge_patch_is_a_conflict(
        self, cluster: Cluster, place: str
    ) -> None:
        """Journals and Leases are saved this way."""
        before = cluster.create(maps(place), config_map("web", a="1"))
        cluster.merge_patch(maps(place, "web"), {"data": {"a": "2"}})

        error = refused(
            lambda: cluster.merge_patch(
                maps(place, "web"),
                {"metadata": {"resourceVersion": version(before)}, "data": {"a": "3"}},
            )
        )

        assert (ErrorKind.CONFLICT, 409, "Conflict") == (error.kind, error.status, error.reason)
        assert "the object has been modified" in str(error)
        assert "2" == cluster.get(maps(place, "web"))["data"]["a"]

    def test_null_in_a_merge_patch_removes(self, cluster: Cluster, place: str) -> None:
        """RFC 7386; the inbox is pruned by it."""
        cluster.create(maps(place), config_map("web", a="1", b="2"))
        after = cluster.merge_patch(maps(place, "web"), {"data": {"a": None, "c": "3"}})

        assert {"b": "2", "c": "3"} == after["data"]

    def test_replacement_needs_the_present_version(self, cluster: Cluster, place: str) -> None:
        """Without one, some kinds are overwritten whatever stands there."""
        before = cluster.create(routes(place), route("web"))
        wanted = route("web", weight=10)
        bare = refused(lambda: cluster.replace(routes(place, "web"), wanted))
        wanted["metadata"]["resourceVersion"] = version(before)
        after = cluster.replace(routes(place, "web"), wanted)
        late = refused(lambda: cluster.replace(routes(place, "web"), wanted))

        assert ErrorKind.INVALID is bare.kind
        assert "must be specified for an update" in str(bare)
        assert wanted["spec"] == after["spec"]
        assert ErrorKind.CONFLICT is late.kind

    def test_write_that_changes_nothing_is_none(self, cluster: Cluster, place: str) -> None:
        """Rule R2 can be seen from outside: the version stays."""
        before = cluster.create(routes(place), route("web", weight=5))
        sides = "/spec/http/0/route"
        after = cluster.json_patch(
            routes(place, "web"), [{"op": "add", "path": f"{sides}/1/weight", "value": 5}]
        )

        assert before == after

    def test_label_moves_no_generation(self, cluster: Cluster, place: str) -> None:
        """The generation says whether controllers have anything to do."""
        before = cluster.create(routes(place), route("web"))
        after = cluster.merge_patch(routes(place, "web"), {"metadata": {"labels": {"a": "b"}}})

        assert version(before) != version(after)
        assert before["metadata"]["generation"] == after["metadata"]["generation"]

    def test_status_is_left_to_controllers(self, cluster: Cluster, place: str) -> None:
        """A write of an object that was read before never undoes a status."""
        before = cluster.create(routes(place), {**route("web"), "status": {"a": "b"}})
        after = cluster.merge_patch(routes(place, "web"), {"status": {"a": "c"}})

        assert "status" not in before
        assert "status" not in after

    def test_last_writer_is_known(self, cluster: Cluster, place: str) -> None:
        """Drift is told with the name of the one who did it."""
        made = cluster.create(routes(place), route("web"))
        (entry,) = made["metadata"]["managedFields"]

        assert ("progressive", "Update") == (entry["manager"], entry["operation"])
        assert "f:http" in entry["fieldsV1"]["f:spec"]
        assert entry["time"].endswith("Z")

    def test_deleting_twice_is_fine(self, cluster: Cluster, place: str) -> None:
        """Every action can be repeated."""
        cluster.create(maps(place), config_map("web"))
        cluster.delete(maps(place, "web"))
        cluster.delete(maps(place, "web"))

        assert ErrorKind.NOT_FOUND is refused(lambda: cluster.get(maps(place, "web"))).kind

    def test_a_delete_may_name_the_version_that_it_means(
        self, cluster: Cluster, place: str
    ) -> None:
        """What somebody changed since it was read is not deleted."""
        made = cluster.create(maps(place), config_map("web"))
        old = made["metadata"]["resourceVersion"]
        now = cluster.merge_patch(maps(place, "web"), {"data": {"changed": "yes"}})
        error = refused(lambda: cluster.delete(maps(place, "web"), version=old))
        assert ErrorKind.CONFLICT is error.kind

        cluster.delete(maps(place, "web"), version=now["metadata"]["resourceVersion"])
        assert ErrorKind.NOT_FOUND is refused(lambda: cluster.get(maps(place, "web"))).kind
        cluster.delete(maps(place, "web"), version=old)

    def test_list_by_labels_holds_whole_objects(self, cluster: Cluster, place: str) -> None:
        """A real list leaves apiVersion and kind out of its items; callers want them."""
        for name, tier in (("a", "front"), ("b", "back"), ("c", "front")):
            cluster.create(maps(place), config_map(name, labels={"tier": tier, "app": "t"}))

        def names(selector: str) -> list[str]:
            found = cluster.get(maps(place), query={"labelSelector": selector})
            assert all(("v1", "ConfigMap") == (i["apiVersion"], i["kind"]) for i in found["items"])
            return [one["metadata"]["name"] for one in found["items"]]

        assert ["a", "c"] == names("tier=front")
        assert ["b"] == names("app=t,tier!=front")
        assert ["a", "b", "c"] == names("tier in (front, back),app")
        assert [] == names("!tier,app=t")

    def test_object_without_a_name_is_invalid(self, cluster: Cluster, place: str) -> None:
        """Invalid is not worth a repetition."""
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}
        error = refused(lambda: cluster.create(maps(place), body))

        assert (ErrorKind.INVALID, 422) == (error.kind, error.status)
        assert "name or generateName is required" in str(error)

    def test_generated_name_is_answered(self, cluster: Cluster, place: str) -> None:
        """Kubernetes Events are made so."""
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "x-"}}
        names = {cluster.create(maps(place), body)["metadata"]["name"] for _ in range(2)}

        assert 2 == len(names)
        assert all(name.startswith("x-") for name in names)

    def test_versions_of_a_group_are_told(self, cluster: Cluster) -> None:
        """Routers fall back by them."""
        error = refused(lambda: cluster.served("nowhere.example"))

        assert "v1" == cluster.served(GROUP)[0]
        assert "v1beta1" in cluster.served(GROUP, "virtualservices")
        assert ("v1",) == cluster.served("")
        assert ErrorKind.NOT_FOUND is error.kind
        assert "'nowhere.example' is not installed" in str(error)

    def test_object_is_the_same_in_each_served_version(self, cluster: Cluster, place: str) -> None:
        """An older installation is written through v1beta1."""
        cluster.create(routes(place), route("web"))
        older = cluster.get(routes(place, "web", version="v1beta1"))

        assert f"{GROUP}/v1beta1" == older["apiVersion"]
        assert route("web")["spec"] == older["spec"]
