"""How much a running server can take: many clients, messages at a given rate, the latency of every delivery.

    python -m benchmarks.load [URL] --clients 200 --rooms 10 --rate 500 --seconds 10
    python -m benchmarks.load --plot latency_data.txt

This file owns the command line, the files that are written, and the exit code. What is sent when, how, and what is
made of it are in the modules beside it, whose names begin with `load_`.
"""

import contextlib
import os
import random
import resource
import shlex
import sys
from pathlib import Path
from typing import Annotated, Final

import trio
from cyclopts import App, Parameter
from cyclopts.types import PositiveInt
from cyclopts.validators import Number

from benchmarks.load_figures import Figures, summary
from benchmarks.load_file import DataError, Recording, read_recording, write_recording
from benchmarks.load_measurements import Kind, percentiles
from benchmarks.load_plan import MEASURED_MOST, Options, PlanError, plan_load
from benchmarks.load_plot import CannotDraw, draw
from benchmarks.load_progress import progress_bar
from benchmarks.load_run import CONNECTED_AT_ONCE, CannotBegin, Load, LoadRun, Outcome
from protocol import TEXT_CHARS
from trio_chat.client import DEFAULT_URL
from trio_chat.command_line import fail, run_app

FAILED: Final = 1
INTERRUPTED: Final = 130
RATE: Final = 100.0
CHARS: Final = 100

# Bounded, for what is infinite is a number too. A rate beyond is none that one process reaches.
Rate = Annotated[float, Parameter(validator=Number(gt=0, lte=1_000_000))]
Seconds = Annotated[float, Parameter(validator=Number(gt=0, lte=604_800))]
Factor = Annotated[float, Parameter(validator=Number(gt=0, lte=1_000_000))]

_HELP: Final = f"""Put a load on a chat server, and measure how long its messages take.

Clients join rooms of their own on a server that runs, and send at a given rate, each message from a client at random. \
The load is an open loop: when a message is due is decided beforehand and does not depend on the server, and its \
latency counts from that moment, not from when it was sent. So a server that stops for a second shows in all the \
messages that were due in it (no "coordinated omission").

The latency of every delivery to every client is measured, and of every acknowledgement; above {MEASURED_MOST:,} \
deliveries, only that of deliveries to some clients, chosen at random. Every client is checked to get every message of \
its room, once and in order. How late this program itself is, is measured too.

Writes latency_data.txt, one measurement a line, and latency_plot.png, and prints a summary. Ctrl-C ends it early, \
a second one at once; what was measured is written all the same.

The exit status is 0 if all is well; 1 if anything was lost, doubled, changed or out of order, or a connection was \
lost; 2 for a mistake on the command line, or a server that does not let the clients in; 130 after Ctrl-C.
"""

app = App(name="python -m benchmarks.load", help=_HELP, help_format="plaintext", version_flags=[])


@app.default
def options(
    url: Annotated[str, Parameter(help="The server, as chat://HOST:PORT.")] = DEFAULT_URL,
    /,
    *,
    clients: Annotated[PositiveInt, Parameter(help="How many clients, each with a connection of its own.")] = 50,
    rooms: Annotated[PositiveInt, Parameter(help="How many rooms they are spread over, each in one.")] = 5,
    rate: Annotated[
        Rate | None, Parameter(help=f"Messages a second, of all clients together. [default: {RATE:g}]")
    ] = None,
    seconds: Annotated[Seconds, Parameter(help="How long messages are sent.")] = 10.0,
    chars: Annotated[PositiveInt | None, Parameter(help=f"How long a message is. [default: {CHARS}]")] = None,
    even: Annotated[
        bool,
        Parameter(help="Send at even intervals, not at random ones (Poisson) as independent people do.", negative=""),
    ] = False,
    replay: Annotated[
        Path | None,
        Parameter(name=["--replay", "--log"], help="Take rhythm and lengths from this IRC log, instead of --rate."),
    ] = None,
    speed: Annotated[
        Factor | None, Parameter(help="With --replay: how many times faster. 60: a minute in a second.")
    ] = None,
    patience: Annotated[
        Seconds, Parameter(help="How many seconds to wait in the end for what is missing, when nothing comes.")
    ] = 10.0,
    seed: Annotated[int | None, Parameter(help="Decides all that is random, to have the same load again.")] = None,
    data: Annotated[Path, Parameter(help="Where the measurements go.")] = Path("latency_data.txt"),
    out: Annotated[
        Path | None, Parameter(help="Where the picture goes. [default: latency_plot.png beside the data]")
    ] = None,
    plot: Annotated[Path | None, Parameter(help="Only draw the measurements of this file again.")] = None,
) -> Options:
    """Return what the command line asks for."""
    if rooms > clients and plot is None:
        fail(f"{rooms} rooms are more than {clients} clients can be in; give at most as many --rooms as --clients.")
    if replay is not None and (rate is not None or chars is not None or even):
        fail("With --replay the log says how many messages, when, and how long; leave out --rate, --chars and --even.")
    if replay is None and speed is not None:
        fail("--speed is for --replay; give a --rate instead.")
    if chars is not None and chars > TEXT_CHARS:
        fail(f"A message has at most {TEXT_CHARS:,} characters; --chars is {chars}.")
    seed = random.getrandbits(32) if seed is None else seed
    return Options(
        url=url, clients=clients, rooms=rooms, rate=rate or RATE, seconds=seconds, chars=chars or CHARS, even=even,
        replay=replay, speed=speed or 1.0, patience=patience, seed=seed, data=data, out=out,
        plot=plot,
    )  # fmt: skip


