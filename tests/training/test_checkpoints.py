"""Checkpoints on a disk where anything can go wrong: files cut short, a process killed between any two operations."""

import json
import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.sealed_folder import MANIFEST, seal, what_is_wrong
from gpg_cli.training import checkpoints
from gpg_cli.training.checkpoints import (
    STAGING,
    delete_old,
    differing_settings,
    find_newest,
    publish,
    read_facts,
    tidy,
)


def stage(run: Path, step: int, weights: str = "weights") -> Path:
    """A sealed folder that is not in its place yet."""
    folder = run / STAGING / f"checkpoint-{step}"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "global_step").mkdir(parents=True)
    (folder / "model.safetensors").write_text(weights)
    (folder / "global_step" / "optimizer.pt").write_text("moments")
    seal(folder, {"step": step, "weights": weights})
    return folder


def save(run: Path, step: int, weights: str = "weights") -> Path:
    final = run / f"checkpoint-{step}"
    publish(stage(run, step, weights), final)
    return final


def break_it(checkpoint: Path) -> None:
    (checkpoint / "model.safetensors").unlink()


def names(run: Path) -> set[str]:
    return {path.name for path in run.iterdir()}


class Killed(BaseException):
    """The process is gone; nothing in it runs any more."""


def test_a_published_checkpoint_is_whole_and_tells_its_facts(tmp_path: Path) -> None:
    checkpoint = save(tmp_path, 50)
    assert what_is_wrong(checkpoint) is None
    assert find_newest(tmp_path).path == checkpoint
    assert read_facts(checkpoint) == {"step": 50, "weights": "weights"}


def test_the_manifest_names_every_file_with_its_size_and_hash(tmp_path: Path) -> None:
    manifest = json.loads((save(tmp_path, 1) / MANIFEST).read_text())
    assert manifest["schema"] == 1
    # printf moments | sha256sum
    digest = "690a8d18f75dfaa79dd8134ac62cdad42fffe0f34cb78dd14e2d3aae3ae83ad3"
    assert manifest["files"].keys() == {"model.safetensors", "global_step/optimizer.pt"}
    assert manifest["files"]["global_step/optimizer.pt"] == {"size": 7, "sha256": digest}


def cut_short(checkpoint: Path) -> None:
    (checkpoint / "model.safetensors").write_text("wei")


def flip_a_letter(checkpoint: Path) -> None:
    (checkpoint / "model.safetensors").write_text("weightZ")


def link_out(checkpoint: Path) -> None:
    outside = checkpoint.parent / "outside"
    outside.write_text("weights")
    break_it(checkpoint)
    (checkpoint / "model.safetensors").symlink_to(outside)


def from_the_future(checkpoint: Path) -> None:
    manifest = json.loads((checkpoint / MANIFEST).read_text())
    (checkpoint / MANIFEST).write_text(json.dumps(manifest | {"schema": 2}))


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda folder: (folder / MANIFEST).unlink(), "has no manifest.json: it was not written to its end"),
        (lambda folder: (folder / MANIFEST).write_text('{"files": {'), "manifest.json is not readable"),
        (lambda folder: (folder / MANIFEST).write_text('{"schema": 1, "files": [1]}'), "manifest.json is not readable"),
        (
            lambda folder: (folder / MANIFEST).write_text(
                '{"schema": 1, "files": {"a": {"size": 1e999, "sha256": ""}}}'
            ),
            "manifest.json is not readable",
        ),
        (from_the_future, "manifest.json has schema 2, this version of gpg reads 1"),
        (break_it, "model.safetensors is missing"),
        (cut_short, "model.safetensors has 3 bytes, the manifest says 7"),
        (flip_a_letter, "model.safetensors differs from its hash in the manifest"),
        (link_out, "model.safetensors leads out of the checkpoint"),
    ],
)
def test_what_is_wrong_says_what_is_wrong(tmp_path: Path, damage: Callable[[Path], Any], expected: str) -> None:
    checkpoint = save(tmp_path, 50)
    damage(checkpoint)
    assert what_is_wrong(checkpoint) == expected


def test_without_hashes_only_sizes_are_looked_at(tmp_path: Path) -> None:
    checkpoint = save(tmp_path, 50)
    flip_a_letter(checkpoint)
    assert what_is_wrong(checkpoint, hashes=False) is None
    cut_short(checkpoint)
    assert what_is_wrong(checkpoint, hashes=False) == "model.safetensors has 3 bytes, the manifest says 7"


def test_files_that_somebody_adds_are_harmless_and_links_out_of_it_are_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret").write_text("not ours")
    folder = tmp_path / "checkpoint-1"
    folder.mkdir()
    (folder / "model.safetensors").write_text("weights")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "secret").symlink_to(tmp_path / "elsewhere" / "secret")
    (folder / "latest").symlink_to("model.safetensors")
    seal(folder, {})
    assert json.loads((folder / MANIFEST).read_text())["files"].keys() == {"model.safetensors", "latest"}
    shutil.rmtree(tmp_path / "elsewhere")
    (folder / "notes.txt").write_text("mine")
    assert what_is_wrong(folder) is None


