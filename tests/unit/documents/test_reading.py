from __future__ import annotations

from typing import Any

import pytest
from tests.unit.documents.classic import classic, error_paths, errors, read, template, warnings


def named(name: str, namespace: str = "shop") -> dict[str, Any]:
    document = classic()
    document["metadata"] = {"name": name, "namespace": namespace}
    return document


def test_one_of_several_releases_is_picked_by_name() -> None:
    """A repository may keep all its releases in one file."""
    documents = (named("a"), named("b"), named("b", "other"))

    picked = [read(*documents, name=name).document for name in ("a", "other/b")]
    assert [("a", "shop"), ("b", "other")] == [(d.name, d.namespace) for d in picked if d]
    assert "say which one" in errors(read(*documents))[0][1]
    assert "shop/a, shop/b, other/b" in errors(read(*documents, name="b"))[0][1]
    assert "did you mean" in errors(read(named("web"), named("app"), name="weeb"))[0][1]


def test_only_the_picked_release_is_judged() -> None:
    """Its neighbour may be half written."""
    broken = named("broken")
    broken["spec"] = {}

    assert [] == error_paths(read(named("a"), broken, name="a"))
    assert [] != error_paths(read(named("a"), broken, name="broken"))


def test_problems_say_which_document() -> None:
    """A path starts inside its document; with one document there is nothing to say."""
    fault = classic(suspend=1)

    assert [None] == [one.document for one in read(fault).problems]
    assert [1] == [one.document for one in read(template(), fault).problems]


@pytest.mark.parametrize(
    ("document", "paths"),
    [
        ({}, ["kind", "apiVersion"]),
        ({"kind": "Canary"}, ["apiVersion"]),
        ({"kind": 1, "apiVersion": "flagger.app/v1beta1"}, ["kind"]),
        ({**classic(), "kind": "Canry"}, ["kind"]),
        ({**classic(), "apiVersion": "flager.app/v1beta1"}, ["apiVersion"]),
        ({**classic(), "apiVersion": "flagger.app/v1alpha3"}, ["apiVersion"]),
        ({**classic(), "kind": "Whatever"}, ["kind"]),
        ({**classic(), "metadta": {}}, ["metadta"]),
        ({**classic(), "spec": None}, ["spec"]),
        ([], [""]),
        ("text", [""]),
    ],
)
def test_what_is_no_release_is_refused(document: Any, paths: list[str]) -> None:
    """Nothing is guessed about a document of another kind."""
    assert paths == error_paths(read(document))


def test_a_file_without_a_release() -> None:
    """A template alone cannot be run."""
    assert "holds no release" in errors(read(template()))[0][1]
    assert "holds no release" in errors(read())[0][1]


def test_other_objects_of_the_file_are_named_and_left_alone() -> None:
    """`kustomize build` writes the Deployment into the same file."""
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}}
    reading = read(deployment, classic())

    assert reading.valid
    assert {"kind": "a Deployment of apps/v1 is not read; it has no effect here"} == warnings(
        reading
    )


def test_the_same_template_twice() -> None:
    """Which of the two judges would depend on their order."""
    assert ["metadata.name"] == error_paths(read(classic(), template(), template()))


def test_the_source_is_kept_release_first() -> None:
    """Whoever shows or compares documents gets what was written."""
    document, beside = classic(), template()

    assert (document, beside) == read(beside, document).source


def test_warnings_stay_with_the_release() -> None:
    """`Release.warnings` is what a script sees."""
    reading = read(classic(service__gateways=[]))

    assert reading.document is not None
    assert reading.problems == reading.document.problems != ()
