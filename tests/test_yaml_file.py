"""Files that a person wrote: read safely, mistakes named with their line."""

from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.yaml_file import did_you_mean, read_yaml_mapping


def test_every_key_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("# a comment\nfirst: 1\n\nsecond:\n  - x\nthird: |\n  text\n")
    mapping = read_yaml_mapping(path)
    assert mapping.values == {"first": 1, "second": ["x"], "third": "text\n"}
    assert mapping.lines == {"first": 2, "second": 4, "third": 6}
    assert (mapping.where("second"), mapping.where("fourth")) == (f"{path}:4", str(path))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: 1\nb: [1\n", ":2 is not valid YAML"),
        ("a: 1\n b: 2\n", ":2 is not valid YAML"),
        ("a: !!python/object/apply:os.system ['true']\n", ":1 is not valid YAML"),
        ("a: 1\na: 2\n", ":2 sets 'a' a second time"),
        ("- 1\n", "does not hold settings"),
        ("", "does not hold settings"),
        ("1: a\n", "does not hold settings"),
        ("a: 1\n---\nb: 2\n", "is not valid YAML"),
    ],
)
def test_what_is_no_flat_yaml_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(GpgError) as caught:
        read_yaml_mapping(path)
    assert complaint in caught.value.message


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(GpgError, match="not UTF-8"):
        read_yaml_mapping(path)


def test_near_names_are_suggested_and_far_ones_are_not() -> None:
    assert did_you_mean("mth500", ["math500", "aime24"]) == "Did you mean math500? "
    assert did_you_mean("xyz", ["math500", "aime24"]) == ""
