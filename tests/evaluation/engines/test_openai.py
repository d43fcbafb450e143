"""The engine openai against a local server that fails in every way; the real server is in test_vllm_server.py."""

import os
import random
import signal
import socket
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import Completion, EngineOptions, Request, Sampling
from gpg_cli.evaluation.engines import open_engine
from gpg_cli.evaluation.engines.openai import OpenAIEngine
from gpg_cli.evaluation.engines.server import Patience
from gpg_cli.evaluation.model_text import ModelText, load_model_text
from tests.evaluation.engines.fault_server import FAULTS, FaultServer, serving

KEY = "sk-secret-0123456789"
# Only the test about slowness waits briefly: on a busy machine a try that runs out of time counts as a failure.
QUICK = Patience(retries=4, first_wait_s=0.005, longest_wait_s=0.02, timeout_s=60, failures_in_a_row=16)


@pytest.fixture(scope="module")
def text(chat_model: Path) -> ModelText:
    return load_model_text(str(chat_model))


def prompts(count: int, *, max_tokens: int = 100) -> list[Request]:
    """Requests whose prompts have 2, 3, 4, ... tokens: <begin> and letters, in an order that is not theirs."""
    made = [
        Request(100 + number, (0, *[70] * (number + 1)), Sampling(0.6, 0.95, max_tokens, seed=number))
        for number in range(count)
    ]
    random.Random(count).shuffle(made)
    return made


def engine_at(
    server: FaultServer, text: ModelText, patience: Patience = QUICK, length: int = 64, **options: object
) -> OpenAIEngine:
    return OpenAIEngine(EngineOptions("openai", base_url=server.url, **options), text, length, patience)  # type: ignore[arg-type]


class Reported(dict[int, Completion]):
    """What an engine has reported; a second report of the same request fails at once."""

    def __call__(self, request: Request, completion: Completion) -> None:
        assert threading.current_thread() is threading.main_thread()
        assert request.index not in self, "reported twice"
        self[request.index] = completion


def test_prompts_go_out_as_tokens_and_come_back_as_tokens(text: ModelText) -> None:
    done = Reported()
    with serving(FaultServer()) as server:
        engine = engine_at(server, text)
        probes = len(server.bodies)
        engine.generate(prompts(20), done)
    letter = text.tokenizer.decode([70])
    assert done == {
        request.index: Completion(letter * len(request.token_ids), len(request.token_ids) + 1, "stop")
        for request in prompts(20)
    }
    body = next(each for each in server.bodies[probes:] if each["prompt"] == [0, 70, 70, 70])
    assert body["model"] == "served"
    assert (body["temperature"], body["top_p"], body["max_tokens"], body["seed"]) == (0.6, 0.95, 100, 2)
    assert body["stop_token_ids"] == [1, 2]
    # The model's generation_config.json says top_k 3 and repetition_penalty 1.5: a server would take them.
    assert (body["top_k"], body["repetition_penalty"]) == (-1, 1.0)


def test_each_completion_keeps_its_own_limit(text: ModelText) -> None:
    done = Reported()
    requests = [replace(request, sampling=Sampling(0, 1.0, 3, seed=0)) for request in prompts(4)]
    with serving(FaultServer()) as server:
        engine_at(server, text).generate(requests, done)
    assert sorted((each.tokens, each.finish_reason) for each in done.values()) == [
        (3, "length"), (3, "length"), (3, "length"), (3, "stop"),
    ]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_what_may_pass_is_tried_again(text: ModelText, fault: str) -> None:
    done = Reported()
    requests = prompts(6)
    # A server that never answers in time would use up the tries; this one is slow once, by far more than is waited.
    patience = replace(QUICK, timeout_s=2.0) if fault == "slow" else QUICK
    with serving(FaultServer(faults={request.token_ids: [fault] for request in requests[:3]}, slow_s=6.0)) as server:
        engine_at(server, text, patience).generate(requests, done)
    assert set(done) == {request.index for request in requests}


@pytest.mark.parametrize("seed", range(6))
def test_every_request_is_finished_once_or_counted_as_missing(text: ModelText, seed: int) -> None:
    """Random faults, more of them in a row than there are tries for some, and some requests that always fail."""
    dice = random.Random(seed)
    requests = prompts(48)
    kinds = [fault for fault in FAULTS if fault != "slow"]
    faults = {request.token_ids: dice.choices(kinds, k=dice.choice([0, 0, 1, 2, 3, 8])) for request in requests}
    for request in dice.sample(requests, 2):
        faults[request.token_ids] = [f"always {dice.choice(['400', '429 later', '500', 'dropped', 'malformed'])}"]
    done = Reported()
    with serving(FaultServer(faults=faults)) as server:
        with pytest.raises(GpgError) as caught:
            engine_at(server, text, replace(QUICK, failures_in_a_row=1000), concurrency=8).generate(requests, done)
        missing = len(requests) - len(done)
        assert missing >= 2
        assert caught.value.message.startswith(f"{missing} of {len(requests)} completions are missing: the server ")
        assert "the same command goes on" in caught.value.hint
        for request in requests:
            # With a fault that is no longer there, the server answers; what it has answered was reported.
            assert (request.index in done) == (server.answers.get(request.token_ids, 0) == 1)


