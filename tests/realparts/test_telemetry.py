"""The counters that Prometheus scrapes say what the access log says."""

from __future__ import annotations

from pathlib import Path

from tests.realparts.telemetry import Telemetry, Workload

WEB = Workload(name="web", namespace="shop")
CLUSTER = "outbound|80||web-canary.shop.svc.cluster.local"


def lines(text: str, *parts: str) -> list[str]:
    return [line for line in text.splitlines() if all(part in line for part in parts)]


def written(log: Path, *requests: tuple[str, str, str, str, str, str]) -> None:
    with log.open("a") as file:
        file.writelines("\t".join(one) + "\n" for one in requests)


def test_a_request_is_counted_by_both_sides(tmp_path: Path) -> None:
    """
    As in a mesh, where caller and callee have a sidecar each.
    """
    log = tmp_path / "access.log"
    telemetry = Telemetry(log, {"10.99.16.1": WEB}.get)
    before = telemetry.text()
    written(log, (CLUSTER, "10.99.16.1:8080", "200", "-", "7", "-"))
    once = telemetry.text()
    written(log, (CLUSTER, "10.99.16.1:8080", "200", "-", "30", "-"))
    twice = telemetry.text()

    assert [] == lines(before, "istio_requests_total{")
    for text, count in ((once, 1), (twice, 2)):
        for reporter in ("source", "destination"):
            (line,) = lines(text, "istio_requests_total{", f'reporter="{reporter}"')
            assert line.endswith(f" {count}")
            assert 'destination_workload="web",destination_workload_namespace="shop"' in line
    below = lines(twice, "_bucket{", 'reporter="source"')
    assert ["0", "0", "0", "1", "1", "2"] == [line.rpartition(" ")[2] for line in below[:6]]
    assert below[-1].endswith('le="+Inf"} 2')
    assert lines(twice, "_sum{", 'reporter="source"')[0].endswith(" 37")


def test_a_request_that_never_arrived_is_counted_by_its_caller_alone(tmp_path: Path) -> None:
    """
    No endpoint, or a pod that hung up: the destination knows nothing of it.
    """
    log = tmp_path / "access.log"
    telemetry = Telemetry(log, {"10.99.16.1": WEB}.get)
    written(
        log,
        (CLUSTER, "-", "503", "UH", "0", "-"),
        (CLUSTER, "10.99.16.1:8080", "503", "UC", "1", "-"),
        ("-", "-", "404", "NR", "0", "-"),
    )
    text = telemetry.text()

    assert [] == lines(text, 'reporter="destination"')
    assert 3 == len(lines(text, "istio_requests_total{"))
    (lost,) = lines(text, "istio_requests_total{", 'response_flags="UH"')
    assert 'destination_workload="unknown"' in lost
    assert 'destination_service_name="web-canary"' in lost


def test_a_line_that_is_still_being_written_waits(tmp_path: Path) -> None:
    """
    Envoy flushes whenever it likes; half a line would be an error, or be counted twice.
    """
    log = tmp_path / "access.log"
    telemetry = Telemetry(log, {"10.99.16.1": WEB}.get)
    log.write_text(f"{CLUSTER}\t10.99.16.1:8080\t2")
    half = telemetry.text()
    with log.open("a") as file:
        file.write("00\t-\t7\t-\n")
    whole = telemetry.text()

    assert [] == lines(half, "istio_requests_total{")
    assert 2 == len(lines(whole, "istio_requests_total{", 'response_code="200"'))


def test_a_workload_is_the_deployment_of_a_pod() -> None:
    """
    Istio names the workload, not the ReplicaSet that stands between.
    """
    pod = {
        "metadata": {
            "name": "web-primary-5d4-x",
            "namespace": "shop",
            "labels": {"pod-template-hash": "5d4"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "web-primary-5d4"}],
        }
    }

    assert Workload(name="web-primary", namespace="shop") == Workload.of(pod)
