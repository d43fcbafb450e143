"""Uploads to a Hub at which several things go wrong: nobody ever sees half a model, and reruns end well."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.publishing.hub import Destination, check_can_push, push
from gpg_cli.publishing.run import write_marker
from tests.faults import LONG
from tests.publishing.fake_hub import FakeHub, Repository
from tests.publishing.fake_hub_store import Blob, Commit

Tally = Callable[[str, int], None]
Files = dict[str, bytes]

REPOSITORY = "me/model"
NOTES = "NOTES.md"
# An older export: a shard, a template and records that the new one has not.
OLD: Files = {
    "README.md": b"# Old",
    "config.json": b"[]",
    "chat_template.jinja": b"old template",
    "results/older.json": b"{}",
    "model-00001-of-00003.safetensors": b"old weights",
    "model.safetensors.index.json": b"{}",
    "gpg_export.json": b'{"schema": 1, "files": {"results/older.json": 2, "chat_template.jinja": 12}}',
}
DESTINATIONS = (
    Destination(REPOSITORY),
    Destination(REPOSITORY, revision="step-50"),
    Destination(REPOSITORY, create_pr=True),
    Destination(REPOSITORY, private=True),
)
REQUESTS = (
    "GET /api/whoami-v2",
    "GET /api/models/me/model$",
    "POST /api/repos/create",
    "POST .*/branch/",
    "GET .*/revision/",
    "GET .*/tree/",
    "GET .*/resolve/",
    "GET .*/discussions",
    "POST .*/preupload/",
    "POST .*/objects/batch",
    "PUT /storage/",
    "POST /storage/",
    "POST .*/objects/verify",
    "POST .*/commit/",
    ".",
)
_MOST_RERUNS = 30
_PUSH = """
import sys
from pathlib import Path
from gpg_cli.publishing.hub import Destination, check_can_push, push
folder, repo_id, private, revision, create_pr = sys.argv[1:]
destination = Destination(repo_id, bool(private), revision or None, bool(create_pr))
check_can_push(destination)
push(Path(folder), destination)
"""


@dataclass
class Sequence:
    """One repository, one destination, and what goes wrong on the way there."""

    hub: FakeHub
    folder: Path
    random: random.Random
    destination: Destination
    before: Files | None
    # Commits of somebody else's, which must be there in the end.
    notes: int = 0
    killed: int = 0
    told: list[str] = field(default_factory=list)

    def plan_faults(self) -> None:
        kinds: list[dict[str, Any]] = [{"status": status} for status in (401, 403, 409, 429, 500, 503)]
        kinds += [
            {"upload_cut_after": self.random.choice([0, 20, 2_000])},
            {"answer_cut_after": self.random.choice([0, 1, 50])},
            {"silent_s": 0.4},
            {"does": self.somebody_commits},
        ]
        for _ in range(self.random.randint(2, 5)):
            how_often = {"skip": self.random.choice([0, 0, 1, 2, 4]), "times": self.random.choice([1, 1, 2, 7])}
            fault = self.random.choice(kinds)
            if "does" in fault:
                how_often["times"] = 1
            self.hub.fail(self.random.choice(REQUESTS), **fault, **how_often)
        if self.random.random() < 0.3:
            self.hub.fail("(PUT|POST) /storage/", spoil=True, times=1)

    def somebody_commits(self) -> None:
        repository = self.hub.repositories.get(REPOSITORY)
        if repository is None or self.destination.branch not in repository.branches:
            return
        self.notes += 1
        newest = repository.at(self.destination.branch)
        notes = Blob(f"note {self.notes}".encode())
        blobs = dict(newest.blobs) | {NOTES: notes}
        repository.add(self.destination.branch, Commit(newest.oid, "notes", blobs))

    def push(self) -> bool:
        """Whether a person was told that it went well."""
        try:
            check_can_push(self.destination)
            push(self.folder, self.destination)
        except GpgError as error:
            self.told.append(str(error))
            return False
        return True

    def push_and_be_killed(self) -> None:
        """In a process of its own, which the Hub kills in the midst of a request, of whatever kind."""
        to = self.destination
        given = [self.folder, to.repo_id, "yes" * to.private, to.revision or "", "yes" * to.create_pr]
        environment = os.environ | {"HF_ENDPOINT": self.hub.url, "HF_HUB_DISABLE_XET": "1"}
        process = subprocess.Popen(
            [sys.executable, "-c", _PUSH, *map(str, given)],
            env=environment,
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        where = self.random.choice(REQUESTS)
        skip = self.random.randint(0, 14) if where == "." else self.random.randint(0, 1)
        # Work done and answer lost, or no work done.
        how = self.random.choice([{"answer_cut_after": 0}, {"upload_cut_after": self.random.choice([0, 1_000])}])
        self.hub.fail(where, does=lambda: os.kill(process.pid, signal.SIGKILL), times=1, skip=skip, **how)
        self.killed += process.wait() == -signal.SIGKILL
        self.hub.faults.clear()

    def whole(self) -> Files:
        """What the branch is to hold, but for notes of somebody else's."""
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in self.folder.rglob("*.*")}

    def check_history(self) -> None:
        """Every commit that ever was: nothing, the old model, or the whole new one."""
        repository = self.hub.repositories.get(REPOSITORY)
        for branch in repository.branches if repository else ():
            assert repository is not None
            for commit in repository.history(branch):
                files = {name: content for name, content in commit.files.items() if name != NOTES}
                assert files in ({}, self.before or {}, self.whole()), f"{branch}: {sorted(files)}"

    def check_end(self) -> None:
        self.check_history()
        repository = self.hub.repositories[REPOSITORY]
        ends = [branch for branch in repository.branches if branch.startswith("refs/pr/")]
        if not self.destination.create_pr:
            ends = [self.destination.branch]
            if self.notes:
                assert repository.at(self.destination.branch).files[NOTES] == f"note {self.notes}".encode()
        whole = self.whole()
        assert any(whole.items() <= repository.at(branch).files.items() for branch in ends)
        ours = [commit.title for branch in ends for commit in repository.history(branch)].count(
            "Upload model with gpg-cli"
        )
        # Of a commit whose answer was lost there is no second.
        assert ours == 1 if not self.destination.create_pr else ours <= 1 + self.notes


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is noticed soon, and nobody waits between tries."""
    monkeypatch.setattr("gpg_cli.publishing.hub.LONGEST_SILENCE_S", 0.2)
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def run_sequence(seed: int, hub: FakeHub, folder: Path, *, killed: bool) -> Sequence:
    choose = random.Random(seed)
    destination = choose.choice(DESTINATIONS)
    before = choose.choice([None, OLD, OLD])
    hub.repositories.clear()
    hub.faults.clear()
    hub.part_bytes = choose.choice([None, 1_000])
    if before is not None:
        hub.repositories[REPOSITORY] = Repository(private=destination.private, files=before)
    sequence = Sequence(hub, folder, choose, destination, before)
    if killed:
        sequence.push_and_be_killed()
        sequence.check_history()
    sequence.plan_faults()
    for _ in range(_MOST_RERUNS):
        well = sequence.push()
        sequence.check_history()
        if well:
            break
    else:
        pytest.fail(f"no end after {_MOST_RERUNS} reruns: {sequence.told[-1]}")
    sequence.check_end()
    return sequence


@pytest.mark.parametrize(
    ("sequences", "kills"), [pytest.param(5, 2, id="short"), pytest.param(100, 20, marks=LONG, id="long")]
)
def test_whatever_goes_wrong_one_after_the_other_no_half_model_is_seen(
    hub: FakeHub, exported: Path, quick: None, tally: Tally, sequences: int, kills: int
) -> None:
    write_marker(exported)
    ran = [run_sequence(seed, hub, exported, killed=seed < kills) for seed in range(sequences)]
    tally("sequences of faults while uploading", sequences)
    tally("uploads killed in the midst of a request", sum(sequence.killed for sequence in ran))
