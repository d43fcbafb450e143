from pathlib import Path

import pytest

from gpg_cli.page.render import count, duration, percent, signed, write_whole


def test_numbers_read_as_a_person_writes_them() -> None:
    assert (percent(33.333), count(12345.6), count(7)) == ("33.3", "12,346", "7")
    assert (signed(2.06), signed(-1.26)) == ("+2.1", "−1.3")
    assert (duration(4.25), duration(90), duration(3725)) == ("4.2 s", "2 min", "1 h 2 min")


def test_a_page_that_cannot_be_written_leaves_the_old_one_and_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "page.html"
    write_whole("old", target)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="No space"):
        write_whole("new", target)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]
