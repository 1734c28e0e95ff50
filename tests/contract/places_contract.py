"""What every `Store`, `Lock` and `Inbox` promises, wherever it keeps things.

A test class inherits one of them and gives its fixtures; `other…` is another process's view of
the same place.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from progressive import errors
from progressive._model.events import Command, Commanded, Event
from progressive._model.traffic import Target
from progressive.ports import Inbox, Lock, Store


def target(place: str, service: str = "web") -> Target:
    return Target(
        namespace=place, service=service, primary=f"{service}-primary", canary=f"{service}-canary"
    )


class StoreContract:
    """Fixtures: `store`, `other_store`, `place` (a namespace)."""

    def test_nothing_is_there_at_first(self, store: Store, place: str) -> None:
        """A first run is no resumed one."""
        assert store.load(target(place)) is None

    def test_journal_is_read_as_it_was_saved(
        self, store: Store, other_store: Store, place: str
    ) -> None:
        """Another process goes on with it."""
        text = '{"ä": "\\u2028", "n": 1}\n'
        first = store.save(target(place), text, None)
        second = store.save(target(place), text + " ", first)
        saved = other_store.load(target(place))

        assert saved is not None
        assert (text + " ", second) == (saved.text, saved.version)

    def test_version_moves_with_each_save(self, store: Store, place: str) -> None:
        """Also when the text does not: two savers of one text are still two."""
        first = store.save(target(place), "same", None)
        second = store.save(target(place), "same", first)

        assert first != second

    def test_second_driver_is_noticed(self, store: Store, other_store: Store, place: str) -> None:
        """Two drivers must never both go on."""
        first = store.save(target(place), "ours", None)
        saved = other_store.load(target(place))
        assert saved is not None
        other_store.save(target(place), "theirs", saved.version)

        with pytest.raises(errors.StoreConflict) as caught:
            store.save(target(place), "ours again", first)

        assert errors.ErrorKind.LOST is caught.value.kind
        found = store.load(target(place))
        assert found is not None and "theirs" == found.text

    def test_first_save_needs_an_empty_place(
        self, store: Store, other_store: Store, place: str
    ) -> None:
        """Two first runs at the same moment are two drivers."""
        other_store.save(target(place), "theirs", None)

        with pytest.raises(errors.StoreConflict):
            store.save(target(place), "ours", None)

    def test_urgent_save_is_a_save(self, store: Store, other_store: Store, place: str) -> None:
        """The way home is saved as well."""
        first = store.save(target(place), "a", None)
        second = store.save(target(place), "b", first, urgent=True)
        saved = other_store.load(target(place))

        assert saved is not None and ("b", second) == (saved.text, saved.version)
        with pytest.raises(errors.StoreConflict):
            store.save(target(place), "c", first, urgent=True)

    def test_targets_do_not_meet(self, store: Store, place: str) -> None:
        """Several releases share a namespace."""
        store.save(target(place, "web"), "web", None)
        store.save(target(place, "api"), "api", None)
        saved = store.load(target(place, "web"))

        assert saved is not None and "web" == saved.text

    def test_only_one_of_many_savers_wins(self, store: Store, place: str) -> None:
        """Compare and swap, also between threads."""
        first = store.save(target(place), "start", None)
        won: list[int] = []

        def save(number: int) -> None:
            try:
                store.save(target(place), f"by {number}", first)
            except errors.StoreConflict:
                return
            won.append(number)

        threads = [threading.Thread(target=save, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        saved = store.load(target(place))

        assert 1 == len(won)
        assert saved is not None and f"by {won[0]}" == saved.text

    def test_nothing_is_kept_at_first(self, store: Store, place: str) -> None:
        """`history` asks it."""
        assert () == store.kept(target(place))

    def test_a_run_that_is_over_is_kept_as_it_was(
        self, store: Store, other_store: Store, place: str
    ) -> None:
        """Somebody reads it at night, with another process."""
        text = '{"ä": "\\u2028", "n": 1}\n'
        store.keep(target(place), "20260101t120000-aaaa", "older")
        store.keep(target(place), "20260102t120000-aaaa", text)
        found = other_store.kept(target(place))

        assert [("20260102t120000-aaaa", text), ("20260101t120000-aaaa", "older")] == [
            (one.run, one.text) for one in found
        ]
        assert store.load(target(place)) is None, "the journal is another thing"

    def test_keeping_a_run_once_more_changes_nothing(
        self, store: Store, other_store: Store, place: str
    ) -> None:
        """A driver that died after it does it again."""
        for one in (store, other_store, store):
            one.keep(target(place), "20260101t120000-aaaa", "same")

        assert [("20260101t120000-aaaa", "same")] == [
            (one.run, one.text) for one in store.kept(target(place))
        ]

    def test_ten_runs_are_kept_and_the_last_one_always(self, store: Store, place: str) -> None:
        """A place is not endless; a clock that went back must not lose what just ended."""
        runs = [f"202601{day:02}t120000-aaaa" for day in range(1, 14)]
        for run in runs:
            store.keep(target(place), run, f"of {run}")
        newest = [one.run for one in store.kept(target(place))]
        store.keep(target(place), "20251231t235959-aaaa", "the clock went back")
        after = [one.run for one in store.kept(target(place))]

        assert runs[:2:-1] == newest
        assert [*newest[:9], "20251231t235959-aaaa"] == after

    def test_histories_of_targets_do_not_meet(self, store: Store, place: str) -> None:
        """Several releases share a namespace, even with unlucky names."""
        store.keep(target(place, "web"), "run-1", "of web")
        store.keep(target(place, "web-history"), "run-1", "of the other")
        store.save(target(place, "web-history"), "a journal", None)

        assert ["of web"] == [one.text for one in store.kept(target(place, "web"))]
        assert ["of the other"] == [one.text for one in store.kept(target(place, "web-history"))]
        saved = store.load(target(place, "web-history"))
        assert saved is not None and "a journal" == saved.text

    def test_a_run_of_any_name_is_kept(self, store: Store, place: str) -> None:
        """Ids of one's own need not be names that a key or a file can have."""
        for run in ("../../etc/passwd", "ä b", "x" * 300, ""):
            store.keep(target(place), run, f"of {run}")

        assert {"of ../../etc/passwd", "of ä b", f"of {'x' * 300}", "of "} == {
            one.text for one in store.kept(target(place))
        }


