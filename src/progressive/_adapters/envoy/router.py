"""Shifts traffic between two clusters of a plain Envoy that follows a file of routes.

Floor 4. Which numbers change is decided by `_mesh/envoy.py`, how a text changes by `text.py`,
how a file by `files.py`; here they are put in order, and Envoy is asked what it made of it.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from attrs import frozen

from progressive._adapters.envoy import files, text
from progressive._adapters.envoy.acceptance import Acceptance
from progressive._log import log as _log
from progressive._mesh import envoy
from progressive._mesh.envoy import Edit, Rule
from progressive._model.kinds import require_waits
from progressive._model.traffic import Capabilities, Observed, Side, Split, Target
from progressive.errors import (
    Conflict,
    Drift,
    NotAccepted,
    RouteNotFound,
    RouterError,
    Unsupported,
)

_TRIES = 5


@frozen(kw_only=True)
class _Change:
    found: files.Found
    text: str
    edits: tuple[Edit, ...]
    steered: frozenset[str]


class EnvoyRouter:
    """
    A `TrafficRouter` for Envoy with file-based route configuration.

    Envoy's HTTP connection manager has an ``rds`` whose ``path_config_source`` names the file
    (and a ``watched_directory``, its folder); a route in it has ``weighted_clusters`` with both
    clusters, the canary's weight 0 at first. The sides of a `Target` are names of clusters, its
    `routes` name a `RouteConfiguration` and a route by name or index.

    Only weights change, by one rename per file; everything else stays byte for byte, comments
    included. Routers of this library take turns in a folder; another program's change is lost
    only if it comes in the microseconds between the last look and the rename.

    Args:
        place: The route file (``.json`` or YAML), or a folder of them.
        admin: Envoy's admin page, ``http://HOST:PORT`` or ``unix:///PATH``. With it a shift
            succeeds only once Envoy has taken the new weights, and a cluster without a healthy
            endpoint gets no traffic; without it "written" is all that is known.
        timeout: For each question to the admin page.
        patience: How long Envoy may take to follow the file.

    Attributes:
        cluster: None: there is no Kubernetes behind it, so a run keeps its journal elsewhere.

    Raises:
        SpecError: `admin` is no address, or a time is none to wait.
    """

    cluster: None = None

    def __init__(
        self,
        place: str | Path,
        *,
        admin: str | None = None,
        timeout: timedelta = timedelta(seconds=5),
        patience: timedelta = timedelta(seconds=10),
    ) -> None:
        require_waits(timeout=timeout, patience=patience)
        self._place = Path(place)
        self._accepts = (
            None if admin is None else Acceptance(admin, timeout=timeout, patience=patience)
        )

    def __repr__(self) -> str:
        return f"EnvoyRouter({str(self._place)!r})"

    @property
    def capabilities(self) -> Capabilities:
        """Weights only. Envoy follows a file within some milliseconds; `settle` is 1 s."""
        return Capabilities(
            weights=True,
            max_total=envoy.LARGEST_TOTAL,
            dialect="envoy",
            settle=timedelta(seconds=1),
        )

    def current(self, target: Target) -> Observed:
        """
        The split that the file gives, whoever wrote it.

        Raises:
            RouterError: One of its kinds; nothing is guessed.
        """
        chosen = envoy.chosen(self._rules(files.read_all(self._place)), target)
        return envoy.agreed([envoy.split_of(rule, target) for rule in chosen])

    def shift(self, target: Target, split: Split) -> Observed:
        """
        Write the split and read it back; one that stands already is not written again.

        Raises:
            Unsupported: A match, a mirror or stickiness is asked for.
            PreflightFailed: A cluster that shall get traffic has no healthy endpoint.
            NotAccepted: Envoy refused the file, or did not follow it in time; the file is put
                back as it was, unless all traffic goes home.
            RouterError: One of its other kinds; nothing was written.
        """
        _refuse_what_lacks(split)
        return self._carried_out(target, split, home=False)

    def reset(self, target: Target) -> Observed:
        """
        All traffic to the primary, in every rule that holds both sides; nothing to do where
        there is no route.

        Raises:
            RouterError: A file cannot be read or written; the others are written all the same.
        """
        try:
            return self._carried_out(target, None, home=True)
        except RouteNotFound as nothing:
            return Observed(canary=0, warnings=(f"RouteNotFound: {nothing}; nothing to reset",))

    def _carried_out(self, target: Target, split: Split | None, *, home: bool) -> Observed:
        home = home or (split is not None and split.canary == 0)
        for _ in range(_TRIES):
            with files.alone(self._folder()):
                changes = self._planned(target, split)
                if self._accepts is not None and not home:
                    self._accepts.preflight(_receiving(changes, target))
                refused = self._refusals(changes)
                try:
                    written = self._write(changes, home=home)
                except files.Overtaken as lost:
                    _log.info("%s; reading it again", lost)
                    continue
            return self._proven(target, split, written, refused, home=home)
        raise Conflict(f"{self._place}: others wrote each time, {_TRIES} times in a row")

    def _folder(self) -> Path:
        return self._place if self._place.is_dir() else self._place.parent

    def _planned(self, target: Target, split: Split | None) -> tuple[_Change, ...]:
        # several files are worked out as a whole before the first one is written
        found = files.read_all(self._place)
        everywhere = self._rules(found)
        if split is None:
            chosen = envoy.homeward(everywhere, target)
            if not chosen:
                raise RouteNotFound(f"no route in {self._place} holds both sides of {target}")
        else:
            chosen = envoy.chosen(everywhere, target)
        changes = []
        for one in found:
            steered = [rule for rule in self._rules((one,)) if rule in chosen]
            wanted = tuple(edit for rule in steered for edit in _edits(rule, target, split))
            numbers = {edit.path: edit.weight for edit in wanted}
            new = text.replaced(one.text, one.path.name, numbers) if numbers else one.text
            names = frozenset(rule.configuration for rule in steered)
            changes.append(_Change(found=one, text=new, edits=wanted, steered=names))
        return tuple(changes)

    def _refusals(self, changes: tuple[_Change, ...]) -> int | None:
        names = {name for change in changes for name in change.steered}
        return None if self._accepts is None else self._accepts.refusals(names)

    def _write(self, changes: tuple[_Change, ...], *, home: bool) -> tuple[_Change, ...]:
        written: list[_Change] = []
        failed: RouterError | None = None
        for change in changes:
            if not change.edits:
                continue
            try:
                files.replace(change.found, change.text)
                written.append(change)
            except RouterError as error:
                if not home:
                    self._put_back(tuple(written))
                    raise
                failed = failed or error
        if failed is not None:
            raise failed
        return tuple(written)

    def _proven(
        self,
        target: Target,
        split: Split | None,
        written: tuple[_Change, ...],
        refused: int | None,
        *,
        home: bool,
    ) -> Observed:
        found = files.read_all(self._place)
        everywhere = self._rules(found)
        if split is None:
            rules = envoy.homeward(everywhere, target)
        else:
            rules = envoy.chosen(everywhere, target)
        seen = envoy.agreed([envoy.split_of(rule, target) for rule in rules])
        wanted = split or Split(canary=0)
        if not seen.shows(Split(canary=wanted.canary, total=wanted.total)):
            raise Drift(
                f"wrote {wanted.canary} of {wanted.total} for the canary, "
                f"{self._place} shows {seen.canary} of {seen.total}"
            )
        if self._accepts is None:
            return seen
        try:
            doubts = self._accepts.wait(rules, target, refused)
        except NotAccepted:
            if not home:
                self._put_back(written)
            raise
        return Observed(canary=seen.canary, total=seen.total, warnings=(*seen.warnings, *doubts))

    def _put_back(self, written: tuple[_Change, ...]) -> None:
        for change in reversed(written):
            now = files.Found(path=change.found.path, text=change.text)
            try:
                files.replace(now, change.found.text)
            except RouterError as error:
                _log.error("%s could not be put back: %s", change.found.path, error)

    def _rules(self, found: tuple[files.Found, ...]) -> tuple[Rule, ...]:
        return tuple(
            rule for one in found for rule in envoy.rules(text.parse(one.text, one.path.name))
        )


def _edits(rule: Rule, target: Target, split: Split | None) -> tuple[Edit, ...]:
    if split is None:
        return envoy.home_edits(rule, target)
    return envoy.edits(rule, target, split)


def _receiving(changes: tuple[_Change, ...], target: Target) -> tuple[str, ...]:
    sides = {target.on(side) for side in Side}
    return tuple(
        sorted(
            {
                edit.cluster
                for change in changes
                for edit in change.edits
                if edit.cluster in sides and edit.weight > 0
            }
        )
    )


def _refuse_what_lacks(split: Split) -> None:
    for what, asked in (
        ("requests by a match", split.match),
        ("a mirror", split.mirror),
        ("stickiness", split.sticky),
    ):
        if asked:
            raise Unsupported(f"the envoy router splits by weight alone, it cannot do {what}")
