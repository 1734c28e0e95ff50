"""A page of metrics that a test writes and a real Prometheus scrapes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from attrs import define
from tests.realparts.prometheus import Prometheus
from tests.served import served


@define
class Page:
    """
    What Prometheus scrapes.

    Attributes:
        text: The exposition, as it is now.
    """

    text: str = ""


@contextmanager
def scraped_page(prometheus: Prometheus) -> Iterator[Page]:
    """Serve a page of one's own and have it scraped, for the length of a block."""
    shown = Page()
    told = {"Content-Type": "text/plain; version=0.0.4"}
    with served(lambda _: (200, told, shown.text)) as address:
        # a name of its own for each page: one of the same name is seen only after 5 s
        name = f"page-{address.rpartition(':')[2]}"
        prometheus.scrape(name, [address])
        try:
            yield shown
        finally:
            prometheus.forget(name)
