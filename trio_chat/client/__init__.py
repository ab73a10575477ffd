"""The client library: `open_client` connects to a chat server and stays connected.

This file names what is public. The programs on top of it (`python -m trio_chat.client`) are not part of that.
"""

from trio_chat.client.client import Client, CommandAnswer
from trio_chat.client.errors import BadUrl, CannotConnect, ChatError, ClientClosed, Refused, TurnLost
from trio_chat.client.events import ClientEvent, Connected, Disconnected
from trio_chat.client.opening import open_client
from trio_chat.client.reach import Dial
from trio_chat.client.rooms import RoomView
from trio_chat.client.turn import Turn
from trio_chat.client.url import DEFAULT_URL

__all__ = [
    "DEFAULT_URL",
    "BadUrl",
    "CannotConnect",
    "ChatError",
    "Client",
    "ClientClosed",
    "ClientEvent",
    "CommandAnswer",
    "Connected",
    "Dial",
    "Disconnected",
    "Refused",
    "RoomView",
    "Turn",
    "TurnLost",
    "open_client",
]
