"""The server's numbers for Prometheus: what `/metrics` says.

This file owns names, kinds and help texts, by Prometheus' conventions. Nothing is counted here: whoever does the work
counts it (`tally`), and what can be looked up is looked up when somebody asks. It must not know HTTP.
"""

from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from trio_chat.server.tally import Histogram

if TYPE_CHECKING:
    from trio_chat.server.app import Server

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
"""The format that every Prometheus reads; its library's choice by `Accept` raises TypeError for a malformed one."""


Labelled = Mapping[tuple[str, ...], int]
"""Values by those of their labels."""


class Metrics:
    """The numbers of one server, in a registry of its own: two servers in a process do not mix.

    Args:
        server: whose they are.
    """

    def __init__(self, server: "Server") -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_ServerCollector(server))
        ProcessCollector(registry=self._registry)  # memory, CPU and open files, where /proc tells them

    def text(self) -> bytes:
        """Return all of them, as `CONTENT_TYPE` says."""
        return generate_latest(self._registry)


class _ServerCollector(Collector):
    def __init__(self, server: "Server") -> None:
        self._server = server
        try:
            self._version = version("trio-chat")
        except PackageNotFoundError:  # run from a folder, never installed
            self._version = "unknown"

    def describe(self) -> Iterable[Metric]:
        return ()  # or registering would collect, from a server that does not run yet

    def collect(self) -> Iterable[Metric]:
        yield from self._present()
        yield from self._since_the_start()

    def _present(self) -> Iterable[Metric]:
        server = self._server
        connections = server.connections
        built = GaugeMetricFamily("trio_chat_build_info", "Which version runs; always 1.", labels=["version"])
        built.add_metric([self._version], 1)
        yield built
        yield _gauge("connections", "Connections that are open.", len(connections))
        yield _gauge("people", "People who are connected, bots among them.", sum(1 for _ in server.hub.people.online()))
        yield _gauge("rooms", "Rooms in which somebody is.", len(server.hub.rooms))
        waiting = sum(connection.delivery.waiting_bytes for connection in connections)
        yield _gauge("outbox_bytes", "What waits to be sent, over all connections.", waiting)
        behind = sum(connection.delivery.behind_count for connection in connections)
        yield _gauge("members_behind", "Members that are being sent entries from the log.", behind)
        yield _gauge("turns", "Turns of bots that are open.", server.turns.open_count)

    def _since_the_start(self) -> Iterable[Metric]:
        tally = self._server.hub.tally
        yield _counter("entries", "Entries committed and published.", {(): tally.entries})
        yield _counter(
            "deliveries",
            "Entries given to members: live as they were published, or from the log.",
            {("live",): tally.delivered_live, ("log",): tally.delivered_from_log},
            "way",
        )
        yield _histogram("commit_seconds", "From handing posts to the store until they are published.", tally.commit_s)
        yield _counter("commit_failures", "Calls that the store has refused.", {(): tally.failed_appends})
        yield _counter("turns_ended", "Turns of bots that have ended.", _labelled(tally.turns_ended), "reason")
        yield _counter("refusals", "Requests answered with an error.", _labelled(tally.refused), "code")
        requests: Labelled = {(route, str(status)): count for (route, status), count in tally.http.items()}
        yield _counter("http_requests", "HTTP requests answered.", requests, "route", "status")


def _labelled(counts: Mapping[str, int]) -> Labelled:
    return {(name,): count for name, count in counts.items()}


def _gauge(name: str, help_text: str, value: int) -> Metric:
    return GaugeMetricFamily(f"trio_chat_{name}", help_text, value)


def _counter(name: str, help_text: str, values: Labelled, *labels: str) -> Metric:
    family = CounterMetricFamily(f"trio_chat_{name}", help_text, labels=labels)
    for of, value in values.items():
        family.add_metric(of, value)
    return family


def _histogram(name: str, help_text: str, histogram: Histogram) -> Metric:
    bounds = [*(f"{bound:g}" for bound in histogram.bounds), "+Inf"]
    buckets = list(zip(bounds, accumulate(histogram.counts), strict=True))
    return HistogramMetricFamily(f"trio_chat_{name}", help_text, buckets, histogram.total)
