"""Runs whose driver has died, and the command that finds them."""

from __future__ import annotations

import json
from typing import Any

from tests.real.stage.shop import NEW, Ended, Place

HOLDER = "progressive.dev/holder"


def sweep(place: Place, *arguments: str) -> Ended:
    """The command, which is given no file."""
    return place.ask("sweep", *arguments)


def only(ended: Ended) -> Any:
    """The one target that was found."""
    (one,) = ended.answer["targets"]
    return one


def killed_at_20(place: Place) -> None:
    """A run at weight 20 whose process is gone."""
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    running.kill()


def far_away(place: Place) -> None:
    """The Lease as a driver on another machine would have left it: only time tells of it."""
    path = place.api.path("coordination.k8s.io/v1", "Lease", place.namespace, "progressive-my-app")
    lease = place.api.get(path)
    holder = json.loads(lease["metadata"]["annotations"][HOLDER])
    note = json.dumps({**holder, "host": "another"})
    place.api.patch(path, {"metadata": {"annotations": {HOLDER: note}}})


def journal(place: Place) -> str:
    """Its path."""
    return str(place.api.path("v1", "ConfigMap", place.namespace, "progressive-my-app"))
