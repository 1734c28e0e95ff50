"""Credentials of the cluster: a plugin that fails, and a kubeconfig that is broken."""

from __future__ import annotations

from base64 import b64encode

import pytest
import yaml
from tests.real.secrets.world import World, all_of

from progressive.clusters import KubernetesCluster
from progressive.errors import ProgressiveError

pytestmark = [pytest.mark.real, pytest.mark.apart]


def test_a_plugin_that_fails_tells_no_secret(world: World) -> None:
    """
    Plugins print their environment when they are in trouble.
    """
    world.break_plugin()
    for command in ("plan", "status", "abort"):
        assert 0 != world.speak(command, "-o", "json").returncode
    code, answer = world.run_json()

    assert (9, "unreachable") == (code, answer["outcome"])
    assert "cannot log in with …" in answer["message"]
    assert [] == world.leaks()


BROKEN = {
    "a key that is none": lambda secrets: {
        "client-certificate-data": b64encode(b"no certificate").decode(),
        "client-key-data": b64encode(secrets["client-key"].encode()).decode(),
    },
    "a key that is no text": lambda secrets: {
        "client-certificate-data": "////",
        "client-key-data": f"{secrets['client-key']}é",
    },
    "a token of two lines": lambda secrets: {"token": f"{secrets['api-token']}\nx"},
    "a token that is not latin": lambda secrets: {"token": f"{secrets['api-token']}→"},
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_kubeconfig_that_is_broken_tells_no_secret(world: World, fault: str) -> None:
    """
    Its errors come from four libraries, each with words of its own.
    """
    config = yaml.safe_load(world.control_plane.kubeconfig().read_text())
    config["users"][0]["user"] = BROKEN[fault](world.secrets)
    file = world.folder / "kubeconfig.yaml"
    file.write_text(yaml.safe_dump(config, allow_unicode=True))
    _refuse_everything(world)


def test_a_kubeconfig_that_is_no_yaml_is_told_without_its_lines(world: World) -> None:
    """
    The words of a YAML parser hold the line that it could not read.
    """
    file = world.folder / "kubeconfig.yaml"
    file.write_text(f"users:\n- name: a\n  user: {{token: {world.secrets['yaml-token']}, [\n")
    message = _refuse_everything(world)

    assert "line" in message


def _refuse_everything(world: World) -> str:
    done = world.speak("status", "-o", "json")
    world.speak("plan")
    code, answer = world.run_json()
    with pytest.raises(ProgressiveError) as caught:
        KubernetesCluster.from_environment(world.environment["KUBECONFIG"]).get("/version")
    world.texts |= all_of(caught.value)

    assert code in (6, 9), answer
    assert done.returncode in (6, 9)
    assert "Traceback" not in "".join(world.texts[one] for one in world.texts if "stderr" in one)
    assert [] == world.leaks()
    return str(answer["message"])
