"""`python -m benchmarks` compares this server with others, as `python -m benchmarks.delivery` does, for 20 minutes.

This file owns that list and hands over to `benchmarks.delivery`. It must not know how anything is measured.
"""

import sys
from typing import Final

from benchmarks.delivery.__main__ import main

OTHERS: Final = """\
benchmarks, each with --help:
  python -m benchmarks.delivery     servers side by side, on the same work
  python -m benchmarks.load         a load on a running server, for its operator
  python -m benchmarks.framing      cutting a stream of bytes into frames
  python -m benchmarks.replay       a real log, said anew by its people, and every transcript compared
  python -m benchmarks.kill9        kill -9, again and again, and what was promised before it
  python -m benchmarks.slow_reader  100 MB past somebody who reads slowly
  python -m benchmarks.turns        what the turn of a bot costs, and how soon it is stopped
  python -m benchmarks.keystroke    how soon a key is on the screen of the terminal, idle and under a flood
  python -m benchmarks.screenshots_terminal   no measurement: makes the pictures of the terminal in docs/images
"""

if __name__ == "__main__":
    if "--help" in sys.argv[1:] or "-h" in sys.argv[1:]:
        print(__doc__.partition("\n")[0], OTHERS, sep="\n")
    else:
        sys.exit(main())
