from __future__ import annotations

from copy import deepcopy
from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.places import places
from tests.unit.documents.classic import classic, template

from progressive._documents.reading import read_documents
from progressive._model.release import Severity

WORDS = [
    *("kind", "apiVersion", "metadata", "spec", "analysis", "metrics", "name", "namespace"),
    *("service", "targetRef", "webhooks", "alerts", "templateRef", "thresholdRange", "traffic"),
    *("Canary", "Release", "MetricTemplate", "flagger.app/v1beta1", "progressive.dev/v1"),
]
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**500),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(WORDS),
    st.just(date(2026, 1, 1)),
    st.binary(max_size=4),
)
KEYS = st.one_of(
    st.sampled_from(WORDS), st.sampled_from(WORDS), st.integers(), st.none(), st.text(max_size=5)
)
JUNK = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=5)),
    max_leaves=25,
)


@given(st.lists(JUNK, max_size=3))
@settings(max_examples=250)
def test_junk_gives_problems_and_never_an_exception(documents: list[Any]) -> None:
    """Whatever a template engine or a person writes, the answer names what is wrong."""
    reading = read_documents(documents)

    assert not reading.valid
    assert reading.document is None


def text_of(path: tuple[Any, ...]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def full() -> list[dict[str, Any]]:
    """The classic document with a template, and more of its fields."""
    metric = {
        "name": "errors",
        "templateRef": {"name": "errors", "namespace": "shop"},
        "thresholdRange": {"min": 0, "max": 1},
        "interval": "30s",
    }
    document = classic(
        service__name="web",
        service__targetPort=8080,
        service__hosts=["a"],
        service__retries={"attempts": 1},
        analysis__primaryReadyThreshold=50,
        metricsServer="http://prometheus:9090",
    )
    document["spec"]["analysis"]["metrics"].append(metric)
    return [document, template()]


PLACES = [path for path in places(full()) if len(path) > 1]


@given(st.sampled_from(PLACES), JUNK)
@settings(max_examples=250)
def test_one_bad_field_is_told_at_that_field(path: tuple[Any, ...], junk: Any) -> None:
    """A problem elsewhere would send people to the wrong line."""
    documents = full()
    place: Any = documents
    for part in path[:-1]:
        place = place[part]
    before = deepcopy(place[path[-1]])
    place[path[-1]] = junk

    reading = read_documents(documents)

    if reading.valid:
        return
    index, field = path[0], text_of(path[1:])
    told = [
        one.path
        for one in reading.problems
        if one.severity is Severity.ERROR and one.document in (index, None)
    ]
    # a document that is no release any more, or an object that is not found any more, is told
    # where it is missed
    missed = field in ("kind", "apiVersion") or index == 1
    # null counts as left out, two fields may contradict each other, and a reference fails as a
    # whole: these are told at the parent
    parent = text_of(path[1:-1])
    lacking = parent if junk is None else field
    exact = any(one.startswith(lacking) or one == parent for one in told)
    assert missed or exact, (before, junk, reading.problems)
