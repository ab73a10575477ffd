"""From what the command line asks for to a load: where, what is sent when, and whose deliveries are measured.

This file owns these decisions. It must not know how the command line is written, nor carry anything out.
"""

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from msgspec import Struct

from benchmarks.irc_log import LogError
from benchmarks.load_run import Load
from benchmarks.load_schedule import Beat, even_times, poisson_times, read_beats, steady_beats, with_senders
from trio_chat.client import BadUrl
from trio_chat.client.url import parse_url

MEASURED_MOST: Final = 1_000_000
"""Deliveries whose latency is kept: some 25 MB of latency_data.txt. Where more are due, those to some clients are."""


class PlanError(Exception):
    """There can be no such load; the message is one sentence for who asked for it."""


class Options(Struct, frozen=True):
    """What the command line asks for; `plot` is a file to be drawn, without a load."""

    url: str
    clients: int
    rooms: int
    rate: float
    seconds: float
    chars: int
    even: bool
    replay: Path | None
    speed: float
    patience: float
    seed: int
    data: Path
    out: Path | None
    plot: Path | None


def plan_load(wanted: Options) -> tuple[Load, str]:
    """Return the load that is asked for, and how it is called.

    Raises:
        PlanError: the address or the log is no good.
    """
    try:
        address = parse_url(wanted.url)
    except BadUrl as error:
        raise PlanError(str(error)) from None
    chance = random.Random(wanted.seed)
    beats: Iterable[Beat]
    if wanted.replay is not None:
        beats = list_of_beats = _beats_of(wanted.replay, wanted)
        seconds, count = list_of_beats[-1].at_s, float(len(list_of_beats))
        sent = f"what was said in {wanted.replay.name}, {wanted.speed:g} times as fast, for {wanted.seconds:g} s"
    else:
        times = (
            even_times(wanted.rate, wanted.seconds)
            if wanted.even
            else poisson_times(wanted.rate, wanted.seconds, chance)
        )
        beats = steady_beats(times, wanted.chars)
        seconds, count = wanted.seconds, wanted.rate * wanted.seconds
        how = "evenly" if wanted.even else "at random"
        sent = f"{wanted.rate:g} messages/s of {wanted.chars} characters, {how}, for {wanted.seconds:g} s"
    deliveries = count * wanted.clients / wanted.rooms
    share = min(1.0, MEASURED_MOST / deliveries)
    load = Load(
        host=address.host,
        port=address.port,
        where=str(address),
        clients=wanted.clients,
        rooms=wanted.rooms,
        dues=with_senders(beats, wanted.clients, chance),
        count=count,
        seconds=seconds,
        measured=max(1, int(wanted.clients * share)),
        patience_s=wanted.patience,
        seed=wanted.seed,
    )
    return load, f"{_counted(wanted.clients, 'client')} in {_counted(wanted.rooms, 'room')}: {sent}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _beats_of(log: Path, wanted: Options) -> list[Beat]:
    try:
        beats = read_beats(log, wanted.speed, wanted.seconds)
    except LogError as error:
        raise PlanError(str(error)) from None
    if not beats:
        raise PlanError(f"{log} holds nothing that was said; lines like [11:58] <ann> hello are.")
    return beats
