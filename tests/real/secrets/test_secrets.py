"""Secrets stay secret: every place that holds one has its mark, and nothing that leaves has any.

`world.py` says what is real. Metrics, policies and logins have files of their own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64encode

import pytest
from tests.real.secrets.world import Telling, World, all_of, found

from progressive import load
from progressive.errors import ProgressiveError

pytestmark = [pytest.mark.real, pytest.mark.apart]


def test_the_search_finds_what_is_there(world: World) -> None:
    """
    A search that can find nothing proves nothing.
    """
    mark = world.secrets["env"]
    error = ValueError("words")
    error.__cause__ = KeyError(f"a header {mark}")
    texts = {
        "plain": f"x{mark}y",
        "base64": b64encode(mark.encode()).decode(),
        "chained": "".join(all_of(error).values()),
        "clean": "nothing",
    }

    assert ["env in plain", "env in base64", "env in chained"] == found(texts, world.secrets)
    assert len(set(world.secrets.values())) == len(world.secrets)


def test_no_command_tells_a_secret_whatever_becomes_of_the_release(
    world: World, telling: Telling
) -> None:
    """
    A build page, a report, a journal: all of them are read by more people than the Deployment.
    """
    planned = world.speak("plan", "-o", "json")
    world.speak("plan")
    first = world.run_json()
    again = world.speak("plan", "-o", "json")
    promoted = world.run_json("--image", "my-app=my-app:2")
    telling.mode = "bad"
    rolled_back = world.run_json("--image", "my-app=my-app:3")
    world.speak("status")
    status = world.speak("status", "-o", "json")
    world.speak("abort", "--why", "to be sure", "-o", "json")

    assert world.secrets["env"] in json.dumps(world.read("Deployment", "my-app-primary"))
    assert any(one.startswith("Basic ") for one in telling.sent), "credentials were sent"
    assert '"name": "DSN"' in planned.stdout, "the variable is shown"
    assert "characters)" in planned.stdout
    assert 0 == again.returncode, again.stderr
    assert (0, "initialized") == (first[0], first[1]["outcome"])
    assert (0, "promoted") == (promoted[0], promoted[1]["outcome"])
    assert (3, "rolled_back") == (rolled_back[0], rolled_back[1]["outcome"])
    assert "https://jenkins.example.com/job/shop/42/" in status.stdout, "the job is told"
    assert {"ConfigMap", "Lease", "Event"} <= {where.split()[0] for where in world.stored()}
    assert [] == world.leaks()


def test_no_command_around_a_run_tells_a_secret(world: World, telling: Telling) -> None:
    """
    What looks back, tries, asks for rights, decides and takes apart reads the same objects.
    """
    assert 0 == world.run_json()[0]
    telling.mode = "error"
    assert 4 == world.run_json("--image", "my-app=my-app:2")[0]
    dry = world.speak("run", "--image", "my-app=my-app:3", "--dry-run", "-o", "json")
    told = [world.speak(one, "-o", "json") for one in ("history", "rbac", "hold")]
    told += [
        world.speak("explain", *words, about_file=False)
        for words in (["-f", str(world.file)], ["-f", str(world.file), "-o", "json"])
    ]
    told.append(world.speak("sweep", "-o", "json", about_file=False))
    telling.mode = "good"
    assert 0 == world.run_json()[0]
    gone = world.speak("detach", "--yes", "-o", "json")

    assert "boom" in told[3].stdout, told[3].stderr
    assert world.secrets["env"] in json.dumps(world.read("Deployment", "my-app"))
    assert (0, 0) == (dry.returncode, gone.returncode), dry.stderr + gone.stderr
    assert "Traceback" not in "".join(world.texts.values())
    assert [] == world.leaks()


def test_an_error_of_a_run_in_python_carries_no_secret(
    world: World, telling: Telling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    `raise_for_outcome()` pickles the whole report.
    """
    for name in ("KUBECONFIG", "PROGRESSIVE_METRICS_SERVER", "BUILD_URL"):
        monkeypatch.setenv(name, world.environment[name])
    release = load(world.file)
    assert "initialized" == release.run().outcome
    telling.mode = "bad"
    report = release.run(images={"my-app": "my-app:2"})
    with pytest.raises(ProgressiveError) as caught:
        report.raise_for_outcome()
    world.texts |= all_of(caught.value)
    world.texts |= {"the report": json.dumps(report.to_dict()), "its repr": repr(report)}
    world.texts |= world.stored()

    assert "rolled_back" == report.outcome
    assert [] == world.leaks()


def test_an_error_that_nobody_expected_ends_with_a_clean_traceback(world: World) -> None:
    """
    What other libraries raise holds what they have; exit status 1, and the stack to mend it by.
    """
    secret = world.secrets["metrics-password"]
    program = (
        "import click, sys, progressive._cli.main as main\n"
        "from progressive.__main__ import main as program\n"
        "@main.cli.command('break')\n"
        "def broken():\n"
        "    raise RuntimeError('http://ada:' + sys.stdin.read() + '@h:1 broke')\n"
        "main._COMMANDS['break'] = ''\n"
        "main.cli.get_command = lambda ctx, name: broken\n"
        "sys.argv = ['progressive', 'break']\n"
        "program()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=secret,
        capture_output=True,
        text=True,
        env={**os.environ},
        timeout=60,
        check=False,
    )
    world.texts["stderr"] = done.stderr

    assert 1 == done.returncode
    assert "RuntimeError: http://…@h:1 broke" in done.stderr
    assert [] == world.leaks()
