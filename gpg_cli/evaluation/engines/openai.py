"""The engine elsewhere: any server with OpenAI's completions API, such as `vllm serve` on a cluster.

The prompt stays ours to the byte: it is sent to /v1/completions as token ids. A server that takes only text is given
the text of which the model's tokenizer makes exactly these ids, and whatever a server says about the prompt it has
read (its ids, or their number) must agree. Where there are pictures the server has to write the prompt, from messages
to /v1/chat/completions: there too, the tokens that it has read must be those that our processor makes.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import httpx

from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import Completion, EngineOptions, OnFinished, Request, Sampling
from gpg_cli.evaluation.engines.chat_api import chat_body, read_chat_completion
from gpg_cli.evaluation.engines.completions_api import WAYS, Way, body_of, read_completion
from gpg_cli.evaluation.engines.pictures import PromptReader
from gpg_cli.evaluation.engines.server import Patience, Server, ServerFailure
from gpg_cli.evaluation.engines.server_address import API_KEY_VARIABLE, api_key
from gpg_cli.evaluation.engines.server_run import ServerRun
from gpg_cli.evaluation.model_text import ModelText
from gpg_cli.yaml_file import did_you_mean

# What one copy of a model under vLLM runs at once unless told otherwise.
DEFAULT_CONCURRENCY = 256
# A server that is not there when the run begins will hardly come in the next minutes.
_RETRIES_AT_START = 2
_PROBE = "1 + 1 ="


@dataclass(frozen=True)
class _Served:
    """A model that the server has; its longest prompt and completion together where the server says so (vLLM does)."""

    name: str
    max_model_length: int | None


class OpenAIEngine:
    """Completes prompts through a server.

    Args:
        options: `base_url`, and what else was said about the server.
        text: the model's tokenizer and end tokens.
        max_model_length: longest prompt and completion together that will be asked for, in tokens.
        patience: how long the server is given; None is the usual, with the user's `timeout` and `retries`.

    Raises:
        GpgError: the server cannot be reached, refuses the key, lacks the model, or cannot be given our prompts.
    """

    def __init__(
        self, options: EngineOptions, text: ModelText, max_model_length: int, patience: Patience | None = None
    ) -> None:
        self._text = text
        self._reader = PromptReader(text)
        self._patience = patience or _patience(options)
        self._concurrency = options.concurrency or DEFAULT_CONCURRENCY
        self._url = str(options.base_url).rstrip("/")
        self._model, self._way = asyncio.run(self._find_out(options.served_model, max_model_length))

    def generate(self, requests: Sequence[Request], on_finished: OnFinished) -> None:
        """See `Engine`.

        Raises:
            GpgError: see `ServerRun.complete`.
        """
        self._reader.check(requests)
        if requests:
            server = self._server(self._patience)

            async def ask(client: httpx.AsyncClient, request: Request) -> Completion:
                return await self._ask(server, client, request, self._model, self._way)

            run = ServerRun(server, ask, self._concurrency, self._patience.failures_in_a_row)
            asyncio.run(run.complete(requests, on_finished))

    def close(self) -> None:
        """Nothing is held between two calls of `generate`."""

    def _server(self, patience: Patience) -> Server:
        return Server(self._url, api_key(), patience, self._concurrency)

    async def _ask(
        self, server: Server, client: httpx.AsyncClient, request: Request, model: str, way: Way
    ) -> Completion:
        if request.pictures:
            # In a thread: the other requests go on while a picture is read and written anew.
            chat = await asyncio.to_thread(chat_body, request, model, self._text, way)
            return await server.call(
                client,
                "/chat/completions",
                chat,
                lambda answer: read_chat_completion(request, answer, self._text, self._reader),
            )
        body = body_of(request, model, self._text, way)
        return await server.call(
            client, "/completions", body, lambda answer: read_completion(request, answer, self._text)
        )

    async def _find_out(self, wanted: str | None, max_model_length: int) -> tuple[str, Way]:
        """The model's name at the server, and the first of `WAYS` to ask that it understands."""
        server = self._server(replace(self._patience, retries=min(_RETRIES_AT_START, self._patience.retries)))
        async with server.connect() as client:
            served = await self._served(server, client, wanted)
            model = _choose(served, wanted, self._url)
            if model.max_model_length is not None and model.max_model_length < max_model_length:
                raise GpgError(
                    f"the server at {self._url} serves {model.name} with {model.max_model_length} tokens for prompt "
                    f"and completion together; this evaluation asks for up to {max_model_length}",
                    f"Lower --max-tokens, or serve it with more (vllm serve --max-model-len {max_model_length}).",
                )
            way = await self._find_way(server, client, model.name, [each.name for each in served])
        if not way.token_ids:
            say(f"[yellow]The server at {self._url} takes no token ids: prompts are sent as text.[/]")
        if not way.extensions:
            say(
                f"[yellow]The server at {self._url} refuses stop_token_ids and top_k: it ends completions at end "
                "tokens of its own choice, and its own defaults for top-k sampling and repetition hold.[/]"
            )
        return model.name, way

    async def _served(self, server: Server, client: httpx.AsyncClient, wanted: str | None) -> list[_Served]:
        try:
            return await server.call(client, "/models", None, _read_models)
        except ServerFailure as failure:
            # A server may lack the list, and be used all the same by one who knows the name.
            if wanted is not None and failure.status in (404, 405):
                return []
            raise self._unusable(failure, "Does --base-url end where the API begins, as in /v1?") from failure

    async def _find_way(self, server: Server, client: httpx.AsyncClient, model: str, known: list[str]) -> Way:
        """Ask for one token in each way, the best first, until one is understood."""
        ids = tuple(self._text.tokenizer(_PROBE)["input_ids"])
        probe = Request(0, ids, Sampling(temperature=0.0, top_p=1.0, max_tokens=1, seed=0))
        first: ServerFailure | None = None
        for way in WAYS:
            try:
                await self._ask(server, client, probe, model, way)
            except ServerFailure as failure:
                if failure.concerns_all or failure.passing or failure.status not in (None, 400, 422):
                    near = "" if model in known else did_you_mean(model, known)
                    hint = f"{near}Is --served-model right, and does the server have /completions?"
                    raise self._unusable(failure, hint) from failure
                first = first or failure
            else:
                return way
        assert first is not None
        raise self._unusable(first, "Is --model the model that it serves, with the same tokenizer?") from first

    def _unusable(self, failure: ServerFailure, hint: str) -> GpgError:
        if failure.status in (401, 403):
            hint = f"Put the key that it wants into the environment variable {API_KEY_VARIABLE}."
        elif failure.status is None and failure.passing:
            hint = "Is it running, and is --base-url right?"
        return GpgError(f"the server at {self._url} {failure.reason}", hint)


def _patience(options: EngineOptions) -> Patience:
    usual = Patience()
    return replace(
        usual,
        timeout_s=float(options.arguments.get("timeout", usual.timeout_s)),
        retries=options.arguments.get("retries", usual.retries),
    )


def _read_models(answer: Any) -> list[_Served]:
    rows = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise ServerFailure("answers with no list of models", passing=True)
    known = [row for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)]
    lengths = [row.get("max_model_len") for row in known]
    return [
        _Served(row["id"], length if isinstance(length, int) else None)
        for row, length in zip(known, lengths, strict=True)
    ]


def _choose(served: list[_Served], wanted: str | None, url: str) -> _Served:
    if wanted is not None:
        return next((model for model in served if model.name == wanted), _Served(wanted, None))
    if len(served) != 1:
        shown = ", ".join(model.name for model in served[:8]) + (", ..." if len(served) > 8 else "")
        raise GpgError(
            f"the server at {url} serves {len(served)} models" + (f": {shown}" if served else ""),
            "Name one: --served-model NAME." if served else "Load a model there, or name one: --served-model NAME.",
        )
    return served[0]
