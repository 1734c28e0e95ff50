"""What the numbers of a lock's takings promise, wherever they are kept (L18).

Beside `places_contract.py`, with the same fixtures: two instances for one place.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.contract.places_contract import target

from progressive._model.events import Event
from progressive.errors import LeaseLost
from progressive.ports import Lock


class EpochContract:
    """Fixtures: `lock`, `other_lock`, `place`."""

    def test_the_number_grows_with_each_taking(
        self, lock: Lock, other_lock: Lock, place: str
    ) -> None:
        """Whoever takes, and whatever the run is called."""
        epochs = []
        for one in (lock, other_lock, lock):
            hold = one.acquire(target(place), "run-1", _never)
            epochs.append(hold.epoch)
            hold.close()

        assert sorted(set(epochs)) == epochs

    def test_a_taking_outgrows_one_that_the_journal_knows(
        self, lock: Lock, other_lock: Lock, place: str
    ) -> None:
        """Where its memory was deleted it began anew; the next ones go on from here."""
        hold = lock.acquire(target(place), "run-1", _never)
        hold.outgrow(7)
        first = hold.epoch
        hold.confirm()
        hold.close()
        hold = other_lock.acquire(target(place), "run-1", _never)
        second = hold.epoch
        hold.close()

        assert 7 < first < second

    def test_a_taking_that_is_the_latest_stays_as_it_is(self, lock: Lock, place: str) -> None:
        """The journal knows the taking before, as it should."""
        hold = lock.acquire(target(place), "run-1", _never)
        first = hold.epoch
        hold.outgrow(first - 1)
        second = hold.epoch
        hold.close()

        assert first == second


class DeletedContract:
    """Fixtures: `lock`, `other_lock`, `place`, and `delete`, which makes the place forget."""

    def test_a_driver_whose_lock_was_deleted_and_taken_is_told_so(
        self, lock: Lock, other_lock: Lock, place: str, delete: Callable[[], object]
    ) -> None:
        """Somebody unlocked a target whose driver slept."""
        asleep = lock.acquire(target(place), "run-1", lambda event: None)
        delete()
        asleep.confirm()
        other = other_lock.acquire(target(place), "run-1", _never)
        other.outgrow(asleep.epoch)
        with pytest.raises(LeaseLost):
            asleep.confirm()
        with pytest.raises(LeaseLost):
            asleep.outgrow(other.epoch)
        epochs = asleep.epoch, other.epoch
        asleep.close()
        other.confirm()
        other.close()

        assert epochs[0] < epochs[1]


def _never(event: Event) -> None:
    raise AssertionError(f"nothing should be told: {event}")
