"""The server: rooms that are logs, people, requests and delivery. `python -m trio_chat.server` runs one."""

from trio_chat.server.app import Server, open_server
from trio_chat.server.config import ConfigError, ServerConfig, load_config

__all__ = ["ConfigError", "Server", "ServerConfig", "load_config", "open_server"]
