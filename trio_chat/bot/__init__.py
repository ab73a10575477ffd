"""Bots: ordinary clients with a model and rules for when they speak.

Importing it imports no model's library; `prepare` does, when it is known which one is asked for.
"""

from trio_chat.bot.bot import describe, run_bot
from trio_chat.bot.config import DEFAULT_MODEL, MARKOV, BotConfig, BotConfigError, provider_from
from trio_chat.bot.context import Line, Prompt
from trio_chat.bot.fleet import read_bots, run_bots
from trio_chat.bot.handlers import Handler, Handlers, Occasion
from trio_chat.bot.models import Answer, Model, ModelFailed, Report, Show, Source, Tokens, prepare
from trio_chat.bot.needs import RoomClient
from trio_chat.bot.toolkit import Bot
from trio_chat.bot.tools import Tool, ToolError, tool_from
from trio_chat.bot.triggers import Cause, Reason

__all__ = [
    "DEFAULT_MODEL",
    "MARKOV",
    "Answer",
    "Bot",
    "BotConfig",
    "BotConfigError",
    "Cause",
    "Handler",
    "Handlers",
    "Line",
    "Model",
    "ModelFailed",
    "Occasion",
    "Prompt",
    "Reason",
    "Report",
    "RoomClient",
    "Show",
    "Source",
    "Tokens",
    "Tool",
    "ToolError",
    "describe",
    "prepare",
    "provider_from",
    "read_bots",
    "run_bot",
    "run_bots",
    "tool_from",
]
