"""The command that `gpg train` pushes with."""

from pathlib import Path

from gpg_cli.publishing.for_training import export_arguments


def test_a_checkpoint_goes_to_its_revision_and_the_final_model_to_main(tmp_path: Path) -> None:
    assert export_arguments(tmp_path, "me/tiny", None, False) == ["export", str(tmp_path), "--repo-id", "me/tiny"]
    command = export_arguments(tmp_path, "me/tiny", "step-50", True)
    assert command[2:] == ["--repo-id", "me/tiny", "--revision", "step-50", "--private"]


def test_an_adapter_is_merged_as_the_final_model_is(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").touch()
    assert export_arguments(tmp_path, "me/tiny", "step-50", False)[-1] == "--merge"
