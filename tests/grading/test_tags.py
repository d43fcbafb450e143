import pytest

from gpg_cli.grading.tags import first_tagged, last_tagged, tagged_on_one_line


@pytest.mark.parametrize(
    ("text", "on_one_line", "first", "last"),
    [
        ("<answer>7</answer>", "7", "7", "7"),
        ("so <answer> 7 </answer>.", "7", "7", "7"),
        ("<answer>7</answer> no <answer>8</answer>", "7", "7", "8"),
        ("<answer>\n7\n</answer>", None, "7", "7"),
        ("<answer>\n7\n</answer>\n<answer>8</answer>", "8", "7", "8"),
        ("<answer>7 <answer>8</answer>", "7 <answer>8", "7 <answer>8", "8"),
        ("<answer>7</answer> or <answer>8", "7", "7", "7"),
        ("</answer><answer>7</answer>", "7", "7", "7"),
        ("<answer>7</answer></answer>", "7", "7", "7"),
        ("<answer></answer>", "", "", ""),
        ("<answer>7", None, None, None),
        ("7</answer>", None, None, None),
        ("</answer><answer>", None, None, None),
        ("", None, None, None),
    ],
)
def test_what_stands_between_the_tags(text: str, on_one_line: str | None, first: str | None, last: str | None) -> None:
    assert (tagged_on_one_line(text), first_tagged(text), last_tagged(text)) == (on_one_line, first, last)