def main(tokens: list[str] | None = None) -> int:
    """Carry out a command line (that of the process, if none is given) and return the exit status.

    Raises:
        SystemExit: with 1 or 2, after a sentence on stderr.
    """
    try:
        wanted = run_app(app, tokens)
        if not isinstance(wanted, Options):  # --help has been shown
            return 0
        if wanted.plot is not None:
            return _draw_again(wanted.plot, wanted.out)
        command = shlex.join(["python", "-m", "benchmarks.load", *(sys.argv[1:] if tokens is None else tokens)])
        return _put_load(wanted, command)
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return INTERRUPTED


def _draw_again(data: Path, out: Path | None) -> int:
    picture = out or _picture_beside(data)
    try:
        draw(read_recording(data), picture)
    except (DataError, CannotDraw) as error:
        fail(str(error))
    print(f"Drawn: {picture}")
    return 0


def _picture_beside(data: Path) -> Path:
    return data.with_name(f"{data.stem.removesuffix('_data')}_plot.png")


# --- a load -------------------------------------------------------------------------------------------------


def _put_load(wanted: Options, command: str) -> int:
    """Put the load on the server, tell and write what came of it, and return the exit status."""
    picture = wanted.out or _picture_beside(wanted.data)
    for path in (wanted.data, picture):
        if path.is_dir() or not os.access(path.parent, os.W_OK):
            fail(f"{path} cannot be written: choose a file in a directory that exists and is yours to write.")
    _raise_file_limit(wanted.clients)
    try:
        load, title = plan_load(wanted)
    except PlanError as error:
        fail(str(error))
    run_errors: list[str] = []
    outcome: Outcome | None = None
    with progress_bar() as tell:
        try:
            outcome = trio.run(LoadRun(load, tell).run)
        except* CannotBegin as group:
            run_errors.append(str(_first(group)))
    if outcome is None:
        fail(run_errors[0])
    interrupted = 128 + outcome.interrupted if outcome.interrupted else 0
    if not len(outcome.scene.posts):
        if not interrupted:
            fail("No message came to be sent; give a higher --rate, or more --seconds.")
        print("It was ended before anything was measured.", file=sys.stderr)
        return interrupted
    print(summary(_figures(load, title, outcome)), flush=True)
    _write(Recording(title, command, outcome.scene.measurements), wanted.data, picture)
    if not outcome.scene.posts.acknowledged and not interrupted:
        print("The server took none of the messages.", file=sys.stderr)
        return FAILED
    return interrupted or (FAILED if outcome.scene.faults.counts else 0)


def _figures(load: Load, title: str, outcome: Outcome) -> Figures:
    scene = outcome.scene
    posts, measurements = scene.posts, scene.measurements
    return Figures(
        load=f"{title}, on {load.where}, seed {load.seed}",
        rate=load.count / load.seconds if load.seconds else load.count,
        sent=len(posts),
        unsent=outcome.unsent,
        acknowledged=posts.acknowledged,
        refused=posts.refused,
        sending_s=outcome.sending_s,
        delivered=scene.delivered,
        delivering_s=scene.last_delivery_s,
        delivery_ms=percentiles(measurements[Kind.DELIVERY].latency_ms),
        posted_ms=percentiles(measurements[Kind.POSTED].latency_ms),
        lateness_ms=percentiles(measurements[Kind.LATENESS].latency_ms),
        reading_ms=percentiles(scene.reading.waits_ms),
        measured=load.measured,
        clients=load.clients,
        rooms=load.rooms,
        faults=list(scene.faults.sentences()),
        compared=outcome.compared,
        interrupted=bool(outcome.interrupted),
    )


def _write(recording: Recording, data: Path, picture: Path) -> None:
    try:
        write_recording(data, recording)
    except DataError as error:
        fail(str(error), FAILED)
    try:
        draw(recording, picture)
    except CannotDraw as error:
        print(f"\nWritten: {data}. {error}")
    else:
        print(f"\nWritten: {data} and {picture}.")


def _raise_file_limit(clients: int) -> None:
    """Allow as many open connections as the clients need; the usual soft limit of 1,024 is for select()."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and clients + CONNECTED_AT_ONCE > hard:
        fail(
            f"A process may open {hard:,} files here, too few for {clients:,} clients; take fewer, or see `ulimit -n`."
        )
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


if __name__ == "__main__":
    sys.exit(main())
