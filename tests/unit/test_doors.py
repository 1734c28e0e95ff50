"""The doors of clusters and stores: names, and what they load."""

from __future__ import annotations

import subprocess
import sys

import pytest

from progressive import clusters, stores


@pytest.mark.parametrize("door", [clusters, stores])
def test_every_name_of_a_door_opens(door: object) -> None:
    """`__all__` is a promise."""
    names = getattr(door, "__all__")  # noqa: B009  # a module is an object here

    assert sorted(names) == dir(door)
    assert names == [getattr(door, name).__name__ for name in names]
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        getattr(door, "nonsense")  # noqa: B009


def test_doors_load_no_client_library() -> None:
    """182 ms and 32 MiB are paid when a cluster is spoken to, not before."""
    code = (
        "import sys\n"
        "from progressive.stores import ConfigMapStore, LeaseLock, ConfigMapInbox, FileStore\n"
        "from progressive.clusters import KubernetesCluster, MemoryCluster\n"
        "MemoryCluster()\n"
        "heavy = {'kubernetes', 'urllib3', 'requests', 'tenacity', 'yaml', 'asyncio'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "[]\n" == done.stdout
