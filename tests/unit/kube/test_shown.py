"""What people may see of a manifest, and what a server must not quote of it."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from progressive._kube.shown import secrets_of, shown, shown_patch

POD: dict[str, Any] = {
    "metadata": {
        "labels": {"app": "web"},
        "annotations": {
            "sidecar.istio.io/inject": "true",
            "example.com/dsn": "MARK-read-annotation",
            "example.com/api-token": "MARK-named-annotation",
            "kubectl.kubernetes.io/last-applied-configuration": '{"env": "MARK-last-applied"}',
        },
    },
    "spec": {
        "containers": [
            {
                "name": "web",
                "image": "registry/web:2",
                "env": [
                    {"name": "DSN", "value": "MARK-env"},
                    {
                        "name": "READ",
                        "valueFrom": {
                            "fieldRef": {"fieldPath": "metadata.annotations['example.com/dsn']"}
                        },
                    },
                    {
                        "name": "REF",
                        "valueFrom": {"secretKeyRef": {"name": "web-db", "key": "password"}},
                    },
                    {"name": "EMPTY", "value": ""},
                ],
                "args": [
                    "serve",
                    "--password=MARK-arg",
                    "--token",
                    "MARK-next-arg",
                    "--port",
                    "80",
                ],
                "command": ["sh", "-c", "API_KEY=MARK-shell exec web"],
                "livenessProbe": {
                    "httpGet": {
                        "path": "/live",
                        "httpHeaders": [
                            {"name": "Authorization", "value": "Basic MARK-header"},
                            {"name": "X-Probe", "value": "yes please"},
                        ],
                    }
                },
            }
        ],
        "volumes": [
            {"name": "tls", "secret": {"secretName": "web-tls"}},
            {
                "name": "store",
                "csi": {"volumeAttributes": {"accountKey": "MARK-volume", "share": "files"}},
            },
        ],
    },
}

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web-primary", "namespace": "shop"},
    "spec": {"replicas": 2, "template": POD},
}

MARKS = {
    "MARK-read-annotation",
    "MARK-named-annotation",
    "MARK-env",
    "MARK-arg",
    "MARK-next-arg",
    "MARK-header",
    "MARK-volume",
}


def test_a_manifest_is_shown_without_its_secrets() -> None:
    """
    `plan` is pasted into reviews; who may read that may not read the Deployment.
    """
    text = json.dumps(shown(DEPLOYMENT))

    assert "MARK-" not in text
    assert json.dumps(DEPLOYMENT).count("MARK-") == 9, "they were there"


def test_what_a_reviewer_looks_at_stays() -> None:
    """
    Names of variables, references, flags, ports, labels, images; and how long a value is.
    """
    container = shown(DEPLOYMENT)["spec"]["template"]["spec"]["containers"][0]
    annotations = shown(DEPLOYMENT)["spec"]["template"]["metadata"]["annotations"]

    assert {"name": "DSN", "value": "…(8 characters)"} == container["env"][0]
    assert POD["spec"]["containers"][0]["env"][1:] == container["env"][1:]
    assert ["serve", "--password=…(8 characters)", "--token"] == container["args"][:3]
    assert ["--port", "80"] == container["args"][4:]
    assert "registry/web:2" == container["image"]
    assert "yes please" == container["livenessProbe"]["httpGet"]["httpHeaders"][1]["value"]
    assert "true" == annotations["sidecar.istio.io/inject"]
    assert POD["spec"]["volumes"][0] == shown(DEPLOYMENT)["spec"]["template"]["spec"]["volumes"][0]


@given(
    tree=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["env", "args", "a", "value", "set"]), inner, max_size=3
            )
        ),
        max_leaves=12,
    )
)
def test_a_manifest_keeps_its_shape(tree: Any) -> None:
    """
    Programs read it; broken objects are shown as well, for they are what one looks for.
    """

    def shape(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shape(one) for key, one in value.items()}
        return [shape(one) for one in value] if isinstance(value, list) else type(value)

    assert shape({"x": tree}) == shape(shown({"x": tree}))


@given(value=st.text(min_size=1, max_size=40))
def test_no_value_of_a_variable_is_shown(value: str) -> None:
    """
    Not even one that looks harmless: nobody can tell.
    """
    entry = shown({"spec": {"env": [{"name": "X", "value": value}]}})["spec"]["env"][0]

    assert {"name": "X", "value": entry["value"]} == entry
    assert f"…({len(value)} character{'s' * (len(value) != 1)})" == entry["value"]


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "add", "path": "/spec/template", "value": POD},
        {
            "op": "replace",
            "path": "/spec/template/spec/containers/0/env/0/value",
            "value": "MARK-env",
        },
        {
            "op": "add",
            "path": "/metadata/annotations/example.com~1token",
            "value": "MARK-annotation",
        },
        {"op": "test", "path": "/spec/template/spec/containers/0/env", "value": [
            {"name": "DSN", "value": "MARK-env"}]},
    ],
    ids=lambda operation: str(operation["path"]),
)  # fmt: skip
def test_a_patch_is_shown_without_secrets_by_its_paths(operation: dict[str, Any]) -> None:
    """
    An operation names the place once, and holds what lies below it.
    """
    (told,) = shown_patch([operation])

    assert "MARK-" not in json.dumps(told)
    assert (operation["op"], operation["path"]) == (told["op"], told["path"])


def test_a_weight_is_shown_as_it_is() -> None:
    """
    It is what a plan is read for.
    """
    patch = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": "100"},
        {"op": "add", "path": "/spec/http/0/route/1/weight", "value": 20},
        {"op": "add", "path": "/spec/http/0/match", "value": [
            {"headers": {"cookie": {"regex": "^(.*;)?(token=always)(;.*)?$"}}}]},
    ]  # fmt: skip

    assert patch == shown_patch(patch)


@pytest.mark.parametrize("kind", ["Secret", "ConfigMap"])
def test_data_is_never_shown(kind: str) -> None:
    """
    Copies of tracked objects; which key holds what cannot be told.
    """
    told = shown({"kind": kind, "metadata": {"name": "web"}, "data": {"a": "MARK-data"}})

    assert {"a": "…(9 characters)"} == told["data"]


def test_the_secrets_of_objects_are_known_by_value() -> None:
    """
    So that they can be taken out of whatever sentence a webhook builds around them.
    """
    found = secrets_of([{"op": "add", "path": "/spec/template", "value": POD}])
    data = {"key": b64encode(b"MARK-inside").decode()}

    assert MARKS <= {one.removeprefix("Basic ") for one in found}
    assert {"MARK-inside", data["key"]} == secrets_of({"kind": "Secret", "data": data})


def test_names_and_ordinary_words_are_no_secrets() -> None:
    """
    "namespace … not found" would help nobody.
    """
    env = [
        {"name": name, "value": value}
        for name, value in {
            "NAMESPACE": "shop",
            "ME": "web-primary",
            "MODE": "production",
            "PORT": "8080",
            "X": "abc",
        }.items()
    ]
    made = {**DEPLOYMENT, "spec": {"template": {"spec": {"containers": [{"env": env}]}}}}

    assert frozenset() == secrets_of(made)
