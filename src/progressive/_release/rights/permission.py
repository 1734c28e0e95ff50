"""Asks, before the first write of a run, whether it may do all that it needs.

Floor 5. One request where all is granted: the rights come from the document (`needs.py`), not
from the cluster. Only if one is missing the cluster is looked at, for no run needs every right,
and a run that has moved traffic is never kept from going home. Nothing is written here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import evolve

from progressive._adapters.cluster.reviews import missing, who_asks
from progressive._kube.rights import Right, rules_as_yaml, rules_of
from progressive._log import log
from progressive._model.release import Document
from progressive._model.traffic import Target
from progressive._release.beginning import Course, begin, unfinished
from progressive._release.rights.needs import can_be_done_without, needs_of
from progressive.errors import ClusterError, ErrorKind, ProgressiveError
from progressive.ports import Cluster

_LISTED = 5
"""Rights that are told in words; all of them are in the rules."""


def require_rights(
    document: Document, target: Target, cluster: Cluster, images: Mapping[str, str]
) -> None:
    """
    Refuse a run that must not begin for want of rights.

    A review that is not served, or not answered, refuses nothing: it says so in the log.

    Raises:
        ClusterError: Rights are missing (kind ``forbidden``); the rules are in its words.
    """
    try:
        lacking = lacking_rights(document, target, cluster, images)
        if not lacking:
            return
        run = unfinished(cluster, target)
    except ProgressiveError as error:
        log.warning("%s it is not known whether all rights are there: %s", target, error)
        return
    if run is None:
        raise ClusterError(missing_words(lacking, cluster), ErrorKind.FORBIDDEN)
    message = "%s rights are missing (%s), but run %s must be brought to an end all the same"
    log.warning(message, target, ", ".join(map(str, lacking)), run.run, extra={"run": run.run})


def lacking_rights(
    document: Document, target: Target, cluster: Cluster, images: Mapping[str, str]
) -> tuple[Right, ...]:
    """
    The rights that the user lacks, of those that this very run needs; in order.

    Raises:
        ProgressiveError: It cannot be known.
    """
    needs, namespace = needs_of(document, target), target.namespace
    lacking = missing(cluster, needs.run, namespace=namespace)
    if document.managed is None:
        return tuple(one for one in lacking if not one.guessed)
    if not lacking:
        return ()
    # some are for states that this target is not in, such as a first deploy
    began = begin(document, target, cluster, images)
    if began.course is Course.RELEASE:
        began.rehearsal.rest()
    else:
        began.rehearsal.surround()
    now = [one for one in began.rehearsal.asked() if not can_be_done_without(one, target)]
    found = missing(cluster, {_of_any_name(one) for one in now}, namespace=namespace)
    if found and began.refused is not None:
        # it ended at the first one, so the rest is told by the document
        return tuple(sorted({*lacking, *found}))
    return found


def _of_any_name(right: Right) -> Right:
    return evolve(right, name="") if right.resource == "controllerrevisions" else right


def missing_words(lacking: Iterable[Right], cluster: Cluster) -> str:
    """Who lacks what: in one line, then as rules that can be pasted into a Role."""
    rights = list(lacking)
    listed = ", ".join(map(str, rights[:_LISTED]))
    if len(rights) > _LISTED:
        listed += f" and {len(rights) - _LISTED} more"
    user = who_asks(cluster)
    who = f"the user {user}" if user else "the user of this cluster"
    lines = [f"nothing was written, for {who} lacks rights: {listed}"]
    for namespace in sorted({one.namespace for one in rights}):
        rules = rules_of(one for one in rights if one.namespace == namespace)
        lines.append(f"a Role in the namespace {namespace} needs, beside what it has:")
        lines += ["rules:", rules_as_yaml(rules)]
    return "\n".join(lines)
