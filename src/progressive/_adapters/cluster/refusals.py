"""Says no in the words of the API server.

Floor 4, but pure. The texts are those of k8s.io/apimachinery `pkg/api/errors`, so that a test
on the memory cluster reads what a person would read from a real one.
"""

from __future__ import annotations

from progressive._adapters.cluster.address import Address
from progressive.errors import ClusterError, ErrorKind


def not_found(at: Address) -> ClusterError:
    """No object of that name."""
    words = f'{at.resource} "{at.name}" not found'
    return ClusterError(words, ErrorKind.NOT_FOUND, None, 404, "NotFound")


def not_served() -> ClusterError:
    """No API of that group and version."""
    words = "the server could not find the requested resource"
    return ClusterError(words, ErrorKind.NOT_FOUND, None, 404, "NotFound")


def already_exists(at: Address) -> ClusterError:
    """An object of that name is there."""
    words = f'{at.resource} "{at.name}" already exists'
    return ClusterError(words, ErrorKind.CONFLICT, None, 409, "AlreadyExists")


def modified(at: Address) -> ClusterError:
    """The resource version is not the present one."""
    words = (
        f'Operation cannot be fulfilled on {at.resource} "{at.name}": the object has been '
        "modified; please apply your changes to the latest version and try again"
    )
    return ClusterError(words, ErrorKind.CONFLICT, None, 409, "Conflict")


def test_failed(at: Address, words: str) -> ClusterError:
    """A ``test`` of a JSON patch found something else."""
    told = f'{at.resource} "{at.name}": the patch does not fit any more: {words}'
    return ClusterError(told, ErrorKind.CONFLICT, None, 422, "Invalid")


def invalid(at: Address, words: str, *, status: int = 422) -> ClusterError:
    """The object or the request breaks a rule."""
    reason = "Invalid" if status == 422 else "BadRequest"
    told = f'{at.resource} "{at.name or ""}" is invalid: {words}' if status == 422 else words
    return ClusterError(told, ErrorKind.INVALID, None, status, reason)


def forbidden(at: Address, verb: str, user: str) -> ClusterError:
    """The user lacks the right."""
    name = f' "{at.name}"' if at.name else ""
    where = f' in the namespace "{at.namespace}"' if at.namespace else " at the cluster scope"
    words = (
        f'{at.resource}{name} is forbidden: User "{user}" cannot {verb} resource "{at.plural}" '
        f'in API group "{at.group}"{where}'
    )
    return ClusterError(words, ErrorKind.FORBIDDEN, None, 403, "Forbidden")


def version_missing(at: Address) -> ClusterError:
    """A replacement that does not say what it replaces."""
    return invalid(
        at, "metadata.resourceVersion: Invalid value: 0: must be specified for an update"
    )


def group_absent(group: str) -> ClusterError:
    """No API of that group."""
    words = f"the API group {group!r} is not installed in this cluster"
    return ClusterError(words, ErrorKind.NOT_FOUND, None, 404, "NotFound")
