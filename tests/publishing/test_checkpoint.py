import json
from pathlib import Path

from gpg_cli.publishing.checkpoint import copy_model, without_local_paths


def test_entries_that_name_a_place_go_and_all_others_stay() -> None:
    config = {
        "_name_or_path": "runs/open-rs1",
        "text_config": {"_name_or_path": "/home/me/model", "hidden_size": 64},
        "tokenizer_file": "/home/me/tokenizer.json",
        "cache_dir": "C:\\Users\\me",
        "vocab_file": "vocab.json",
        "eos_token": "/",
        "added_tokens": [{"content": "/usr"}, {"content": "</think>"}],
    }
    assert without_local_paths(config) == {
        "text_config": {"hidden_size": 64},
        "vocab_file": "vocab.json",
        "eos_token": "/",
        "added_tokens": [{"content": "/usr"}, {"content": "</think>"}],
    }


def test_only_what_a_model_needs_is_copied(model: Path, tmp_path: Path) -> None:
    for name in ("optimizer.pt", "pytorch_model.bin", "training_args.bin", "adapter_model.safetensors", ".env"):
        (model / name).write_bytes(b"")
    (model / "additional_chat_templates").mkdir()
    (model / "additional_chat_templates" / "tools.jinja").write_text("{{ messages }}")
    copied = tmp_path / "copied"
    copied.mkdir()
    copy_model(model, model, copied)
    assert sorted(str(path.relative_to(copied)) for path in copied.rglob("*") if path.is_file()) == [
        "additional_chat_templates/tools.jinja",
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


def test_files_without_local_paths_are_the_same_to_the_byte(model: Path, tmp_path: Path) -> None:
    config = model / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"rms_norm_eps": 9.999999747378752e-06}, indent=7))
    copied = tmp_path / "copied"
    copied.mkdir()
    copy_model(model, model, copied)
    assert (copied / "config.json").read_bytes() == config.read_bytes()


def test_a_missing_generation_config_is_made_from_the_models(model: Path, tmp_path: Path) -> None:
    (model / "generation_config.json").unlink()
    copied = tmp_path / "copied"
    copied.mkdir()
    copy_model(model, model, copied)
    assert json.loads((copied / "generation_config.json").read_text())["eos_token_id"] == 1


def test_links_into_a_cache_become_files(model: Path, tmp_path: Path) -> None:
    (model / "model.safetensors").rename(tmp_path / "blob")
    (model / "model.safetensors").symlink_to(tmp_path / "blob")
    copied = tmp_path / "copied"
    copied.mkdir()
    copy_model(model, model, copied)
    assert not (copied / "model.safetensors").is_symlink()
    assert (copied / "model.safetensors").read_bytes() == (tmp_path / "blob").read_bytes()
