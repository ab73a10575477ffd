"""What a measurement is: its figures, and those that follow from them.

This file owns the types that are written to JSON, read by tables and charts, and compared. It must not know how
anything was measured.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from benchmarks.delivery.counting import percentile

PART: Final = "in: "
"""With what the name of a figure begins that is a part of another one."""


class Flow(msgspec.Struct, frozen=True):
    """What passed at full speed."""

    seconds: float
    deliveries: int
    messages: int
    server_cpu_s: float
    generator_cpu_s: float
    lost: int = 0

    def values(self) -> dict[str, float]:
        """Return the figures by name."""
        return {
            "deliveries_per_s": self.deliveries / self.seconds,
            "messages_per_s": self.messages / self.seconds,
            "cpu_us_per_delivery": self.server_cpu_s / max(1, self.deliveries) * 1e6,
            "cpu_us_per_message": self.server_cpu_s / max(1, self.messages) * 1e6,
            "server_cpu_share": self.server_cpu_s / self.seconds,
            "generator_cpu_share": self.generator_cpu_s / self.seconds,
            "lost": self.lost,
        }


class Pace(msgspec.Struct, frozen=True):
    """What passed at a given rate; latencies run from when a message was due."""

    seconds: float
    messages: int
    latencies_us: Sequence[float]  # ascending
    late_us: Sequence[float]  # how late the generator itself was, ascending
    server_cpu_s: float
    lost: int = 0

    def values(self) -> dict[str, float]:
        """Return the figures by name."""
        return {
            "p50_us": percentile(self.latencies_us, 50),
            "p99_us": percentile(self.latencies_us, 99),
            "max_us": percentile(self.latencies_us, 100),
            "late_p99_us": percentile(self.late_us, 99),
            "deliveries_per_s": len(self.latencies_us) / self.seconds,
            "server_cpu_share": self.server_cpu_s / self.seconds,
            "cpu_us_per_message": self.server_cpu_s / max(1, self.messages) * 1e6,
            "lost": self.lost,
        }


class Measure(msgspec.Struct, frozen=True):
    """One work done by one subject, once."""

    work: str
    subject: str
    run: int
    values: dict[str, float]


class Refused(msgspec.Struct, frozen=True):
    """One work that one subject did not do."""

    work: str
    subject: str
    run: int
    why: str
