"""`progressive demo` as people run it: the whole show, and each way to end it early."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from tests.realparts.process import wait_for

from progressive._demo.load import Users
from progressive._demo.stage import Stage, Version

pytestmark = [pytest.mark.real, pytest.mark.apart]


class Demo:
    """A running demo, whose output goes to a file."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.output = folder / "output"
        with self.output.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "progressive", "demo", *options],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TMPDIR": str(folder)},
                start_new_session=True,
            )

    def text(self) -> str:
        """All that it said so far."""
        return self.output.read_text()

    def wait_for_words(self, words: str) -> None:
        """Until they are on the screen."""
        wait_for(lambda: words in self.text(), f"{words!r} from the demo", seconds=60)

    def children(self) -> list[int]:
        """Its own children: Envoy and the versions."""
        task = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in task.read_text().split()]


@pytest.fixture
def play(tmp_path: Path) -> Iterator[list[Demo]]:
    """Demos that a test has started; none outlives it."""
    started: list[Demo] = []
    yield started
    for demo in started:
        demo.process.kill()
        demo.process.wait(30)


def gone(pid: int) -> bool:
    """Whether a process has ended (one that nobody has reaped yet has ended too)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX"


def test_the_good_one_is_promoted_and_the_bad_one_rolled_back(
    tmp_path: Path, play: list[Demo]
) -> None:
    """
    The whole show; and users get about what each step asks for.
    """
    demo = Demo(tmp_path, "--seconds", "20", "--show-config")
    play.append(demo)
    status = demo.process.wait(120)
    text = demo.text()

    assert 0 == status, text
    assert "promoted: v2 has all the traffic" in text
    assert "rolled_back (check-failed)" in text
    assert "canary weights [10, 25, 50, 100]" in text
    assert "canary weights [10, 0]" in text
    assert "path_config_source" in text
    rows = re.findall(r"^ +v(\d) +(\d+)% +([\d.]+)% +(\d+) +(\d+)", text, re.MULTILINE)
    assert len(rows) >= 14
    for version, asked, got, requests, errors in rows:
        share = int(asked) / 100
        # of two versions, so n is that of both; the first visits of a step may be older ones
        total = int(requests) / max(float(got) / 100, 0.001)
        spread = 400 * (share * (1 - share) / max(total, 1)) ** 0.5
        assert abs(float(got) - int(asked)) <= spread + 2, (version, asked, got, requests)
        assert version == "3" or errors == "0"
    assert [] == list(tmp_path.glob("progressive-demo-*"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_takes_the_traffic_home_and_leaves_nothing(
    number: signal.Signals, tmp_path: Path, play: list[Demo]
) -> None:
    """
    In the middle of a release: no process, no file, and the exit status of an aborted run.
    """
    demo = Demo(tmp_path, "--seconds", "60")
    play.append(demo)
    demo.wait_for_words("go to v2 now")
    children = demo.children()
    demo.process.send_signal(number)
    status = demo.process.wait(90)

    assert 11 == status, demo.text()
    assert 4 == len(children)
    assert all(map(gone, children))
    assert "Ended early (aborted)" in demo.text()
    assert "all traffic goes back to v1" in " ".join(demo.text().split())
    assert "Traceback" not in demo.text()
    assert [] == list(tmp_path.glob("progressive-demo-*"))


def test_killed_it_takes_its_children_along(tmp_path: Path, play: list[Demo]) -> None:
    """
    SIGKILL leaves no time to clean up; the kernel ends the children.
    """
    demo = Demo(tmp_path, "--seconds", "60")
    play.append(demo)
    demo.wait_for_words("go to v2 now")
    children = demo.children()
    demo.process.kill()
    demo.process.wait(30)

    assert 4 == len(children)
    wait_for(lambda: all(map(gone, children)), "the children's end")


def test_kept_it_goes_on_until_it_is_told(tmp_path: Path, play: list[Demo]) -> None:
    """
    To play with; the exit status is that of the show.
    """
    demo = Demo(tmp_path, "--seconds", "15", "--keep")
    play.append(demo)
    demo.wait_for_words("Still running")
    alive = [not gone(pid) for pid in demo.children()]
    demo.process.send_signal(signal.SIGINT)
    status = demo.process.wait(90)

    assert [True] * 4 == alive
    assert 0 == status, demo.text()


def test_the_release_of_the_tutorial_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """
    The snippet as it is printed; only the two addresses are those of this run.
    """
    page = Path(__file__).parents[3] / "docs" / "tutorial" / "demo.md"
    (snippet,) = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    versions = (Version(name="v2"), Version(name="v1"))
    with Stage(versions, leaving=Event()) as stage, Users(stage.users, rate=50):
        addresses = {"routes": str(stage.routes), "admin": stage.admin}
        for name, address in addresses.items():
            snippet, times = re.subn(
                rf"^{name} = .*$", f"{name} = {address!r}", snippet, flags=re.M
            )
            assert 1 == times
        exec(compile(snippet, str(page), "exec"), {})

    assert "promoted (20, 60, 100)\n" == capsys.readouterr().out
