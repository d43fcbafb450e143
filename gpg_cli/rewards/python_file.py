"""`python:path/to/file.py:function`: a reward of the user's own, loaded only because its name was given."""

import functools
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Awaitable, Callable
from functools import cache
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from gpg_cli.console import stdout_on_stderr
from gpg_cli.errors import GpgError
from gpg_cli.rewards.registry import Reward
from gpg_cli.rewards.surroundings import surroundings_kept
from gpg_cli.yaml_file import did_you_mean

if TYPE_CHECKING:
    import asyncio

_PREFIX = "python:"
OWN_REWARD = f"{_PREFIX}FILE.py:FUNCTION"

_SIGNATURE = "def {name}(prompts, completions, completion_ids, **kwargs) -> list[float]"
# What TRL passes whatever the data; columns of the data come on top.
_ALWAYS_GIVEN = ("prompts", "completions", "completion_ids", "trainer_state", "log_extra", "log_metric")


def is_own_reward(name: str) -> bool:
    """Whether a name means a function in a file of the user's."""
    return name.startswith(_PREFIX)


def own_reward_file(name: str) -> Path | None:
    """The file that `python:path/to/file.py:function` names, there or not; None for a reward of another kind."""
    path, _, function = name.removeprefix(_PREFIX).rpartition(":")
    return Path(path).expanduser() if is_own_reward(name) and path and function else None


def load_python_reward(name: str) -> Reward:
    """The function that `python:path/to/file.py:function` names, bearing that function's name.

    It is called as TRL calls rewards: with `prompts`, `completions`, `completion_ids` and the columns of the data set
    as keywords. A relative path starts at the working directory. The file may import its neighbours. A coroutine
    function becomes an ordinary one, so that the trainer can limit its time and survive its failures; its awaits run
    at the same time as each other, but not as other rewards.

    Raises:
        GpgError: no such file or function, the file raises while it is imported, or TRL could not call the function.
    """
    path, function_name = own_reward_file(name), name.rpartition(":")[2]
    if path is None:
        raise GpgError(f"the reward {name!r} names no function of a file", f"Write {OWN_REWARD}.")
    if not path.is_file():
        where = "" if path.is_absolute() else f" in {Path.cwd()}"
        raise GpgError(f"the reward {name!r}: there is no file {path}{where}", f"Write {OWN_REWARD}.")
    function = _find_function(_module_of(path), function_name, path)
    _check_can_be_called(function, function_name, path)

    @functools.wraps(function, updated=())
    def reward(**columns: Any) -> list[float | None]:
        values = function(**columns)
        return _wait_for(values) if inspect.isawaitable(values) else values

    reward.__name__ = function_name
    return reward


def _module_of(path: Path) -> ModuleType:
    file = path.resolve()
    try:
        return _import_file(file)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: a file meant to be run as a script may end in one
        raise GpgError(
            f"{path}{_line(error, file)} raises while it is imported: {type(error).__name__}: {_reason(error)}",
            f"Mend the file; `gpg rewards {OWN_REWARD}` tries it.",
        ) from error


@cache
def _import_file(file: Path) -> ModuleType:
    """Import a file once, however many of its functions are asked for."""
    module_name = "gpg_reward_file_" + re.sub(r"\W", "_", str(file))
    loader = SourceFileLoader(module_name, str(file))
    spec = ModuleSpec(module_name, loader, origin=str(file))
    spec.has_location = True
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickles look their module up by name.
    sys.modules[module_name] = module
    if str(file.parent) not in sys.path:
        # Last, so that nothing beside the file takes the place of an installed package.
        sys.path.append(str(file.parent))
    try:
        with stdout_on_stderr(), surroundings_kept():
            loader.exec_module(module)
    except BaseException:
        del sys.modules[module_name]
        raise
    return module


def _find_function(module: ModuleType, name: str, path: Path) -> Callable:
    own = vars(module)
    if name not in own:
        functions = [key for key, value in own.items() if inspect.isfunction(value) and not key.startswith("_")]
        there = f"It has: {', '.join(functions)}." if functions else "It has none."
        raise GpgError(f"{path} has no function {name!r}", did_you_mean(name, functions) + there)
    value = own[name]
    if not callable(value) or inspect.isclass(value):
        kind = "a class" if inspect.isclass(value) else f"of type {type(value).__name__}"
        raise GpgError(
            f"{name!r} in {path} is {kind}, not a function", f"Define it as `{_SIGNATURE.format(name=name)}`."
        )
    return value


def _check_can_be_called(function: Callable, name: str, path: Path) -> None:
    """Refuse now what would fail for every completion of the first step."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # some functions written in C have none
        return
    try:
        signature.bind_partial(**dict.fromkeys(_ALWAYS_GIVEN))
    except TypeError as error:
        raise GpgError(
            f"{name!r} in {path} cannot be called as TRL calls rewards: {error}",
            f"Define it as `{_SIGNATURE.format(name=name)}`.",
        ) from error


def _wait_for(values: Awaitable[Any]) -> Any:
    """What a coroutine returns."""
    import asyncio

    task = asyncio.ensure_future(values, loop=_loop())
    try:
        return _loop().run_until_complete(task)
    except BaseException:
        task.cancel()  # stopped by a time limit, it would go on with the next call
        raise


@cache
def _loop() -> "asyncio.AbstractEventLoop":
    """One for all calls: a client kept in the file stays tied to the loop of its first call."""
    import asyncio

    return asyncio.new_event_loop()


def _line(error: BaseException, file: Path) -> str:
    """`:line` of the file where it went wrong, or nothing where it never got that far."""
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return f":{error.lineno}" if error.lineno else ""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return f":{lines[-1]}" if lines else ""


def _reason(error: BaseException) -> str:
    return error.msg if isinstance(error, SyntaxError) else " ".join(str(error).split())
