"""ServiceProfiles that linkerd-smi leaves behind: told when a release is given up, and removed.

Floor 4: reads a cluster, and deletes on request alone. The adaptor makes a profile out of each
TrafficSplit and only empties it when the split is gone; it then overrides every later route of
the Service. Used by `linkerd.py` and `smi.py`.
"""

from __future__ import annotations

from attrs import evolve

from progressive._adapters.mesh.objects import refused
from progressive._adapters.mesh.router import MeshRouter
from progressive._kube.paths import root
from progressive._mesh.access import inner, sequence
from progressive._mesh.codec import Manifest, ref_of
from progressive._mesh.linkerd.parents import Parent
from progressive._mesh.linkerd.preflight import SERVICE_PROFILE, is_left_over, profiles_of
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Target
from progressive.errors import ClusterError, ErrorKind, RouterError
from progressive.ports import HandedBack


class ProfileRouter(MeshRouter):
    """A router whose splits linkerd-smi may turn into ServiceProfiles."""

    def left_over(self, target: Target) -> tuple[str, ...]:
        """
        ServiceProfiles of the apex that say nothing any more, by name.

        Raises:
            RouterError: They cannot be read.
        """
        empty = (one for one in self._profiles(target) if is_left_over(one))
        return tuple(str(ref_of(one, target)) for one in empty)

    def remove_left_over(self, target: Target) -> tuple[str, ...]:
        """
        Delete those; one with routes, or with a split behind it, stays.

        Long-lived clients may follow a profile until they restart.

        Returns:
            What was deleted, by name.

        Raises:
            RouterError: They cannot be read or deleted, or somebody wrote one meanwhile.
        """
        removed = []
        for one in self._profiles(target):
            if not is_left_over(one):
                continue
            ref = ref_of(one, target)
            version = inner(one, "metadata", "resourceVersion")
            try:
                self.cluster.delete(f"{_collection(target)}/{ref.name}", version=version)
            except ClusterError as error:
                raise refused(error, f"delete {ref}") from error
            removed.append(str(ref))
        return tuple(removed)

    def hand_back(self, target: Target, service: ServiceSpec) -> HandedBack:
        """
        Take the sides out of every routing object that a release made, for one that is given up.

        A profile without routes is among what is kept: whoever goes on with routes must know it.

        Raises:
            RouterError: The API could not be read or written.
        """
        handed = super().hand_back(target, service)
        try:
            profiles = self._profiles(target)
        except RouterError as error:
            if error.kind is not ErrorKind.FORBIDDEN:
                raise
            return handed
        # the adaptor empties it a moment after its split is gone, so its overrides do not count
        kept = tuple(
            f"{ref_of(one, target)} (it overrides every route of {target.service} until it is "
            "deleted)"
            for one in profiles
            if not sequence(inner(one, "spec", "routes"))
        )
        return evolve(handed, kept=(*handed.kept, *kept))

    def _profiles(self, target: Target) -> list[Manifest]:
        try:
            listed = self.cluster.get(_collection(target))
        except ClusterError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return []
            words = f"list {SERVICE_PROFILE.resource} in namespace {target.namespace}"
            raise refused(error, words) from error
        api_version = SERVICE_PROFILE.api_version(SERVICE_PROFILE.versions[0])
        found = [
            {"apiVersion": api_version, "kind": SERVICE_PROFILE.kind, **one}
            for one in listed.get("items") or ()
        ]
        apex = Parent(namespace=target.namespace, name=target.service, port=None)
        return list(profiles_of(found, apex))


def _collection(target: Target) -> str:
    api_version = SERVICE_PROFILE.api_version(SERVICE_PROFILE.versions[0])
    return f"{root(api_version)}/namespaces/{target.namespace}/{SERVICE_PROFILE.plural}"
