"""What a load came to, told to a person.

This file owns the figures and the sentences of the summary, and when the load generator is to blame rather than the
server. It must not know how anything was measured.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from benchmarks.load_measurements import PER_MILLE
from benchmarks.load_posts import RATE_LIMITED

OWN_SHARE: Final = 0.5
OWN_LEAST_MS: Final = 1.0
"""The generator is to blame when its own delays at p99 are more than this share of the latency, and more than this."""


class Figures(Struct, frozen=True):
    """What a load came to.

    Attributes:
        load: what was asked for, in words.
        rate: messages a second that were due.
        sent: messages.
        unsent: messages that were due from a client whose connection was lost.
        acknowledged: messages.
        refused: refusals, by the error's code.
        sending_s: how long sending took.
        delivered: messages that reached a client, each client counted.
        delivering_s: from the start to the last of them.
        delivery_ms: percentiles.
        posted_ms: percentiles.
        lateness_ms: percentiles of how late the generator sent.
        reading_ms: percentiles of how long data waited at most until the generator read it.
        measured: how many clients' deliveries were measured.
        clients: how many there were.
        rooms: how many rooms they were in.
        faults: sentences.
        compared: whether what was missing in the end was counted.
        interrupted: it ended early.
    """

    load: str
    rate: float
    sent: int
    unsent: int
    acknowledged: int
    refused: Mapping[str, int]
    sending_s: float
    delivered: int
    delivering_s: float
    delivery_ms: Mapping[str, float]
    posted_ms: Mapping[str, float]
    lateness_ms: Mapping[str, float]
    reading_ms: Mapping[str, float]
    measured: int
    clients: int
    rooms: int
    faults: Sequence[str]
    compared: bool
    interrupted: bool


def summary(figures: Figures) -> str:
    """Return the figures for a person."""
    sending_s, delivering_s = figures.sending_s or 1.0, figures.delivering_s or 1.0
    rows = [
        _row("sent", figures.sent, f"{figures.sent / sending_s:,.1f}/s; {figures.rate:,.1f}/s were due"),
        _row("acknowledged", figures.acknowledged),
        *(_row(f"refused ({code})", count) for code, count in figures.refused.items()),
        *([_row("not sent", figures.unsent, "their senders' connections were lost")] if figures.unsent else []),
        _row("delivered", figures.delivered, f"{figures.delivered / delivering_s:,.0f}/s"),
    ]
    table = [
        _line("latency, ms", *PER_MILLE),
        _latencies("  delivery", figures.delivery_ms),
        _latencies("  posted (acknowledgement)", figures.posted_ms),
        _line("of that the load generator's own, ms"),
        _latencies("  late in sending", figures.lateness_ms),
        _latencies("  late in reading", figures.reading_ms),
    ]
    verdicts = [_whose(figures), *_sampled(figures), *_advice(figures), *_verdict(figures)]
    return "\n".join([figures.load, "", *rows, "", *table, "", *verdicts])


def _row(name: str, figure: int, remark: str = "") -> str:
    return f"{name:<22}{figure:>12,}  {remark}".rstrip()


def _line(name: str, *cells: str) -> str:
    return (f"{name:<28}" + "".join(f"{cell:>10}" for cell in cells)).rstrip()


def _latencies(name: str, percentiles: Mapping[str, float]) -> str:
    return _line(name, *[f"{percentiles[one]:,.2f}" if one in percentiles else "-" for one in PER_MILLE])


def _whose(figures: Figures) -> str:
    all_of_it = figures.delivery_ms.get("p99", 0.0)
    own = max(figures.lateness_ms.get("p99", 0.0), figures.reading_ms.get("p99", 0.0))
    if own > OWN_LEAST_MS and own > OWN_SHARE * all_of_it:
        return (
            f"The load generator itself was late: by {own:,.2f} ms at p99, where the latency is {all_of_it:,.2f} ms, so"
            " the server is faster than that. Take fewer clients, a lower rate, or a machine with less to do."
        )
    return f"The load generator kept up: at p99 it was late by {own:,.2f} ms, where the latency is {all_of_it:,.2f} ms."


def _sampled(figures: Figures) -> list[str]:
    if figures.measured == figures.clients:
        return []
    return [
        f"Deliveries were measured at {figures.measured:,} of {figures.clients:,} clients, chosen at random, and"
        " checked at all."
    ]


def _advice(figures: Figures) -> list[str]:
    refused = figures.refused.get(RATE_LIMITED, 0)
    if not refused:
        return []
    return [
        f"The server has a rate limit, and refused {refused:,} messages (too_many). Start it with --rate-limit off, or"
        " spread the load over more --clients."
    ]


def _verdict(figures: Figures) -> list[str]:
    begun = ["It was ended early."] if figures.interrupted else []
    if not figures.compared:
        begun = ["It was ended at once: what was under way then is not counted as lost."]
    if figures.faults or not figures.compared:
        return [*begun, *figures.faults]
    if not figures.acknowledged:
        return [*begun, "No message was acknowledged."]
    rooms = "its room" if figures.rooms > 1 else "the room"
    return [
        *begun,
        f"Nothing was lost, doubled or out of order: each of {figures.clients:,} clients got every message of"
        f" {rooms}, once, in order.",
    ]