def test_a_request_that_always_fails_does_not_keep_the_others(text: ModelText) -> None:
    requests = prompts(10)
    done = Reported()
    with serving(FaultServer(faults={requests[0].token_ids: ["always 500"]})) as server:
        with pytest.raises(GpgError, match="1 of 10 completions are missing: the server answers 500: the engine has a"):
            engine_at(server, text).generate(requests, done)
        tries = sum(tuple(body["prompt"]) == requests[0].token_ids for body in server.bodies)
    assert set(done) == {request.index for request in requests[1:]}
    assert tries == 1 + QUICK.retries


def test_what_was_refused_is_not_tried_again(text: ModelText) -> None:
    requests = prompts(10)
    done = Reported()
    with serving(FaultServer(faults={requests[0].token_ids: ["always 400"]})) as server:
        with pytest.raises(GpgError, match=r"1 of 10 .* answers 400: this prompt is not liked"):
            engine_at(server, text).generate(requests, done)
        assert sum(tuple(body["prompt"]) == requests[0].token_ids for body in server.bodies) == 1
    assert len(done) == 9


def test_a_server_that_asks_for_time_gets_it(text: ModelText) -> None:
    requests = prompts(3)
    done = Reported()
    with serving(FaultServer(faults={requests[0].token_ids: ["429"]}, retry_after="1")) as server:
        engine = engine_at(server, text)
        started = time.perf_counter()
        engine.generate(requests, done)
        assert time.perf_counter() - started >= 1.0
    assert len(done) == 3


def test_a_busy_server_that_answers_others_is_not_given_up(text: ModelText) -> None:
    """More refusals than tries for one request, while the others make progress."""
    requests = prompts(40)
    faults = {request.token_ids: ["slow"] for request in requests}
    faults[requests[0].token_ids] = ["429 later"] * 12
    patience = replace(QUICK, first_wait_s=0.05, longest_wait_s=0.05)
    done = Reported()
    with serving(FaultServer(faults=faults, slow_s=0.02)) as server:
        engine_at(server, text, patience, concurrency=2).generate(requests, done)
    assert len(done) == 40


def test_a_server_that_went_down_ends_the_run_early(text: ModelText) -> None:
    requests = prompts(200)
    done = Reported()
    with serving(FaultServer()) as server:
        engine = engine_at(server, text, concurrency=4)
        server.default_faults = ["always dropped"]
        seen = len(server.bodies)
        with pytest.raises(
            GpgError, match="200 of 200 completions are missing: the server failed 16 requests in a row"
        ):
            engine.generate(requests, done)
        assert len(server.bodies) - seen < 25 * (1 + QUICK.retries)
    assert not done


