"""Several copies of one model under vLLM's own load balancing: data parallelism inside this program.

`LLMEngine` feeds the first copy alone, and `LLM` refuses `data_parallel_size`; vLLM spreads requests over copies in
`AsyncLLM`, on which its server is built. Read from vLLM 0.31.
"""

import asyncio
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from typing import Any

# Requests that each copy has, in batches: one that runs and one that waits, so that no batch is short and, at the end,
# no copy is left with much when the others have none.
_BATCHES_PER_REPLICA = 2


class ManyReplicas:
    """See `Replicas`. An event loop that runs only while a result is awaited, in the thread of the caller.

    Args:
        arguments: fields of vLLM's EngineArgs, `data_parallel_size` among them.
    """

    def __init__(self, arguments: dict[str, Any]) -> None:
        from vllm import AsyncEngineArgs
        from vllm.usage.usage_lib import UsageContext
        from vllm.v1.engine.async_llm import AsyncLLM

        # The context decides how many sequences are in a batch: as many as `LLM.generate` has.
        self._engine = AsyncLLM.from_engine_args(AsyncEngineArgs(**arguments), usage_context=UsageContext.LLM_CLASS)
        batch = self._engine.vllm_config.scheduler_config.max_num_seqs
        self._most_at_once = _BATCHES_PER_REPLICA * batch * arguments["data_parallel_size"]
        self._runner = asyncio.Runner()

    def complete(self, prompts: Mapping[str, tuple[Any, Any]]) -> Generator[tuple[str, Sequence[int]]]:
        waiting = deque(prompts.items())
        finished: asyncio.Queue[tuple[str, Sequence[int]] | Exception] = asyncio.Queue()

        async def work() -> None:
            try:
                while waiting:
                    name, (prompt, params) = waiting.popleft()
                    # One output a request: the sampling parameters ask for the final one only.
                    async for output in self._engine.generate(prompt, params, name):
                        finished.put_nowait((name, output.outputs[0].token_ids))
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


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
