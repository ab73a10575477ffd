"""Tools: Python functions that a model may call while it answers.

This file owns how a function becomes a tool (its name, docstring and type hints are all that a model is told) and
how a call of a model becomes a call of the function: checked, bounded in time and size, and never an exception. It
must not know providers, rooms, or what any tool does.
"""

import copy
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar, get_type_hints

import msgspec
import trio

MAX_RESULT_CHARS: Final = 6_000
"""What a model is told of a result: about 2,000 tokens, so that a few calls fit beside the conversation."""
MAX_DESCRIPTION_CHARS: Final = 1_024  # what OpenAI accepts
CALL_S: Final = 30.0
"""How long one call may take. People wait for the answer meanwhile, and a model knows what to say without it."""
MAX_THREADS: Final = 4
"""Functions that may block at a time, those among them that were given up and have not ended yet."""
LABEL_CHARS: Final = 80

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")  # what OpenAI accepts
_Function = TypeVar("_Function", bound=Callable[..., Any])


class ToolError(Exception):
    """A tool cannot do what it was called for. `str()` is a sentence for the model, which may tell it the room."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that a model may call.

    Args:
        name: 1 to 64 ASCII letters, digits, ``_`` and ``-``.
        description: what it is good for, in the words that the model is told.
        schema: the JSON schema of its arguments, an object.
        arguments: the type that arguments are decoded as, a field for each parameter.
        function: takes them by name. An `async` one runs in the caller's task, any other in a thread.
    """

    name: str
    description: str
    schema: Mapping[str, Any]
    arguments: type[msgspec.Struct]
    function: Callable[..., Any]


def tool_from(function: Callable[..., Any]) -> Tool:
    """Make a tool of `function`: it is called what the function is called, and does what its docstring says.

    Every parameter has a type hint of a type that JSON can hold (str, int, float, bool, enums, `Literal`, lists,
    dicts, dataclasses, `msgspec.Struct` …); ``Annotated[str, msgspec.Meta(description=…)]`` says more about one.

    Raises:
        ValueError: the function cannot be a tool; the message says why.
    """
    name = getattr(function, "__name__", "")
    if not _NAME.fullmatch(name):
        raise ValueError(f"A tool's name is 1 to 64 ASCII letters, digits and _; {name!r} is none.")
    description = (inspect.getdoc(function) or "").strip()
    if not description:
        raise ValueError(f"The tool {name} needs a docstring: it is all that the model knows of it.")
    try:
        arguments = msgspec.defstruct(name, _fields(function), forbid_unknown_fields=True, kw_only=True)
        schema = _schema(arguments)
    except (TypeError, NameError) as error:
        raise ValueError(f"The tool {name} cannot be called by a model: {error}") from error
    return Tool(name, description[:MAX_DESCRIPTION_CHARS], schema, arguments, function)


def _fields(function: Callable[..., Any]) -> list[tuple[str, Any] | tuple[str, Any, Any]]:
    hints = get_type_hints(function, include_extras=True)
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(f"its parameter {parameter.name} cannot be given by name")
        if parameter.name not in hints:
            raise TypeError(f"its parameter {parameter.name} has no type hint")
        if parameter.default is parameter.empty:
            fields.append((parameter.name, hints[parameter.name]))
        elif isinstance(parameter.default, str | int | float | None):  # what the schema can tell of
            fields.append((parameter.name, hints[parameter.name], parameter.default))
        else:
            default = msgspec.field(default_factory=partial(copy.deepcopy, parameter.default))
            fields.append((parameter.name, hints[parameter.name], default))
    return fields


