"""One copy of the model under vLLM, or several: prompts in, tokens out. Read from vLLM 0.31."""

import asyncio
import atexit
import gc
import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any, Protocol

# Requests that each of several copies has, in batches: one that runs and one that waits, so that no batch is short
# and, at the end, no copy is left with much when the others have none.
_BATCHES_PER_COPY = 2
# Bound of these requests where there are pictures: vLLM keeps the pixels of each, at 512 vision tokens up to 10 MB,
# until its completion is finished.
_MOST_WITH_PICTURES = 512


@dataclass(frozen=True)
class Asked:
    """A prompt as vLLM wants it, made when vLLM takes it, and its sampling parameters."""

    prompt: Callable[[], Any]
    params: Any


@dataclass(frozen=True)
class Finished:
    """The name of a prompt, how many tokens vLLM has read, and the tokens of the completion."""

    name: str
    prompt_length: int
    token_ids: Sequence[int]


class Replicas(Protocol):
    """One copy of the model, or several."""

    def complete(self, prompts: Mapping[str, Asked]) -> Generator[Finished]:
        """Complete prompts by name, many at once; completions come as they end.

        Raises what vLLM raises, and what making a prompt raises.
        """

    def shutdown(self, timeout_s: float) -> None:
        """End the processes; those that do not end by themselves in time are killed."""


def start_replicas(arguments: dict[str, Any]) -> Replicas:
    """Start as many copies as `data_parallel_size` says.

    Args:
        arguments: fields of vLLM's EngineArgs.
    """
    return _OneReplica(arguments) if arguments["data_parallel_size"] == 1 else _ManyReplicas(arguments)


class _OneReplica:
    def __init__(self, arguments: dict[str, Any]) -> None:
        from vllm import EngineArgs, LLMEngine
        from vllm.usage.usage_lib import UsageContext

        # The context decides how many sequences are in a batch: as many as `LLM.generate` has.
        self._engine = LLMEngine.from_engine_args(EngineArgs(**arguments), usage_context=UsageContext.LLM_CLASS)
        self._most_at_once = _most_at_once(self._engine, copies=1)
        self._watch()

    def complete(self, prompts: Mapping[str, Asked]) -> Generator[Finished]:
        waiting = deque(prompts.items())
        running: set[str] = set()
        try:
            while waiting or running:
                while waiting and len(running) < self._most_at_once:
                    name, asked = waiting.popleft()
                    self._engine.add_request(name, asked.prompt(), asked.params)
                    running.add(name)
                for output in self._engine.step():
                    running.remove(output.request_id)
                    yield _finished(output.request_id, output)
        finally:
            if running:  # something was raised; of an engine that has died nothing can be asked any more
                with suppress(Exception):
                    self._engine.abort_request(list(running))

    def shutdown(self, timeout_s: float) -> None:
        self._engine.engine_core.shutdown(timeout=timeout_s)
        del self._engine

    def _watch(self) -> None:
        """Let `step` fail when the core is killed: vLLM notices it too, but leaves `step` waiting for ever."""
        from vllm.v1.engine.exceptions import EngineDeadError

        resources = getattr(self._engine.engine_core, "resources", None)
        if resources is None:  # VLLM_ENABLE_V1_MULTIPROCESSING=0: there is no other process
            return
        processes, outputs = resources.engine_manager.processes, self._engine.engine_core.outputs_queue

        def tell() -> None:
            wait([process.sentinel for process in processes])
            outputs.put_nowait(EngineDeadError())

        threading.Thread(target=tell, daemon=True, name="gpg-vllm-watch").start()


class _ManyReplicas:
    """Copies under vLLM's own load balancing: data parallelism inside this program.

    `LLMEngine` feeds the first copy alone and `LLM` refuses `data_parallel_size`; vLLM spreads requests over copies in
    `AsyncLLM`, on which its server is built. The event loop runs only while a result is awaited, in the caller's
    thread.
    """

    def __init__(self, arguments: dict[str, Any]) -> None:
        from vllm import AsyncEngineArgs
        from vllm.usage.usage_lib import UsageContext
        from vllm.v1.engine.async_llm import AsyncLLM

        # As for one copy.
        self._engine = AsyncLLM.from_engine_args(AsyncEngineArgs(**arguments), usage_context=UsageContext.LLM_CLASS)
        self._most_at_once = _most_at_once(self._engine, copies=arguments["data_parallel_size"])
        self._runner = asyncio.Runner()

    def complete(self, prompts: Mapping[str, Asked]) -> Generator[Finished]:
        waiting = deque(prompts.items())
        finished: asyncio.Queue[Finished | Exception] = asyncio.Queue()

        async def work() -> None:
            try:
                while waiting:
                    name, asked = waiting.popleft()
                    # In a thread: several copies take pictures faster than one thread decodes them.
                    prompt = await asyncio.to_thread(asked.prompt)
                    # One output a request: the sampling parameters ask for the final one only.
                    async for output in self._engine.generate(prompt, asked.params, name):
                        finished.put_nowait(_finished(name, output))
            except Exception as error:
                finished.put_nowait(error)

        async def start() -> list[asyncio.Task[None]]:
            return [asyncio.create_task(work()) for _ in range(min(self._most_at_once, len(prompts)))]

        workers = self._runner.run(start())
        try:
            for _ in prompts:
                result = self._runner.run(finished.get())
                if isinstance(result, Exception):
                    raise result
                yield result
        finally:
            self._runner.run(_cancelled(workers))

    def shutdown(self, timeout_s: float) -> None:
        self._engine.shutdown(timeout=timeout_s)
        self._runner.close()
        del self._engine
        # It is part of a reference cycle, and its `__del__` complains on stderr where it runs after the interpreter has
        # taken the modules apart.
        atexit.register(gc.collect)


def _most_at_once(engine: Any, copies: int) -> int:
    config = engine.vllm_config
    most: int = _BATCHES_PER_COPY * config.scheduler_config.max_num_seqs * copies
    pictures = config.model_config.is_multimodal_model
    return min(most, _MOST_WITH_PICTURES * copies) if pictures else most


def _finished(name: str, output: Any) -> Finished:
    return Finished(name, len(output.prompt_token_ids), output.outputs[0].token_ids)


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
