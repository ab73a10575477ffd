"""How fast a stream is cut into frames, and what a frame costs that comes one byte at a time.

    python -m benchmarks.framing [--json FILE]

This file owns the measurement of `protocol.FrameDecoder` alone: no socket, no JSON. It exits 1 if the decoder falls
below its floor. It counts the processor time of this one process of one thread, so what else runs on the machine takes
none of it away; what it does to caches and clock rates can only make a round slower, which is why the best of several
is held against the floor. The median is shown beside it.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import process_time
from typing import Final

import msgspec

from protocol import FrameDecoder, encode_frame

PAYLOAD_BYTES: Final = 100
PIECE_BYTES: Final = 65_536
FRAMES: Final = 500_000
ROUNDS: Final = 7

TRICKLED_BYTES: Final = (16_384, 65_536, 262_144, 1_048_576)
TRICKLE_ROUNDS: Final = 3

# What the project promises of framing on one core.
LEAST_FRAMES_PER_S: Final = 3_000_000
LEAST_MB_PER_S: Final = 300
# Linear cost is the same for each byte of any frame; a decoder that looked at all it holds would cost 64 times as
# much for a byte of the largest frame here as for one of the smallest.
MOST_GROWTH: Final = 2.0


class Throughput(msgspec.Struct, frozen=True):
    """Frames of 100-byte payloads, read in pieces of 64 KiB. A MB is 10**6 bytes of payload, lengths not counted."""

    best_frames_per_s: float
    median_frames_per_s: float
    best_mb_per_s: float
    median_mb_per_s: float


class Trickle(msgspec.Struct, frozen=True):
    """One frame that comes a byte at a time."""

    payload_bytes: int
    best_ns_per_byte: float
    median_ns_per_byte: float


class Figures(msgspec.Struct, frozen=True):
    """All that one run measured."""

    python: str
    throughput: Throughput
    trickle: list[Trickle]
    growth: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, and return the exit code: 1 below the floor."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.framing", description="Measure protocol.FrameDecoder.")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures to FILE too")
    chosen = parser.parse_args(arguments)
    figures = measure()
    print(table(figures))
    if chosen.json is not None:
        chosen.json.write_bytes(msgspec.json.format(msgspec.json.encode(figures)) + b"\n")
    faults = shortcomings(figures)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def measure() -> Figures:
    """Return what this machine does."""
    throughput = measure_throughput()
    trickle = [measure_trickle(payload_bytes) for payload_bytes in TRICKLED_BYTES]
    growth = trickle[-1].best_ns_per_byte / trickle[0].best_ns_per_byte
    return Figures(sys.version.split()[0], throughput, trickle, growth)


def measure_throughput() -> Throughput:
    """Cut one long stream, read in pieces as from a socket, several times over."""
    stream = encode_frame(b"x" * PAYLOAD_BYTES) * FRAMES
    pieces = [stream[start : start + PIECE_BYTES] for start in range(0, len(stream), PIECE_BYTES)]
    rates = sorted(FRAMES / _seconds_to_cut(pieces, FRAMES) for _ in range(ROUNDS))
    best, middle = rates[-1], median(rates)
    return Throughput(best, middle, best * PAYLOAD_BYTES / 1e6, middle * PAYLOAD_BYTES / 1e6)


def measure_trickle(payload_bytes: int) -> Trickle:
    """Bring one frame byte by byte, several times over."""
    frame = encode_frame(b"x" * payload_bytes)
    pieces = [frame[place : place + 1] for place in range(len(frame))]
    costs = [_seconds_to_cut(pieces, 1) / len(pieces) * 1e9 for _ in range(TRICKLE_ROUNDS)]
    return Trickle(payload_bytes, min(costs), median(costs))


def table(figures: Figures) -> str:
    """Return the figures for a person."""
    through = figures.throughput
    frames = (through.best_frames_per_s, through.median_frames_per_s, LEAST_FRAMES_PER_S)
    megabytes = (through.best_mb_per_s, through.median_mb_per_s, LEAST_MB_PER_S)
    lines = [
        f"Framing, Python {figures.python}, one core",
        "",
        _row(f"{PAYLOAD_BYTES}-byte payloads, {PIECE_BYTES // 1024} KiB pieces", "best", "median", "at least"),
        _row("  M frames/s", *[f"{rate / 1e6:.2f}" for rate in frames]),
        _row("  MB/s", *[f"{rate:.0f}" for rate in megabytes]),
        "",
        _row("one frame, byte by byte", "best", "median", "at most"),
    ]
    for one in figures.trickle:
        cells = [f"{cost:.0f}" for cost in (one.best_ns_per_byte, one.median_ns_per_byte)]
        lines.append(_row(f"  {one.payload_bytes // 1024} KiB, ns/byte", *cells))
    lines.append(_row("  largest to smallest", f"{figures.growth:.2f}x", "", f"{MOST_GROWTH:.2f}x"))
    return "\n".join(lines)


def _row(name: str, *cells: str) -> str:
    return f"{name:<34}" + "".join(f"{cell:>10}" for cell in cells)


def shortcomings(figures: Figures) -> list[str]:
    """Return a sentence for each floor that was not reached."""
    through, faults = figures.throughput, []
    if through.best_frames_per_s < LEAST_FRAMES_PER_S:
        faults.append(
            f"Too slow: {through.best_frames_per_s:,.0f} frames/s; at least {LEAST_FRAMES_PER_S:,} are promised."
        )
    if through.best_mb_per_s < LEAST_MB_PER_S:
        faults.append(f"Too slow: {through.best_mb_per_s:,.0f} MB/s; at least {LEAST_MB_PER_S} are promised.")
    if figures.growth > MOST_GROWTH:
        faults.append(
            f"Not linear: a byte of the largest frame costs {figures.growth:.2f} times one of the smallest; "
            f"at most {MOST_GROWTH:g} is promised."
        )
    return faults


def _seconds_to_cut(pieces: Sequence[bytes], frames: int) -> float:
    decoder, count = FrameDecoder(TRICKLED_BYTES[-1]), 0
    start = process_time()
    for piece in pieces:
        decoder.feed(piece)
        count += len(decoder.take())
    seconds = process_time() - start
    if count != frames or decoder.held_bytes:
        raise RuntimeError(f"{count} frames came out of {frames}, and {decoder.held_bytes} bytes were left")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