def _schema(arguments: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the schema of an object, at the top level, where providers want it."""
    (_,), components = msgspec.json.schema_components([arguments], ref_template="#/$defs/{name}")
    schema: dict[str, Any] = components.pop(arguments.__name__)
    del schema["title"]
    return {**schema, "$defs": components} if components else schema


class Toolbox:
    """The tools that one model may call.

    Args:
        tools: to begin with.
        report: takes a line for the operator when a tool breaks down.
        call_s: how long one call may take, in seconds.

    Raises:
        ValueError: two tools have the same name.
    """

    def __init__(
        self, tools: Iterable[Tool] = (), *, report: Callable[[str], None] = lambda line: None, call_s: float = CALL_S
    ) -> None:
        self._tools: dict[str, Tool] = {}
        self._report = report
        self._call_s = call_s
        self._limiter = trio.CapacityLimiter(MAX_THREADS)
        for each in tools:
            self.add(each)

    @property
    def tools(self) -> tuple[Tool, ...]:
        """All of them, in the order in which they came."""
        return tuple(self._tools.values())

    def add(self, tool: Tool) -> None:
        """Put a tool in.

        Raises:
            ValueError: there is one of that name.
        """
        if tool.name in self._tools:
            raise ValueError(f"There is a tool {tool.name} already; give the other one another name.")
        self._tools[tool.name] = tool

    def tool(self, function: _Function) -> _Function:
        """Put a function in, as a decorator; see `tool_from`."""
        self.add(tool_from(function))
        return function

    async def call(self, name: str, arguments: str) -> str:
        """Call a tool as a model asks for it, and return what the model is told: the result, or what was wrong.

        A result that is no text is told as JSON, and one that is too long is cut. Cancelled, it waits for nothing: a
        function in a thread runs on to its end, and its result is dropped.

        Args:
            name: of the tool, as the model wrote it.
            arguments: a JSON object, as the model wrote it.
        """
        tool = self._tools.get(name)
        if tool is None:
            return _error(f"There is no such tool. There are: {', '.join(self._tools) or 'none'}.")
        try:
            # Not strict: models write "5" for 5.
            given = msgspec.json.decode(arguments or "{}", type=tool.arguments, strict=False)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            return _error(f"The arguments do not fit: {error}")
        with trio.move_on_after(self._call_s):
            return await self._run(tool, msgspec.structs.asdict(given))
        return _error(f"There was no result within {self._call_s:g} s.")

    async def _run(self, tool: Tool, given: dict[str, Any]) -> str:
        try:
            if inspect.iscoroutinefunction(tool.function):
                return _told(await tool.function(**given))
            return await trio.to_thread.run_sync(
                lambda: _told(tool.function(**given)), abandon_on_cancel=True, limiter=self._limiter
            )
        except ToolError as error:
            return _error(str(error))
        except Exception as error:  # the border to code that is not ours: its faults are data to the model
            self._report(f"the tool {tool.name} broke down ({type(error).__name__})")
            return _error(f"The tool broke down ({type(error).__name__}).")


def label(name: str, arguments: str) -> str:
    """Return how a call is shown to people, in one line: ``search_history: "pizza"``, or ``who_is_here …``."""
    name = name if _NAME.fullmatch(name) else "?"
    try:
        given = msgspec.json.decode(arguments or "{}", type=dict[str, msgspec.Raw])
        values = {key: bytes(value).decode() for key, value in given.items()}
    except (msgspec.MsgspecError, ValueError, RecursionError):
        values = {"": "…"}
    if len(values) == 1:
        shown = next(iter(values.values()))
    else:
        shown = ", ".join(f"{key}={value}" for key, value in values.items())
    line = " ".join((f"{name}: {shown}" if shown else f"{name} …").split())
    line = "".join(character if character.isprintable() else "\ufffd" for character in line)
    return line if len(line) <= LABEL_CHARS else line[: LABEL_CHARS - 1] + "…"


def _told(result: object) -> str:
    text = result if isinstance(result, str) else msgspec.json.encode(result).decode()
    if len(text) <= MAX_RESULT_CHARS:
        return text
    return f"{text[:MAX_RESULT_CHARS]}… (cut short: {len(text) - MAX_RESULT_CHARS} characters more)"


def _error(sentence: str) -> str:
    return msgspec.json.encode({"error": sentence[:MAX_RESULT_CHARS]}).decode()
