"""What this package stands on that is not always installed, and the sentence where it is missing.

This file owns the names of those libraries and of the extras that bring them. It must not know what they are for.
"""

import importlib
from typing import Final

from trio_chat.bot.proxies.proxy import ProxiesError

# The extra, and the modules that it brings.
_BROUGHT_BY: Final = {
    "proxies": ("h11", "httpx2", "httpcore2", "protego", "python_socks", "selectolax"),
    "browser": ("selenium",),
}


def need(extra: str, purpose: str) -> None:
    """Import what an extra brings. Call it before the event loop runs, so that nothing waits for the import.

    Args:
        extra: `proxies` or `browser`.
        purpose: what it is needed for, as the subject of a sentence.

    Raises:
        ProxiesError: something is missing; the message says what to install.
    """
    for module in _BROUGHT_BY[extra]:
        try:
            importlib.import_module(module)
        except ImportError:
            package = module.replace("_", "-")
            raise ProxiesError(f"{purpose} the package {package}: pip install 'trio_chat[{extra}]'") from None
