"""Secrets stay secret: every place that holds one has its mark, and nothing that leaves has any.

The world is real: API server, credential plugin, admission policies, processes of the command
line. Only the metrics server is a small one that repeats what it was sent, as proxies do.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import threading
import traceback
import uuid
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.real.stage.shop import Place, application, plain
from tests.realparts.api import ApiError, Document
from tests.realparts.control_plane import ControlPlane
from tests.realparts.process import wait_for

from progressive import MetricCheck, load
from progressive._model.checks import Question
from progressive.clusters import KubernetesCluster
from progressive.errors import ProgressiveError
from progressive.metrics import PrometheusMetrics

pytestmark = [pytest.mark.real, pytest.mark.apart]

PLACES = (
    "env",
    "arg",
    "annotation-read-by-env",
    "annotation-by-name",
    "metrics-user",
    "metrics-password",
    "metrics-query",
    "job-user",
    "job-token",
    "plugin-env",
    "client-key",
    "yaml-token",
)


def marks() -> dict[str, str]:
    """A fresh mark for each place, unlike any other text."""
    return {place: f"MARK-{place}-{uuid.uuid4().hex[:12]}" for place in PLACES}


def found(texts: Mapping[str, str], secrets: Mapping[str, str]) -> list[str]:
    """Which secret is in which text, in any spelling that somebody could read it from."""
    leaks = []
    for where, text in texts.items():
        for place, secret in secrets.items():
            spellings = {secret, json.dumps(secret)[1:-1], b64encode(secret.encode()).decode()}
            if any(one in text for one in spellings):
                leaks.append(f"{place} in {where}")
    return leaks


@dataclass
class Telling:
    """
    A metrics server that tells what it was sent.

    Attributes:
        mode: ``good``, ``bad``, ``error`` (500, JSON), ``page`` (502, HTML), ``refused`` (401).
        sent: Authorization of every request.
    """

    mode: str = "good"
    sent: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    port: int = 0

    def answer(self, headers: Mapping[str, str], path: str) -> tuple[int, str, str]:
        """Status, content type, body."""
        self.sent.append(headers.get("Authorization", ""))
        if self.mode in ("good", "bad"):
            value = [0, "1" if self.mode == "good" else "9"]
            data = {"resultType": "vector", "result": [{"metric": {}, "value": value}]}
            return 200, "application/json", json.dumps({"status": "success", "data": data})
        words = f"boom on {path} with {dict(headers)}"
        self.said.append(words)
        if self.mode == "page":
            return 502, "text/html", f"<html>{words} {json.dumps(dict(headers))}</html>"
        status = 500 if self.mode == "error" else 401
        return status, "application/json", json.dumps({"status": "error", "error": words})


@pytest.fixture
def telling() -> Iterator[Telling]:
    """The metrics server, on the loopback."""
    server = Telling()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, body = server.answer(dict(self.headers.items()), self.path)
            raw = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: Any) -> None:
            """Tests tell what matters."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.port = http.server_address[1]
    thread = threading.Thread(target=http.serve_forever, args=(0.05,))
    thread.start()
    yield server
    http.shutdown()
    http.server_close()
    thread.join(10)