def test_everything_is_on_disk_before_the_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.readlink(f"/proc/self/fd/{descriptor}")))
    folder = stage(tmp_path, 1)
    before_manifest = synced[: synced.index(str(folder / MANIFEST))]
    inside = {"model.safetensors", "global_step/optimizer.pt", "global_step"}
    assert {str(folder / name) for name in inside} | {str(folder)} == set(before_manifest)
    assert synced[-1] == str(folder)


def test_a_folder_that_is_sealed_again_has_no_manifest_until_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stage(tmp_path, 1)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        seal(folder, {})
    assert what_is_wrong(folder) == "has no manifest.json: it was not written to its end"


def test_the_newest_is_the_one_of_the_highest_step(tmp_path: Path) -> None:
    for step in (9, 100, 20):
        save(tmp_path, step)
    assert find_newest(tmp_path).path.name == "checkpoint-100"


def test_broken_checkpoints_are_passed_over_and_named(tmp_path: Path) -> None:
    for step in (10, 20, 30, 40):
        save(tmp_path, step)
    for step in (10, 30):
        break_it(tmp_path / f"checkpoint-{step}")
    (tmp_path / "checkpoint-40" / MANIFEST).unlink()
    newest = find_newest(tmp_path)
    assert newest.path.name == "checkpoint-20"
    assert [(path.name, reason) for path, reason in newest.ignored] == [
        ("checkpoint-40", "has no manifest.json: it was not written to its end"),
        ("checkpoint-30", "model.safetensors is missing"),
    ]


def test_what_is_staged_or_called_otherwise_is_no_checkpoint(tmp_path: Path) -> None:
    stage(tmp_path, 50)
    shutil.copytree(stage(tmp_path, 60), tmp_path / "my-checkpoint-60")
    (tmp_path / "checkpoint-70").write_text("a file")
    with pytest.raises(GpgError, match="there is no checkpoint in"):
        find_newest(tmp_path)


def test_when_none_is_whole_each_is_named_with_its_reason(tmp_path: Path) -> None:
    for step in (10, 20):
        save(tmp_path, step)
    break_it(tmp_path / "checkpoint-10")
    (tmp_path / "checkpoint-20" / MANIFEST).unlink()
    with pytest.raises(GpgError) as error:
        find_newest(tmp_path)
    assert "checkpoint-10: model.safetensors is missing" in error.value.message
    assert "checkpoint-20: has no manifest.json" in error.value.message
    assert "without --resume" in error.value.hint


def test_a_step_that_is_written_again_replaces_the_checkpoint(tmp_path: Path) -> None:
    save(tmp_path, 50, "before")
    save(tmp_path, 50, "after")
    assert read_facts(find_newest(tmp_path).path)["weights"] == "after"
    assert names(tmp_path) == {STAGING, "checkpoint-50"}


@pytest.mark.parametrize("start", ["one checkpoint", "a leftover beside a whole one", "a leftover beside a broken one"])
@pytest.mark.parametrize("last_operation", range(4))
def test_killed_at_any_moment_of_publishing_a_whole_checkpoint_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: str, last_operation: int
) -> None:
    save(tmp_path, 50, "before")
    if start != "one checkpoint":
        shutil.copytree(tmp_path / "checkpoint-50", tmp_path / ".checkpoint-50.old")
    if start == "a leftover beside a broken one":
        break_it(tmp_path / "checkpoint-50")
    staged = stage(tmp_path, 50, "after")
    operations = []

    def dying(work: Callable[..., None], on_death: Callable[..., None]) -> Callable[..., None]:
        def call(*paths: Path) -> None:
            if len(operations) == last_operation:
                on_death(*paths)
                raise Killed
            operations.append(paths)
            work(*paths)

        return call

    with monkeypatch.context() as patched:
        patched.setattr(checkpoints.os, "rename", dying(os.rename, lambda *paths: None))
        # A folder is not deleted in one go.
        patched.setattr(checkpoints.shutil, "rmtree", dying(shutil.rmtree, break_if_there))
        try:
            publish(staged, tmp_path / "checkpoint-50")
        except Killed:
            pass
        else:
            assert len(operations) == last_operation == 3
    assert read_facts(find_newest(tmp_path).path)["step"] == 50

    save(tmp_path, 60)
    save(tmp_path, 50, "again")
    assert read_facts(tmp_path / "checkpoint-50")["weights"] == "again"
    assert what_is_wrong(tmp_path / "checkpoint-50") is None
    delete_old(tmp_path, keep=None)
    assert names(tmp_path) == {"checkpoint-50", "checkpoint-60"}


def break_if_there(folder: Path) -> None:
    (folder / "model.safetensors").unlink(missing_ok=True)


