"""An application full of secrets, each with its mark, and a search in all that is said about it.

The world is real: API server, credential plugin, admission policies, processes of the command
line. Only the metrics server is a small one that repeats what it was sent, as proxies do.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import traceback
import uuid
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from tests.real.stage.shop import Place, application, plain
from tests.realparts.api import Document
from tests.realparts.control_plane import ControlPlane

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