class LockContract:
    """Fixtures: `lock`, `other_lock`, `place`; a held lock shows life within a second."""

    def test_held_target_is_busy_and_names_its_holder(
        self, lock: Lock, other_lock: Lock, place: str
    ) -> None:
        """Two drivers would fight over the weights."""
        hold = lock.acquire(target(place), "run-1", _never)
        with pytest.raises(errors.Busy) as caught:
            other_lock.acquire(target(place), "run-2", _never)
        holder = other_lock.holder(target(place))
        hold.close()

        assert "run-1" in str(caught.value)
        assert holder is not None and "run-1" in holder

    def test_freed_target_can_be_taken(self, lock: Lock, other_lock: Lock, place: str) -> None:
        """The next run starts at once."""
        lock.acquire(target(place), "run-1", _never).close()
        assert other_lock.holder(target(place)) is None
        hold = other_lock.acquire(target(place), "run-2", _never)
        holder = lock.holder(target(place))
        hold.close()

        assert holder is not None and "run-2" in holder

    def test_closing_late_does_not_free_a_successor(
        self, lock: Lock, other_lock: Lock, place: str
    ) -> None:
        """Closing twice is safe, whoever holds the target by then."""
        first = lock.acquire(target(place), "run-1", _never)
        first.close()
        second = other_lock.acquire(target(place), "run-2", _never)
        first.close()
        holder = lock.holder(target(place))
        second.close()

        assert holder is not None and "run-2" in holder

    def test_untouched_target_has_no_holder(self, lock: Lock, place: str) -> None:
        """`status` asks it."""
        assert lock.holder(target(place)) is None

    def test_targets_are_locked_apart(self, lock: Lock, other_lock: Lock, place: str) -> None:
        """Several releases run side by side."""
        one = lock.acquire(target(place, "web"), "run-1", _never)
        two = other_lock.acquire(target(place, "api"), "run-2", _never)
        two.renew()
        one.close()
        two.close()


class InboxContract:
    """Fixtures: `inbox`, `other_inbox`, `place`."""

    def test_decision_reaches_the_driver_once(
        self, inbox: Inbox, other_inbox: Inbox, place: str
    ) -> None:
        """`progressive abort` is another process."""
        told = Told()
        watching = inbox.watch(target(place), told)
        other_inbox.put(target(place), "hold", by="ann", why="looks odd")
        other_inbox.put(target(place), "resume", by="ann", why="was fine")
        found = told.take(2)
        watching.close()
        watching.close()

        assert [(Command.HOLD, "ann", "looks odd"), (Command.RESUME, "ann", "was fine")] == [
            (one.command, one.by, one.why) for one in found
        ]
        assert all(not one.signal for one in found)

    def test_what_was_put_since_is_told_and_what_is_older_is_not(
        self, inbox: Inbox, other_inbox: Inbox, place: str
    ) -> None:
        """A driver that takes its Lease hears what people decide before it listens."""
        other_inbox.put(target(place), "hold", by="ann", why="yesterday")
        since = datetime.now(UTC)
        other_inbox.put(target(place), "abort", by="ann", why="now")
        told = Told()
        watching = inbox.watch(target(place), told, since=since)
        other_inbox.put(target(place), "resume", by="ann", why="later")
        found = told.take(2)
        watching.close()

        assert [Command.ABORT, Command.RESUME] == [one.command for one in found]

    def test_other_targets_hear_nothing(
        self, inbox: Inbox, other_inbox: Inbox, place: str
    ) -> None:
        """An abort is for one release."""
        told = Told()
        watching = inbox.watch(target(place, "web"), told)
        other_inbox.put(target(place, "api"), "abort", by="ann", why="")
        other_inbox.put(target(place, "web"), "hold", by="ann", why="")
        found = told.take(1)
        watching.close()

        assert [Command.HOLD] == [one.command for one in found]


class Told:
    """Collects what is told, from any thread."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._turn = threading.Condition()

    def __call__(self, event: Event) -> None:
        with self._turn:
            self.events.append(event)
            self._turn.notify_all()

    def take(self, count: int, *, seconds: float = 10.0) -> list[Commanded]:
        """The first events, once there are so many."""
        with self._turn:
            assert self._turn.wait_for(lambda: len(self.events) >= count, seconds), self.events
            return [one for one in self.events if isinstance(one, Commanded)]


def _never(event: Event) -> None:
    raise AssertionError(f"nothing should be told: {event}")