def test_a_checkpoint_that_cannot_be_put_in_place_leaves_the_old_one_there(tmp_path: Path) -> None:
    save(tmp_path, 50, "before")
    with pytest.raises(FileNotFoundError):
        publish(tmp_path / "not there", tmp_path / "checkpoint-50")
    assert names(tmp_path) == {STAGING, "checkpoint-50"}
    assert read_facts(find_newest(tmp_path).path)["weights"] == "before"


@pytest.mark.parametrize(
    ("keep", "protect", "broken", "expected"),
    [
        pytest.param(2, None, [], {30, 40}, id="the newest stay"),
        pytest.param(None, None, [], {10, 20, 30, 40}, id="None keeps all"),
        pytest.param(0, None, [], {10, 20, 30, 40}, id="0 keeps all"),
        pytest.param(1, 20, [], {20, 40}, id="a protected one stays, and its elders go"),
        pytest.param(1, None, [40], {30, 40}, id="a broken newest does not cost the newest whole one"),
        pytest.param(2, None, [20], {30, 40}, id="a broken old one goes"),
        pytest.param(3, None, [30], {10, 20, 30, 40}, id="a broken one does not count"),
        pytest.param(1, None, [10, 20, 30, 40], {10, 20, 30, 40}, id="where none is whole all stay"),
    ],
)
def test_old_checkpoints_are_deleted(
    tmp_path: Path, keep: int | None, protect: int | None, broken: list[int], expected: set[int]
) -> None:
    for step in (10, 20, 30, 40):
        save(tmp_path, step)
    for step in broken:
        break_it(tmp_path / f"checkpoint-{step}")
    stage(tmp_path, 50)
    (tmp_path / "model").mkdir()
    delete_old(tmp_path, keep, tmp_path / f"checkpoint-{protect}" if protect else None)
    assert names(tmp_path) == {"model"} | {f"checkpoint-{step}" for step in expected}


def test_what_a_killed_run_put_aside_is_deleted_unless_it_is_all_there_is(tmp_path: Path) -> None:
    save(tmp_path, 50)
    os.rename(tmp_path / "checkpoint-50", tmp_path / ".checkpoint-50.old")
    delete_old(tmp_path, keep=1)
    assert find_newest(tmp_path).path.name == ".checkpoint-50.old"
    shutil.copytree(tmp_path / ".checkpoint-50.old", tmp_path / "checkpoint-50")
    delete_old(tmp_path, keep=None)
    assert names(tmp_path) == {"checkpoint-50"}


def test_at_the_end_of_a_run_nothing_tells_of_a_kill(tmp_path: Path) -> None:
    """Killed while the checkpoint of step 3 was written again, and before that while that of step 1 was deleted."""
    for step in (1, 2, 3):
        save(tmp_path, step)
    break_it(tmp_path / "checkpoint-1")
    stage(tmp_path, 3, "again")
    (tmp_path / "checkpoint-3").rename(tmp_path / ".checkpoint-3.old")
    tidy(tmp_path, keep=2)
    assert names(tmp_path) == {"checkpoint-2", "checkpoint-3"}
    assert what_is_wrong(tmp_path / "checkpoint-3") is None


def test_deleting_looks_at_hashes_only_when_told_to(tmp_path: Path) -> None:
    for step in (10, 20):
        save(tmp_path, step)
    flip_a_letter(tmp_path / "checkpoint-20")
    delete_old(tmp_path, keep=1, hashes=True)
    assert names(tmp_path) == {"checkpoint-10", "checkpoint-20"}
    delete_old(tmp_path, keep=1)
    assert names(tmp_path) == {"checkpoint-20"}


def test_facts_of_a_folder_without_any_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GpgError, match=r"cannot read .*manifest\.json"):
        read_facts(tmp_path)
    (tmp_path / MANIFEST).write_text("{}")
    with pytest.raises(GpgError, match="holds no facts"):
        read_facts(tmp_path)


def test_settings_that_differ_are_told_one_a_line() -> None:
    before = {"seed": 1, "learning_rate": 1e-6, "optim": "adamw", "max_steps": 10, "removed": True, "beta": 0}
    now = {"seed": 1, "learning_rate": 2e-6, "optim": "lion", "max_steps": 20, "added": None, "beta": 0.0}
    assert differing_settings(before, now, may_differ={"max_steps"}) == [
        "learning_rate: 1e-06 in the checkpoint, 2e-06 now",
        'optim: "adamw" in the checkpoint, "lion" now',
        "removed: true in the checkpoint, null now",
    ]


def test_settings_that_went_through_a_manifest_do_not_differ(tmp_path: Path) -> None:
    settings = {"data": Path("rows.jsonl"), "rewards": ("math", "format"), "limit": math.nan, "sizes": {1: 2}}
    seal(tmp_path, {"settings": settings})
    assert differing_settings(read_facts(tmp_path)["settings"], settings, may_differ=set()) == []