def test_a_key_that_expires_ends_the_run_at_once(text: ModelText, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    requests = prompts(50)
    with serving(FaultServer()) as server:
        engine = engine_at(server, text, concurrency=2)
        server.default_faults = ["always 401"]
        seen = len(server.bodies)
        with pytest.raises(GpgError, match="50 of 50 completions are missing: the server answers 401") as caught:
            engine.generate(requests, Reported())
        assert len(server.bodies) - seen <= 2
    assert KEY not in str(caught.value)


def test_no_more_requests_at_once_than_asked_for(text: ModelText) -> None:
    with serving(FaultServer(default_faults=["slow"] * 12, slow_s=0.05)) as server:
        engine_at(server, text, concurrency=3).generate(prompts(12), Reported())
    assert server.most_at_once == 3


def test_ctrl_c_ends_it_and_what_was_finished_is_kept(text: ModelText) -> None:
    requests = prompts(20)
    done = Reported()

    def report(request: Request, completion: Completion) -> None:
        done(request, completion)
        if len(done) == 5:
            os.kill(os.getpid(), signal.SIGINT)

    with serving(FaultServer()) as server:
        engine = engine_at(server, text, concurrency=2)
        with pytest.raises(KeyboardInterrupt):
            engine.generate(requests, report)
    assert 5 <= len(done) <= 7


def test_what_the_caller_raises_comes_through(text: ModelText) -> None:
    def full_disk(request: Request, completion: Completion) -> None:
        raise OSError("no space left")

    with serving(FaultServer()) as server, pytest.raises(OSError, match="no space left"):
        engine_at(server, text).generate(prompts(5), full_disk)


def test_a_server_that_takes_only_text_gets_the_text_that_makes_our_tokens(
    text: ModelText, capsys: pytest.CaptureFixture[str]
) -> None:
    """The prompts begin with <begin>, which the server's tokenizer puts there: in the text it would stand twice."""
    done = Reported()
    with serving(FaultServer(takes_ids=False, says_ids=False)) as server:
        engine_at(server, text).generate(prompts(5), done)
    letter = text.tokenizer.decode([70])
    assert {body["prompt"] for body in server.bodies[2:]} == {letter * length for length in range(1, 6)}
    assert "prompts are sent as text" in capsys.readouterr().err
    assert {each.text for each in done.values()} == {"!" * length for length in range(2, 7)}
    assert {each.tokens for each in done.values()} == set(range(3, 8))


def test_a_server_without_vllms_parameters_is_asked_without_them(
    text: ModelText, capsys: pytest.CaptureFixture[str]
) -> None:
    done = Reported()
    with serving(FaultServer(takes_ids=False, takes_extensions=False)) as server:
        engine_at(server, text).generate(prompts(3), done)
    assert len(done) == 3
    assert "stop_token_ids" not in server.bodies[-1]
    assert "refuses stop_token_ids" in capsys.readouterr().err


def test_tokens_that_the_server_does_not_count_are_counted_here(text: ModelText) -> None:
    done = Reported()
    with serving(FaultServer(says_ids=False, says_usage=False)) as server:
        engine_at(server, text).generate(prompts(3), done)
    assert sorted((each.tokens, each.text) for each in done.values()) == [(3, "!!"), (4, "!!!"), (5, "!!!!")]


@pytest.mark.parametrize("says_ids", [True, False])
def test_a_server_that_adds_a_token_to_the_prompt_is_not_used(text: ModelText, says_ids: bool) -> None:
    with (
        serving(FaultServer(extra_prompt_tokens=1, says_ids=says_ids)) as server,
        pytest.raises(GpgError, match=r"has read (another prompt|a prompt of 8 tokens as one of 9)") as caught,
    ):
        engine_at(server, text)
    assert "same tokenizer" in caught.value.hint


def test_a_server_that_cuts_completions_short_is_found_out(text: ModelText) -> None:
    with (
        serving(FaultServer(cuts_at=4)) as server,
        pytest.raises(GpgError, match="cut a completion off after 4 tokens, where up to 100 were asked for"),
    ):
        engine_at(server, text).generate(prompts(8), Reported())


def test_a_server_whose_model_is_too_short_says_so_at_the_start(text: ModelText) -> None:
    with serving(FaultServer(max_model_len=32)) as server, pytest.raises(GpgError, match="with 32 tokens") as caught:
        engine_at(server, text, length=64)
    assert "--max-model-len 64" in caught.value.hint


def test_several_models_are_listed_and_one_can_be_named(text: ModelText) -> None:
    with serving(FaultServer(models=("small", "large"))) as server:
        with pytest.raises(GpgError, match="serves 2 models: small, large") as caught:
            engine_at(server, text)
        assert "--served-model" in caught.value.hint
        engine_at(server, text, served_model="large")
        assert server.bodies[-1]["model"] == "large"
        with pytest.raises(GpgError, match="answers 404: The model `lorge` does not exist") as caught:
            engine_at(server, text, served_model="lorge")
        assert "Did you mean large?" in caught.value.hint


def test_a_server_that_is_not_there_is_an_error_in_words(text: ModelText) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # taken, but nobody listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.raises(GpgError, match="cannot be reached") as caught:
            OpenAIEngine(EngineOptions("openai", base_url=url), text, 64, QUICK)
    assert "Is it running" in caught.value.hint


def test_an_address_without_v1_is_explained(text: ModelText) -> None:
    with serving(FaultServer()) as server:
        server.url = server.url.removesuffix("/v1")
        with pytest.raises(GpgError, match="answers 404: Not Found") as caught:
            engine_at(server, text)
    assert "/v1" in caught.value.hint


def test_the_key_comes_from_the_environment_and_appears_nowhere(
    text: ModelText, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The server repeats the key in its refusal, as some do."""
    with serving(FaultServer(key=KEY)) as server:
        with pytest.raises(GpgError, match="answers 401") as refused:
            engine_at(server, text)
        assert "OPENAI_API_KEY" in refused.value.hint
        assert server.keys == [None]
        monkeypatch.setenv("OPENAI_API_KEY", KEY + "\n")
        engine_at(server, text).generate(prompts(2), Reported())
        server.key = "another"
        with pytest.raises(GpgError, match=r"answers 401: Incorrect API key provided: Bearer \*\*\*") as wrong:
            engine_at(server, text)
    assert set(server.keys[1:]) == {f"Bearer {KEY}"}
    out, err = capfd.readouterr()
    assert KEY not in out + err + str(refused.value) + str(wrong.value) + repr(wrong.value.__cause__)


def test_it_is_opened_as_the_other_engines_are(text: ModelText) -> None:
    counted: Counter[int] = Counter()
    with serving(FaultServer()) as server:
        options = EngineOptions("openai", base_url=server.url + "/", arguments={"timeout": 5, "retries": 1})
        with open_engine(options, "org/model", text, max_model_length=64) as engine:
            engine.generate(prompts(4), lambda request, completion: counted.update([request.index]))
            engine.generate([], Reported())
    assert counted == Counter(range(100, 104))