class World(Place):
    """
    An application full of secrets, and everything that was said about it.

    Attributes:
        secrets: Place → mark.
        texts: Where → what left there.
    """

    def __init__(
        self, control_plane: ControlPlane, telling: Telling, namespace: str, folder: Path
    ) -> None:
        self.secrets = marks()
        user, password = self.secrets["metrics-user"], self.secrets["metrics-password"]
        server = (
            f"http://{user}:{password}@127.0.0.1:{telling.port}/prom"
            f"?token={self.secrets['metrics-query']}"
        )
        super().__init__(control_plane, server, namespace, folder, plain(namespace, interval="1s"))
        self.secrets["api-token"] = control_plane.token("progressive")
        self.environment["KUBECONFIG"] = str(self._kubeconfig())
        self.environment["BUILD_URL"] = (
            f"https://{self.secrets['job-user']}:{self.secrets['job-token']}"
            "@jenkins.example.com/job/shop/42/"
        )
        self.texts: dict[str, str] = {}
        self.reports = folder / "reports"
        self.api.create(self._application())

    def _application(self) -> Document:
        made = application(self.namespace)
        template = made["spec"]["template"]
        template["metadata"]["annotations"] = {
            "example.com/dsn": self.secrets["annotation-read-by-env"],
            "example.com/api-token": self.secrets["annotation-by-name"],
        }
        fields = {"fieldRef": {"fieldPath": "metadata.annotations['example.com/dsn']"}}
        template["spec"]["containers"][0] |= {
            "env": [
                {"name": "DSN", "value": self.secrets["env"]},
                {"name": "READ", "valueFrom": fields},
            ],
            "args": ["serve", "--api-key", self.secrets["arg"]],
        }
        return made

    def _kubeconfig(self, **changes: str) -> Path:
        """The token comes from a plugin, whose environment holds a secret."""
        plain_file = self.control_plane.kubeconfig(namespace=self.namespace)
        config = yaml.safe_load(plain_file.read_text())
        version = "client.authentication.k8s.io/v1"
        status = {"token": self.secrets["api-token"]}
        told = json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status})
        plugin = self.folder / "plugin"
        script = changes.get("script", f"echo '{told}'")
        plugin.write_text(f"#!/bin/sh\n{script}\n")
        plugin.chmod(0o755)
        section = {
            "apiVersion": version,
            "command": str(plugin),
            "interactiveMode": "Never",
            "env": [{"name": "CLIENT_SECRET", "value": self.secrets["plugin-env"]}],
        }
        config["users"][0]["user"] = {"exec": section}
        file = self.folder / "kubeconfig.yaml"
        file.write_text(yaml.safe_dump(config))
        return file

    def break_plugin(self) -> None:
        """From now on the plugin fails, and tells its whole environment."""
        self._kubeconfig(script='env >&2; echo "cannot log in with $CLIENT_SECRET" >&2; exit 3')

    def speak(
        self, command: str, *words: str, about_file: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """A command to its end; all that it said is kept, and so is what it left in files."""
        about = [str(self.file)] if about_file else []
        call = [sys.executable, "-m", "progressive", command, *about, *words]
        done = subprocess.run(
            call,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        number = len(self.texts)
        title = f"{number} {' '.join((command, *words))}"
        self.texts[f"stdout of {title}"] = done.stdout
        self.texts[f"stderr of {title}"] = done.stderr
        for file in sorted(self.reports.glob("*")) if self.reports.exists() else ():
            self.texts[f"{file.name} after {title}"] = file.read_text()
        self.texts |= {f"{where} after {title}": text for where, text in self.stored().items()}
        return done

    def run_json(self, *words: str) -> tuple[int, dict[str, Any]]:
        """`run` with a report folder; exit status and answer."""
        done = self.speak("run", *words, "--report-dir", str(self.reports), "-o", "json")
        return done.returncode, json.loads(done.stdout)

    def stored(self) -> dict[str, str]:
        """What we keep in the cluster for ourselves, by those of its objects that we wrote."""
        kinds = (("v1", "ConfigMap"), ("coordination.k8s.io/v1", "Lease"), ("v1", "Event"))
        kept = {}
        for api_version, kind in kinds:
            for one in self.api.get(self.api.path(api_version, kind, self.namespace))["items"]:
                writers = {each["manager"] for each in one["metadata"].get("managedFields", ())}
                if "progressive" in writers:
                    kept[f"{kind} {one['metadata']['name']}"] = json.dumps(one)
        return kept

    def leaks(self) -> list[str]:
        """Every secret in everything that was said so far."""
        return found(self.texts, self.secrets)


@pytest.fixture
def world(control_plane: ControlPlane, telling: Telling, namespace: str, tmp_path: Path) -> World:
    """An application that nobody has released yet."""
    return World(control_plane, telling, namespace, tmp_path)


@pytest.fixture
def quoting(control_plane: ControlPlane, namespace: str) -> Iterator[Quoting]:
    """Policies that refuse, and quote variables in their words; gone at the end."""
    made = Quoting(control_plane, namespace)
    yield made
    made.remove()


class Quoting:
    """An admission policy of the cluster, for the namespace of one test alone."""

    def __init__(self, control_plane: ControlPlane, namespace: str) -> None:
        self._control_plane, self._namespace = control_plane, namespace
        self._paths: list[str] = []

    def refuse(self, resource: str, *, unless: str, quote: str) -> None:
        """Writes of a resource are refused; `unless` and `quote` are expressions of CEL."""
        group = "apps" if resource == "deployments" else ""
        name = f"quoting-{resource}-{self._namespace}"
        rule = {
            "apiGroups": [group],
            "apiVersions": ["v1"],
            "operations": ["CREATE", "UPDATE"],
            "resources": [resource],
        }
        words = f"'no such setting: ' + {quote}"
        self._make(
            "ValidatingAdmissionPolicy",
            name,
            {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [rule]},
                "validations": [{"expression": unless, "messageExpression": words}],
            },
        )
        here = {"matchLabels": {"kubernetes.io/metadata.name": self._namespace}}
        self._make(
            "ValidatingAdmissionPolicyBinding",
            name,
            {
                "policyName": name,
                "validationActions": ["Deny"],
                "matchResources": {"namespaceSelector": here},
            },
        )

    def _make(self, kind: str, name: str, spec: Document) -> None:
        api, version = self._control_plane.api, "admissionregistration.k8s.io/v1"
        api.create({"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec})
        self._paths.append(api.path(version, kind, "", name))

    def remove(self) -> None:
        """The cluster is as it was."""
        for path in reversed(self._paths):
            self._control_plane.api.delete(path)


def chained(error: BaseException | None) -> Iterator[BaseException]:
    """An error with all that hangs on it, whether it is shown or not."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__]


def all_of(error: BaseException) -> dict[str, str]:
    """Everything that a program can show of an error."""
    told = {"the traceback": "".join(traceback.format_exception(error))}
    for one in chained(error):
        name = type(one).__name__
        told |= {f"str of {name}": str(one), f"repr of {name}": repr(one)}
        told |= {f"args of {name}": repr(one.args), f"fields of {name}": repr(vars(one))}
        try:
            told[f"pickle of {name}"] = pickle.dumps(one).decode("latin-1")
        except Exception as unpicklable:  # a foreign error may hold locks: then nobody ships it
            told[f"pickle of {name}"] = str(unpicklable)
    return told


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


@pytest.mark.parametrize("mode", ["error", "page", "refused"])
def test_a_metrics_server_that_repeats_its_headers_is_told_without_them(
    world: World, telling: Telling, mode: str
) -> None:
    """
    The report of a round holds the server's own words.
    """
    assert 0 == world.run_json()[0]
    telling.mode = mode
    code, answer = world.run_json("--image", "my-app=my-app:2")
    sent = {one.partition(" ")[2] for one in telling.sent if one}
    world.secrets |= {f"basic-{number}": one for number, one in enumerate(sorted(sent))}

    assert (4, "inconclusive") == (code, answer["outcome"])
    assert sent, "credentials were sent"
    assert all(any(one in said for said in telling.said) for one in sent), "and repeated"
    explanations = {one["verdicts"][0]["explanation"] for one in answer["rounds"]}
    assert all("boom" in one for one in explanations), explanations
    assert all(f"127.0.0.1:{telling.port}/prom" in one for one in explanations)
    assert [] == world.leaks()


def test_a_policy_that_quotes_a_variable_is_told_without_its_value(
    world: World, quoting: Quoting
) -> None:
    """
    Admission refuses a write in words of its own, which end in the report.
    """
    assert 0 == world.run_json()[0]
    path = world.api.path("apps/v1", "Deployment", world.namespace, "my-app")
    variable = "object.spec.template.spec.containers[0].env[0].value"
    quoting.refuse("deployments", unless="object.spec.replicas == 0", quote=variable)
    said: list[str] = []

    def refused() -> bool:
        try:
            world.api.patch(path, {"spec": {"replicas": 5}}, dryRun="All")
        except ApiError as error:
            said.append(str(error))
        return bool(said)

    wait_for(refused, "the policy in force", seconds=60)
    dry = world.speak("run", "--image", "my-app=my-app:2", "--dry-run", "-o", "json")
    code, answer = world.run_json("--image", "my-app=my-app:2")
    cluster = KubernetesCluster.from_environment(world.environment["KUBECONFIG"])
    cluster.get(path)
    with pytest.raises(ProgressiveError) as caught:
        cluster.merge_patch(path, {"spec": {"replicas": 5}})
    cluster.close()
    world.texts |= all_of(caught.value)

    assert world.secrets["env"] in said[0], "the server quotes it"
    assert code != 0
    assert "no such setting: …" in answer["message"], answer
    assert "no such setting: …" in dry.stdout, "the API server tried it, and said so"
    assert "no such setting: …" in str(caught.value)
    assert [] == world.leaks()


def test_pods_that_a_policy_refuses_are_told_without_their_variables(
    world: World, quoting: Quoting
) -> None:
    """
    The Deployment's status quotes the refusal of its pods, and the run tells why it waits.
    """
    assert 0 == world.run_json()[0]
    world.document["spec"]["progressDeadlineSeconds"] = 6
    world.write(world.document)
    variable = "object.spec.containers[0].env[0].value"
    good = "!object.spec.containers[0].image.endsWith(':2')"
    quoting.refuse("pods", unless=good, quote=variable)
    probe = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "probe", "namespace": world.namespace},
        "spec": {
            "containers": [{"name": "a", "image": "a:2", "env": [{"name": "A", "value": "B"}]}]
        },
    }

    def refused() -> bool:
        try:
            world.api.post(world.api.path_of(probe, named=False), probe, dryRun="All")
        except ApiError as error:
            return "no such setting: B" in str(error)
        return False

    wait_for(refused, "the policy in force", seconds=60)
    code, answer = world.run_json("--image", "my-app=my-app:2")
    events = world.api.get(world.api.path("v1", "Event", world.namespace))

    assert world.secrets["env"] in json.dumps(events), "Kubernetes itself quotes it"
    assert (3, "canary-not-ready") == (code, answer["reason"]), answer
    assert "no such setting: …" in json.dumps(answer, ensure_ascii=False), answer
    assert [] == world.leaks()


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


def _asked(metrics: PrometheusMetrics) -> dict[str, str]:
    check = MetricCheck(name="good", query="vector(1)", at_most=2.0)
    with pytest.raises(ProgressiveError) as caught:
        metrics.sample(Question(check=check))
    metrics.close()
    return all_of(caught.value)


def test_errors_of_the_metrics_server_carry_no_secret_anywhere(
    world: World, telling: Telling
) -> None:
    """
    Workers pickle what they raise, and collectors of errors walk the whole chain.
    """
    url = world.environment["PROGRESSIVE_METRICS_SERVER"]
    gone = url.replace(str(telling.port), "9")
    secret = world.secrets["metrics-password"]
    for mode in ("error", "page", "refused"):
        telling.mode = mode
        for metrics in (
            PrometheusMetrics(url, environment={}),
            PrometheusMetrics(url.rpartition("@")[0][:7] + url.rpartition("@")[2], token=secret),
        ):
            world.texts |= {f"{mode}: {k}": v for k, v in _asked(metrics).items()}
    world.texts |= {f"away: {k}": v for k, v in _asked(PrometheusMetrics(gone)).items()}
    odd = PrometheusMetrics(gone, headers={"X-Api-Key": f"{secret}\n"})
    world.texts |= {f"header: {k}": v for k, v in _asked(odd).items()}
    odd = PrometheusMetrics(gone, headers={"X-Api-Key": f"{secret}→"})
    world.texts |= {f"not latin: {k}": v for k, v in _asked(odd).items()}

    assert any(secret in said for said in telling.said), "the server repeated it"
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
