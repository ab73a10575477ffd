"""A program for tests: it takes its terminal, echoes lines above the typed row, and gives it back at Ctrl-D."""

import trio

from trio_chat.client.editor import Editor, Leave, Submitted
from trio_chat.client.output import Output
from trio_chat.client.terminal import Terminal, draw


async def main() -> None:
    terminal = Terminal(0, 1)
    editor = Editor()
    output = Output(terminal.write, lambda text: draw(text, editor.view(terminal.columns, "> ")))
    async with terminal.typing(), trio.open_nursery() as nursery:
        nursery.start_soon(output.run)
        nursery.start_soon(terminal.follow_signals, output)
        await output.put("ready\n")
        while keys := await terminal.receive():
            for action in editor.feed(keys):
                if isinstance(action, Submitted):
                    await output.put(f"got {action.text}\n")
                elif isinstance(action, Leave):
                    await output.drain()
                    nursery.cancel_scope.cancel()
            output.refresh()


if __name__ == "__main__":
    trio.run(main)
