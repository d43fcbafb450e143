"""An OpenAI-compatible server on 127.0.0.1 that misbehaves as it is told, for each prompt in an order of its own."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# What can go wrong with one answer and be right the next time.
FAULTS = (
    "slow",
    "429",
    "429 later",
    "500",
    "503",
    "dropped",
    "truncated",
    "malformed",
    "wrong schema",
    "no choices",
    "aborted",
)
Prompt = tuple[int, ...] | str


@dataclass
class FaultServer:
    """What the server does, and what it has seen.

    Attributes:
        models: the names it serves.
        key: the key it wants; None wants none.
        faults: for a prompt, what happens to its first answers, one after the other; `always X` stays.
        read_chat: messages and chat template -> the prompt's tokens as a model reads them; None has no chat.
        takes_template: whether a request may bring its own chat template.
        takes_ids, takes_extensions: whether it knows prompts of token ids, and vLLM's further parameters.
        says_ids, says_usage: whether its answers hold token ids, and token counts.
        end: the token that ends a completion.
        retry_after, slow_s: what `429` says, and how long `slow` takes.
        extra_prompt_tokens: how many tokens it adds to each prompt.
        cuts_at: its own bound of a completion's tokens.
        bodies: every body of a completion request, in the order of arrival.
        answers: for a prompt, how many good answers it has given.
        keys: every Authorization header.
        most_at_once: the greatest number of requests that were in work together.
    """

    models: tuple[str, ...] = ("served",)
    max_model_len: int | None = None
    key: str | None = None
    faults: dict[Prompt, list[str]] = field(default_factory=dict)
    default_faults: list[str] = field(default_factory=list)
    read_chat: Callable[[list[dict[str, Any]], str | None], list[int]] | None = None
    takes_template: bool = True
    takes_ids: bool = True
    takes_extensions: bool = True
    says_ids: bool = True
    says_usage: bool = True
    end: int = 1
    extra_prompt_tokens: int = 0
    cuts_at: int | None = None
    retry_after: str = "0"
    slow_s: float = 0.4
    bodies: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[Prompt, int] = field(default_factory=dict)
    keys: list[str | None] = field(default_factory=list)
    most_at_once: int = 0
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)
    at_once: int = 0

    def next_fault(self, prompt: Prompt) -> str | None:
        with self.lock:
            left = self.faults.get(prompt, self.default_faults)
            if not left:
                return None
            return left[0] if left[0].startswith("always ") else left.pop(0)


def completion_ids(prompt_length: int, max_tokens: int, end: int = 1) -> list[int]:
    """What the server writes: as many letters as the prompt has tokens, then the end token."""
    letters = [70] * prompt_length + [end]
    return letters[:max_tokens]


@contextmanager
def serving(server: FaultServer) -> Iterator[FaultServer]:
    """Run it in threads until the end of the block."""

    class Handler(_Handler):
        state = server

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    server.url = f"http://127.0.0.1:{listening.server_address[1]}/v1"
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: FaultServer

    def log_message(self, format: str, *args: Any) -> None:
        """Not on stderr."""

    def do_GET(self) -> None:
        if not self._allowed():
            return
        length = {} if self.state.max_model_len is None else {"max_model_len": self.state.max_model_len}
        models = {"object": "list", "data": [{"id": name, "new": {}} | length for name in self.state.models]}
        self._reply(*((200, models) if self.path == "/v1/models" else (404, {"detail": "Not Found"})))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._allowed():
            return
        state = self.state
        prompt = self._prompt(body)
        with state.lock:
            state.bodies.append(body)
            state.at_once += 1
            state.most_at_once = max(state.most_at_once, state.at_once)
        try:
            refusal = self._refusal(body)
            if refusal:
                self._reply(*refusal)
            else:
                self._complete(body, prompt)
        finally:
            with state.lock:
                state.at_once -= 1

    def _prompt(self, body: dict[str, Any]) -> Prompt:
        if self.path == "/v1/chat/completions":
            read = self.state.read_chat
            return tuple(read(body["messages"], body.get("chat_template"))) if read else ()
        return body["prompt"] if isinstance(body["prompt"], str) else tuple(body["prompt"])

    def _refusal(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        """What is wrong with a request whatever its prompt."""
        state = self.state
        chat = self.path == "/v1/chat/completions" and state.read_chat is not None
        if self.path != "/v1/completions" and not chat:
            return 404, {"detail": "Not Found"}
        if not state.takes_template and "chat_template" in body:
            return 400, {"error": {"message": "Refused request with untrusted chat template."}}
        if body["model"] not in state.models:
            return 404, {"error": {"message": f"The model `{body['model']}` does not exist."}}
        if not chat and not state.takes_ids and not isinstance(body["prompt"], str):
            return 422, {"detail": "prompt: Input should be a valid string"}
        if not state.takes_extensions and "stop_token_ids" in body:
            return 400, {"error": {"message": "Unrecognized request argument supplied: stop_token_ids"}}
        return None

    def _complete(self, body: dict[str, Any], prompt: Prompt) -> None:
        state = self.state
        fault = state.next_fault(prompt)
        answer = self._answer(body, prompt)
        match (fault or "").removeprefix("always "):
            case "429":
                self._reply(429, {"error": {"message": "Rate limit reached"}}, {"Retry-After": state.retry_after})
            case "429 later":
                self._reply(429, {"error": {"message": "Rate limit reached"}})
            case "400":
                self._reply(400, {"error": {"message": "this prompt is not liked", "type": "BadRequestError"}})
            case "401":
                self._reply(401, {"error": {"message": f"Incorrect API key {self.headers['Authorization']}"}})
            case "500" | "503" as status:
                self._reply(int(status), {"message": "the engine has a hiccup"})
            case "dropped":
                self.close_connection = True
                self.connection.close()
            case "truncated":
                self._reply(200, answer, cut=True)
            case "malformed":
                self._send(200, b'{"choices": [', {})
            case "wrong schema":
                self._reply(200, {"choices": [{"text": 7, "finish_reason": "stop"}]})
            case "no choices":
                self._reply(200, {"choices": [], "error": {"message": "busy"}})
            case "aborted":
                answer["choices"][0]["finish_reason"] = "abort"
                self._reply(200, answer)
            case other:
                if other == "slow":
                    time.sleep(state.slow_s)
                with state.lock:
                    state.answers[prompt] = state.answers.get(prompt, 0) + 1
                self._reply(200, answer)

    def _answer(self, body: dict[str, Any], prompt: Prompt) -> dict[str, Any]:
        state = self.state
        # The tokenizer puts one token before a text; each byte of it is a token.
        length = len(prompt.encode()) + 1 if isinstance(prompt, str) else len(prompt)
        ids = completion_ids(length, min(body["max_tokens"], state.cuts_at or body["max_tokens"]), state.end)
        stopped = ids[-1:] == [state.end]
        text, chat = "!" * (len(ids) - stopped), "messages" in body
        choice = {
            "index": 0,
            **({"message": {"role": "assistant", "content": text}} if chat else {"text": text}),
            "finish_reason": "stop" if stopped else "length",
            "unknown": {"to": ["us"]},
        }
        answer: dict[str, Any] = {"id": "cmpl-1", "choices": [choice], "also_unknown": 1}
        if state.says_ids and body.get("return_token_ids"):
            added = [0] * state.extra_prompt_tokens
            choice["token_ids"] = ids
            (answer if chat else choice)["prompt_token_ids"] = added + list(prompt)
        if state.says_usage:
            answer["usage"] = {
                "prompt_tokens": length + state.extra_prompt_tokens,
                "completion_tokens": len(ids),
                "total_tokens": length + len(ids),
            }
        return answer

    def _allowed(self) -> bool:
        given = self.headers["Authorization"]
        with self.state.lock:
            self.state.keys.append(given)
        if self.state.key is None or given == f"Bearer {self.state.key}":
            return True
        self._reply(401, {"error": {"message": f"Incorrect API key provided: {given}"}})
        return False

    def _reply(self, status: int, answer: Any, headers: dict[str, str] | None = None, *, cut: bool = False) -> None:
        self._send(status, json.dumps(answer).encode(), headers or {}, cut=cut)

    def _send(self, status: int, content: bytes, headers: dict[str, str], *, cut: bool = False) -> None:
        try:
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if cut else content)
            if cut:
                self.close_connection = True
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
