"""A process that echoes on a free port, and may open a few files more than it has: run by `test_listen`.

It prints its port, serves until its input ends, and prints how many connections it had at once at most.
"""

import os
import resource
import sys

import trio

from trio_chat.transport import ByteStream, accept_forever, open_listeners


class Echo:
    """Sends back what comes, and counts who is there."""

    def __init__(self) -> None:
        self.present = 0
        self.most = 0

    async def __call__(self, stream: ByteStream) -> None:
        self.present += 1
        self.most = max(self.most, self.present)
        while data := await stream.receive_some():
            await stream.send_all(data)
        self.present -= 1


async def main(spare: int) -> None:
    (listener,) = await open_listeners("127.0.0.1", 0)
    echo = Echo()
    stdin = trio.lowlevel.FdStream(0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(accept_forever, listener, echo, nursery)
        await trio.lowlevel.checkpoint()
        files = len(os.listdir("/proc/self/fd")) - 1  # it opened one to look
        resource.setrlimit(resource.RLIMIT_NOFILE, (files + spare, files + spare))
        print(listener.getsockname()[1], flush=True)
        await stdin.receive_some()
        nursery.cancel_scope.cancel()
    print(echo.most, flush=True)


if __name__ == "__main__":
    trio.run(main, int(sys.argv[1]))
