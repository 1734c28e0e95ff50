"""Ends from outside: signals of a CI server, a person's abort, a kill."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from tests.real.stage.shop import NEW, Place
from tests.realparts.process import wait_for
from tests.realparts.prometheus import Prometheus

pytestmark = [
    pytest.mark.real,
    pytest.mark.apart,
    pytest.mark.analysis(interval="8s", maxWeight=20),  # a weight is held for long
]

JENKINS_S = 20
"""How long Jenkins gives a job that it ended."""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_sends_the_traffic_home_first(place: Place, number: signal.Signals) -> None:
    """
    Before Jenkins loses its patience; later signals change nothing.
    """
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    running.tell(number)
    wait_for(lambda: place.split() == (100, 0), "the split at home", seconds=JENKINS_S)
    running.tell(signal.SIGTERM)
    ended = running.end()

    assert ("aborted", "aborted", 11) == (
        ended.answer.get("outcome"),
        ended.answer.get("reason"),
        ended.code,
    ), ended.lines
    assert number.name in ended.answer["message"]
    assert True is ended.answer["split_restored"]
    assert 0 == place.replicas("my-app")


def test_a_signal_does_not_wait_for_a_query_that_hangs(
    place: Place, prometheus: Prometheus
) -> None:
    """
    Measuring runs beside the loop; its late answer is dropped.
    """
    place.document["spec"]["analysis"]["interval"] = "3s"
    place.write(place.document)
    with prometheus.paused():
        running = place.start("run", *NEW)
        running.wait_for("step weight=20")
        port = urlsplit(prometheus.url).port
        assert port is not None
        wait_for(lambda: running.is_connected_to(port), "the query under way")
        running.tell(signal.SIGTERM)
        wait_for(lambda: place.split() == (100, 0), "the split at home", seconds=JENKINS_S)
        ended = running.end()

    assert ("aborted", 11) == (ended.answer.get("outcome"), ended.code), ended.lines


def test_a_kill_is_survived_by_the_next_run(place: Place) -> None:
    """
    L19, L22: the same run goes on, under its own id.
    """
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    running.kill()
    before = place.run("status").answer
    ended = place.run("run")

    assert ("promoted", 0) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert before["run_id"] == ended.answer["run_id"]
    assert [20, 0] == ended.answer["weights"]


def test_abort_without_a_live_driver_ends_the_run_itself(place: Place) -> None:
    """
    L27: what Jenkins calls in `post` after the agent has died.
    """
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    running.kill()
    ended = place.run("abort", "--why", "agent lost")

    assert ("aborted", 0) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert "agent lost" in ended.answer["message"]
    assert (100, 0) == place.split()
    assert 0 == place.replicas("my-app")
    assert "aborted" == place.run("status").answer["outcome"]


def test_abort_with_a_live_driver_is_heard_by_it(place: Place) -> None:
    """
    L27: the driver ends the run, and the command waits until the traffic is home.
    """
    place.document["spec"]["analysis"]["interval"] = "60s"
    place.write(place.document)
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    told = place.run("abort", "--why", "pager")
    ended = running.end()

    assert ("aborted", 11) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert "pager" in ended.answer["message"]
    assert ("aborted", 0) == (told.answer.get("outcome"), told.code), told.lines
    assert (100, 0) == place.split()


def test_abort_with_nothing_to_abort_says_so(place: Place) -> None:
    """
    `post` runs after a promoted build as well.
    """
    ended = place.run("abort")

    assert 0 == ended.code, ended.lines
    assert "no run" in ended.answer["message"]
    assert (100, 0) == place.split()


def test_a_signal_in_a_promotion_leaves_it_to_the_next_run(place: Place) -> None:
    """
    L26: the primary is not ready, so the split stays, exit 10, and a line says what to do.
    """
    place.document["spec"]["analysis"]["interval"] = "2s"
    place.write(place.document)
    path = place.api.path("apps/v1", "Deployment", place.namespace, "my-app")
    slow = {"annotations": {"tests/ready-after": "6s"}}
    place.api.patch(path, {"spec": {"template": {"metadata": slow}}})
    running = place.start("run", "--report-dir", str(place.folder / "out"))
    running.wait_for("promotion weight=20")
    running.tell(signal.SIGTERM)
    ended = running.end()

    assert ("stuck", "aborted", 10) == (
        ended.answer.get("outcome"),
        ended.answer.get("reason"),
        ended.code,
    ), ended.lines
    assert "progressive run" in ended.lines, "it says how to repair it"
    assert "stuck" in (place.folder / "out" / "report.json").read_text()
    assert (80, 20) == place.split()

    after = place.run("run")
    assert ("promoted", 0) == (after.answer.get("outcome"), after.code), after.lines
    assert (100, 0) == place.split()


def test_a_second_interrupt_on_a_terminal_forces_the_exit(place: Place) -> None:
    """
    A person who presses Ctrl-C twice means it, and is told what is left split.
    """
    controller, terminal = pty.openpty()
    words = [sys.executable, "-m", "progressive", "run", str(place.file), *NEW, "-o", "json"]
    process = subprocess.Popen(
        words,
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=place.environment,
    )
    os.close(terminal)
    try:
        wait_for(lambda: place.split() == (80, 20), "the first weight", seconds=60)
        with place.control_plane.paused():  # the way home hangs
            process.send_signal(signal.SIGINT)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(1)
            process.send_signal(signal.SIGINT)
            code = process.wait(30)
        _, lines = process.communicate(timeout=30)
    finally:
        process.kill()
        os.close(controller)

    assert 10 == code
    assert "20 of 100" in lines
    after = place.run("run")
    # whether the abort reached the journal depends on the silent server
    assert after.answer["outcome"] in ("aborted", "promoted"), after.lines
    assert (100, 0) == place.split()
