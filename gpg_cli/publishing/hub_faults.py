"""What goes wrong between here and the Hub: tried again where that helps, told in words where it does not.

huggingface_hub 1.33 tries some requests again by itself, five times within 23 seconds: asking how a file is to be sent,
LFS batches, the objects, their verification. The others (who am I, about a repository, creating one, the list of files,
the commit) go through `retried`, so that nothing is multiplied.
"""

import logging
import re
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.markup import escape

from gpg_cli.console import messages, say
from gpg_cli.errors import GpgError
from gpg_cli.publishing.hub_destination import Destination

AGAIN = "Run the same command again: only what is missing is sent."

# As huggingface_hub waits between its own tries.
WAITS_S = (1.0, 2.0, 4.0, 8.0, 8.0)
# A Hub that asks for more than this is not waited for.
LONGEST_WAIT_S = 60.0

# A connection that carries nothing for that long is given up; a commit of many files takes the Hub some time.
LONGEST_SILENCE_S = 120.0

_TRANSIENT = (408, 429, 500, 502, 503, 504)

Answer = TypeVar("Answer")


def retried(request: Callable[[], Answer]) -> Answer:
    """The answer to a request that may be sent twice, after as many tries as there are `WAITS_S` and one.

    Raises:
        Exception: what the last try raised, or the first one that another try would not mend.
    """
    for usual_s in WAITS_S:
        try:
            return request()
        except Exception as error:
            wait_s = seconds_to_wait(error, usual_s)
            if wait_s is None:
                raise
            pause(error, wait_s)
    return request()


def seconds_to_wait(error: Exception, usual_s: float) -> float | None:
    """How long to wait before the next try; None where another try would not help, or not soon."""
    import httpx

    status = status_of(error)
    if status is None:
        passing = isinstance(error, httpx.TimeoutException | httpx.NetworkError | httpx.RemoteProtocolError)
        return usual_s if passing else None
    if status not in _TRANSIENT:
        return None
    asked = error.response.headers.get("retry-after", "")  # type: ignore[attr-defined]
    wait_s = float(asked) if asked.isdecimal() else usual_s
    return wait_s if wait_s <= LONGEST_WAIT_S else None


def pause(error: Exception, wait_s: float) -> None:
    """Say what happened, and wait."""
    status = status_of(error)
    what = type(error).__name__ if status is None else f"status {status}"
    say(f"[yellow]The Hub did not answer as it should ({what}); trying again in {wait_s:g} s.[/]")
    time.sleep(wait_s)


def status_of(error: Exception) -> int | None:
    """The HTTP status that an exception is about, if it is about one."""
    from huggingface_hub.errors import HfHubHTTPError

    return error.response.status_code if isinstance(error, HfHubHTTPError) else None


@contextmanager
def told_in_words(destination: Destination) -> Iterator[None]:
    """Failures of huggingface_hub as GpgErrors, and its retries as messages of ours.

    Nothing of a request is told, since its headers hold the token, and nothing of an upload's address, which holds a
    signature.

    Raises:
        GpgError: the Hub refuses, cannot be reached, or gives an answer that makes no sense.
    """
    import httpx

    log = logging.getLogger("huggingface_hub.utils._http")
    log.addFilter(_in_our_words)
    try:
        with _bars_for_a_terminal_alone():
            yield
    # Those of hf_xet are ConnectionError, OSError, RuntimeError and ValueError (1.8).
    except (httpx.HTTPError, OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        message, hint = _words(error, destination)
        told = GpgError(_without_token(message), f"{hint} {AGAIN}")
        whole = "".join(traceback.format_exception(error))
        # Some proxies answer with the headers they were sent.
        raise told from error if whole == _without_token(whole) else None
    finally:
        log.removeFilter(_in_our_words)


def _words(error: BaseException, destination: Destination) -> tuple[str, str]:
    """What is wrong and what to do."""
    import httpx
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    if isinstance(error, HfHubHTTPError):
        return _refusal(error.response.status_code, destination.repo_id, error.server_message)
    if isinstance(error, RuntimeError) and error.__cause__ is not None:  # huggingface_hub's, around that of one file
        return _words(error.__cause__, destination)
    if isinstance(error, OfflineModeIsEnabled):
        return "the Hub cannot be reached: HF_HUB_OFFLINE is set", "Unset HF_HUB_OFFLINE."
    if isinstance(error, httpx.HTTPError | ConnectionError):
        # hf_xet tells a status in its text alone.
        status = re.search(r"HTTP status \w+ error \((\d{3})", str(error))
        if status and int(status[1]) == 404:
            return (
                "the Hub knows no Xet storage, which huggingface_hub sends large files to",
                "Set HF_HUB_DISABLE_XET=1 to send them as it was done before.",
            )
        if status:
            return _refusal(int(status[1]), destination.repo_id, None)
        return f"the Hub cannot be reached ({type(error).__name__})", "Check the network and HF_ENDPOINT."
    if isinstance(error, OSError):
        return f"the files to upload cannot be read: {error}", "Check the folder."
    return f"the upload to {destination.repo_id} failed: {error}", "--debug shows where."


def _refusal(status: int, repo_id: str, said: str | None) -> tuple[str, str]:
    """What is wrong and what to do, for an HTTP status of the Hub and what it said."""
    words = f": {said}" if said else ""
    match status:
        case 401:
            return "the Hub does not accept the token (401)", "Run `hf auth login` again, or renew HF_TOKEN."
        case 403:
            return (
                f"the token may not write to {repo_id} (403){words}",
                "Use a token with write rights, and a user or organisation that is yours.",
            )
        case 404:
            return f"the Hub does not find {repo_id} (404)", "Check the name, and that the token may read and write it."
        case 409 | 412:
            return f"{repo_id} is being changed by another (409){words}", "Wait until that is done."
        case 429:
            return "the Hub asks to wait (429, too many requests)", "Try again in some minutes."
        case _ if status >= 500:
            return f"the Hub has a fault of its own ({status})", "Try again later; see https://status.huggingface.co."
        case _:
            return f"the Hub refused the upload to {repo_id} ({status}){words}", "--debug shows where."


def _without_token(text: str) -> str:
    """A text that may repeat what was sent, without the token."""
    from huggingface_hub import get_token

    token = get_token()
    return text.replace(token, "<token>") if token else text


def _in_our_words(record: logging.LogRecord) -> bool:
    """Whether huggingface_hub (1.33) may say this itself; it tells a retry in two lines, the first with the address."""
    text = record.getMessage()
    if text.startswith(("Retrying in", "Rate limited")):
        say(f"[yellow]The Hub did not answer as it should. {escape(text)}[/]")
        return False
    return " thrown while requesting " not in text


@contextmanager
def _bars_for_a_terminal_alone() -> Iterator[None]:
    """No progress bars of huggingface_hub where nobody watches: it draws those of uploads into any file."""
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    if messages.is_terminal or are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()
