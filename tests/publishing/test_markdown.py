import pytest

from gpg_cli.publishing.markdown import code, code_block, inline, table


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text-with 1.5", "plain text-with 1.5"),
        ("a | b", r"a \| b"),
        ("two\nlines\t", "two lines"),
        ("<script> & [link](x)", r"\<script\> \& \[link\](x)"),
        ("*_`#", r"\*\_\`\#"),
    ],
)
def test_running_text_has_no_markup(text: str, shown: str) -> None:
    assert inline(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [("x", "`x`"), ("a`b", "``a`b``"), ("`a", "`` `a ``"), ("a|b", r"`a\|b`"), ("a\nb", "`a b`")],
)
def test_a_code_span_holds_any_text(text: str, shown: str) -> None:
    assert code(text) == shown


def test_a_block_is_not_ended_by_its_own_text() -> None:
    assert code_block("```\nrm\n```", "bash") == "````bash\n```\nrm\n```\n````"


def test_a_table_has_a_header_and_rows() -> None:
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
