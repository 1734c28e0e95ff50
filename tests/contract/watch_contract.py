"""What every `Cluster` promises to those who follow its objects; a part of `ClusterContract`."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from tests.contract.cluster_objects import config_map, maps, route, routes, take

from progressive.ports import Cluster


class WatchContract:
    """The promises of a watch."""

    def test_watch_tells_what_is_and_what_comes(self, cluster: Cluster, place: str) -> None:
        """Readiness and decisions are followed, not polled."""
        cluster.create(routes(place), route("a"))
        stream = cluster.watch(routes(place))
        first = take(stream, 2)
        cluster.create(routes(place), route("b"))
        cluster.merge_patch(routes(place, "a"), {"metadata": {"labels": {"x": "y"}}})
        cluster.delete(routes(place, "b"))
        then = take(stream, 3)
        stream.close()

        assert [("ADDED", "a"), ("SYNCED", "")] == first
        assert [("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "b")] == then
        assert [] == list(stream)

    def test_watch_of_one_object_hides_the_others(self, cluster: Cluster, place: str) -> None:
        """The object need not be there yet."""
        stream = cluster.watch(routes(place), name="b")
        first = take(stream, 1)
        cluster.create(routes(place), route("a"))
        cluster.create(routes(place), route("b"))
        then = take(stream, 1)
        stream.close()

        assert [("SYNCED", "")] == first
        assert [("ADDED", "b")] == then

    def test_watch_goes_on_from_what_is_known(self, cluster: Cluster, place: str) -> None:
        """Nothing that came between the reading and the watch is lost, a deletion least of all."""
        known = cluster.create(routes(place), route("b"))
        cluster.create(routes(place), route("a"))
        changed = cluster.merge_patch(routes(place, "b"), {"metadata": {"labels": {"x": "y"}}})
        stream = cluster.watch(routes(place), name="b", known=known)
        version = ""
        while version != changed["metadata"]["resourceVersion"]:
            kind, one = next(stream)
            assert kind == "SYNCED" or "b" == one["metadata"]["name"]
            version = one["metadata"]["resourceVersion"] if one else version
        cluster.delete(routes(place, "b"))
        kind = "SYNCED"
        while kind == "SYNCED":
            kind, one = next(stream)
        stream.close()

        assert ("DELETED", "b") == (kind, one["metadata"]["name"])

    def test_object_that_loses_its_label_leaves_the_watch(
        self, cluster: Cluster, place: str
    ) -> None:
        """As a real API server tells it."""
        cluster.create(maps(place), config_map("a", labels={"app": "web"}))
        stream = cluster.watch(maps(place), labels="app=web")
        first = take(stream, 2)
        cluster.merge_patch(maps(place, "a"), {"metadata": {"labels": {"app": "other"}}})
        cluster.merge_patch(maps(place, "a"), {"metadata": {"labels": {"app": "web"}}})
        then = take(stream, 2)
        stream.close()

        assert [("ADDED", "a"), ("SYNCED", "")] == first
        assert [("DELETED", "a"), ("ADDED", "a")] == then

    def test_watch_ends_at_its_time(self, cluster: Cluster, place: str) -> None:
        """Every wait has a deadline."""
        until = datetime.now(UTC) + timedelta(seconds=1)
        stream = cluster.watch(routes(place), until=until)

        assert [("SYNCED", {})] == list(stream)
        assert until <= datetime.now(UTC)

    def test_closing_wakes_a_watch_that_waits(self, cluster: Cluster, place: str) -> None:
        """A signal ends a run at once, whatever it waits for."""
        stream = cluster.watch(routes(place))
        synced, seen = threading.Event(), []

        def follow() -> None:
            for kind, _ in stream:
                seen.append(kind)
                synced.set()

        thread = threading.Thread(target=follow)
        thread.start()
        assert synced.wait(60)
        stream.close()
        stream.close()
        thread.join(10)

        assert not thread.is_alive()
        assert ["SYNCED"] == seen
