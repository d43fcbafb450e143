import os
import signal

import pytest
import typer

from gpg_cli.command_errors import explains_errors
from gpg_cli.termination import ends_in_order

LINES = {
    signal.SIGTERM: "Error: ended by SIGTERM\nRun the same command again.\n",
    signal.SIGHUP: "Error: ended by SIGHUP\nRun the same command again.\n",
    signal.SIGINT: "Error: interrupted\nRun the same command again.\n",
}


@pytest.mark.parametrize("number", LINES)
def test_a_command_that_is_stopped_clears_up_and_says_so(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    cleared = []

    @explains_errors
    @ends_in_order
    def command() -> None:
        try:
            os.kill(os.getpid(), number)
        finally:
            cleared.append(True)

    before = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
    restored = signal.signal(number, before)  # whoever runs pytest may ignore it, as nohup does
    with pytest.raises(typer.Exit) as ended:
        command()
    assert (ended.value.exit_code, cleared) == (128 + number, [True])
    assert capsys.readouterr().err == LINES[number]
    assert signal.signal(number, restored) is before


def test_what_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        ends_in_order(lambda: os.kill(os.getpid(), signal.SIGHUP))()
    finally:
        signal.signal(signal.SIGHUP, before)
