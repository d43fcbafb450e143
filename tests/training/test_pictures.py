"""Training with pictures: against one plain forward pass a row, whatever is shared, resumed or spread out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor, GenerationConfig

from gpg_cli.errors import GpgError
from gpg_cli.training.baseline import BaselineTrainer
from gpg_cli.training.config import BaselineConfig
from gpg_cli.training.pictures import SHARING_MODELS, PictureReader, SharedVision, freeze_parts, with_pictures
from gpg_cli.training.sampling import SeededEngine, sample_completions
from gpg_cli.vision.images import as_picture
from gpg_cli.vision.model import load_processor
from tests.training.picture_rows import make_picture_trainer, picture_rows, png
from tests.training.rollouts import weights_of

SGD = {"optim": "sgd", "learning_rate": 1.0, "lr_scheduler_type": "constant", "max_grad_norm": 0.0, "max_steps": 1}


def plain_log_probs(model: Any, processor: Any, example: dict[str, Any], rollout: Any) -> torch.Tensor:
    """Log-probabilities of one completion by the processor's own call, without padding or sharing."""
    pictures = [as_picture(cell).load() for cell in example["images"]]
    text = processor.apply_chat_template(
        with_pictures(example["prompt"], example["images"]), add_generation_prompt=True
    )
    inputs = processor(images=pictures, text=[text], return_tensors="pt")
    assert inputs["input_ids"][0].tolist() == rollout.prompt_ids
    completion = torch.tensor([rollout.completion_ids])
    kinds = torch.cat([inputs.pop("mm_token_type_ids"), torch.zeros_like(completion)], dim=1)
    ids = torch.cat([inputs.pop("input_ids"), completion], dim=1)
    del inputs["attention_mask"]
    logits = model(input_ids=ids, mm_token_type_ids=kinds, **inputs).logits[0, -completion.shape[1] - 1 : -1]
    return logits.log_softmax(dim=-1).gather(1, completion[0, :, None])[:, 0]


@pytest.fixture(params=["tiny_qwen2_vl", "tiny_qwen2_5_vl"])
def any_model(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


def test_a_step_moves_the_weights_by_the_formula(any_model: Path, tmp_path: Path) -> None:
    """loss = mean over rows of -A_i * (mean over tokens of log pi), over inverse_alpha; dead groups included."""

    def reward(prompts: Sequence[Any], completions: Sequence[Any], **columns: Any) -> list[float]:
        dead = ["number 3" in str(prompt) for prompt in prompts]
        lengths = [len(completion[0]["content"]) % 3 for completion in completions]
        return [0.0 if off else float(length) for off, length in zip(dead, lengths, strict=True)]

    trainer = make_picture_trainer(any_model, tmp_path, reward=reward, min_inverse_alpha=0.8, **SGD)
    before = weights_of(trainer.model)
    reference = AutoModelForImageTextToText.from_pretrained(any_model).train()
    processor = AutoProcessor.from_pretrained(any_model)
    trainer.train()

    batch = trainer.last_batch
    assert batch.rounds, "some prompts must have been sampled anew"
    rewards = torch.tensor([[rollout.rewards[0] for rollout in group.rollouts] for group in batch.groups])
    advantages = rewards - rewards.mean(dim=1, keepdim=True)
    share = (rewards.std(dim=1) > 0).float().mean()
    loss = torch.zeros(())
    for group, own in zip(batch.groups, advantages, strict=True):
        for rollout, advantage in zip(group.rollouts, own, strict=True):
            terms = plain_log_probs(reference, processor, trainer.train_dataset[group.prompt], rollout)
            loss = loss - advantage * terms.mean() / advantages.numel() / share
    loss.backward()
    gradient = torch.cat([parameter.grad.reshape(-1) for parameter in reference.parameters()])
    moved = before - weights_of(trainer.model)
    assert gradient.norm() > 0
    assert (moved - gradient).norm() / gradient.norm() < 1e-4
    tower = [name for name, parameter in reference.named_parameters() if "visual" in name and parameter.grad.any()]
    assert tower, "the vision tower learns too"


@pytest.mark.parametrize("generations", [2, 8])
def test_the_vision_tower_computes_a_picture_once_for_all_its_rows(
    any_model: Path, tmp_path: Path, generations: int
) -> None:
    trainer = make_picture_trainer(
        any_model, tmp_path, num_generations=generations, per_device_train_batch_size=generations, max_steps=1
    )
    patches: list[int] = []
    tower = trainer.model.get_encoder(modality="image")
    tower.register_forward_hook(lambda module, given, output: patches.append(given[0].shape[0]))
    trainer.train()
    # 56 x 56, 84 x 56 or 56 x 112 pixels are 16, 24 or 32 patches of 14 x 14; one prompt a step.
    assert patches
    assert set(patches) <= {16, 24, 32}


def test_other_models_get_the_patches_once_for_each_row(tiny_qwen2_vl: Path) -> None:
    model = AutoModelForImageTextToText.from_pretrained(tiny_qwen2_vl)
    reader = PictureReader(load_processor(str(tiny_qwen2_vl)))
    rows = picture_rows(2)
    prompts = [with_pictures(rows[row]["prompt"], rows[row]["images"]) for row in (0, 1, 0)]
    tokens, pictures = reader.tokenize(prompts)
    shown = reader.show(pictures)
    assert shown is not None
    assert shown.order.tolist() == [0, 1, 0]
    longest = max(map(len, tokens))
    ids = torch.tensor([[257] * (longest - len(row)) + row for row in tokens])
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in tokens])
    vision = SharedVision(model)
    logits = []
    for vision.shares in (True, False):
        with vision.showing(shown, ids, reader.image_token) as arguments, torch.no_grad():
            logits.append(model(input_ids=ids, attention_mask=mask, **arguments).logits[mask.bool()])
        assert arguments["pixel_values"].shape[0] == (16 + 24 if vision.shares else 16 + 24 + 16)
    assert torch.allclose(*logits, atol=1e-6)


def test_models_that_share_return_a_tensor_for_each_picture(any_model: Path) -> None:
    """What `SharedVision` relies on, in the transformers that is installed."""
    model = AutoModelForImageTextToText.from_pretrained(any_model)
    assert model.config.model_type in SHARING_MODELS
    made = load_processor(str(any_model)).image_processor(
        images=[as_picture(png("red", size)).load() for size in ((56, 56), (84, 56))], return_tensors="pt"
    )
    output = model.base_model.get_image_features(**made)
    assert [tuple(part.shape) for part in output.pooler_output] == [(4, 64), (6, 64)]
    assert set(output) <= {"last_hidden_state", "pooler_output", "hidden_states", "attentions"}


def test_a_row_is_sampled_the_same_whatever_stands_beside_it(tiny_qwen2_vl: Path, tmp_path: Path) -> None:
    trainer = make_picture_trainer(tiny_qwen2_vl, tmp_path)
    tokens, pictures = trainer._reader.tokenize([trainer.example(row)["prompt"] for row in (0, 1, 2, 2)])
    config = GenerationConfig(max_new_tokens=12, temperature=1.0)

    def sample(rows: list[int]) -> list[list[int]]:
        shown = trainer.shown([pictures[row] for row in rows])
        return sample_completions(
            trainer.model.eval(), [tokens[row] for row in rows], [100 + row for row in rows], config, 257, [256],
            lambda input_ids: trainer.showing(shown, input_ids),
        )  # fmt: skip

    together = sample([0, 1, 2, 3])
    assert together == [sample([row])[0] for row in range(4)]
    assert together[2] != together[3], "another seed"


def test_a_picture_matters(tiny_qwen2_vl: Path, tmp_path: Path) -> None:
    """The same question about another picture has other log-probabilities."""
    rows = picture_rows(3)
    trainer = make_picture_trainer(tiny_qwen2_vl, tmp_path, rows=rows)
    reference = AutoModelForImageTextToText.from_pretrained(tiny_qwen2_vl)
    processor = AutoProcessor.from_pretrained(tiny_qwen2_vl)
    trainer.seed_step()
    rollout = trainer.sample_batch().groups[0].rollouts[0]
    own = next(row for row in rows if len(rollout.prompt_ids) == len(trainer._reader.tokenize(
        [with_pictures(row["prompt"], row["images"])])[0][0]))  # fmt: skip
    size = as_picture(own["images"][0]).size()
    other = {**own, "images": [{"bytes": png("purple", size), "path": None}]}
    with torch.no_grad():
        first, second = (plain_log_probs(reference, processor, row, rollout) for row in (own, other))
    assert not torch.allclose(first, second, atol=1e-3)


def test_a_resumed_run_ends_bit_for_bit_as_the_uninterrupted_one(tiny_qwen2_vl: Path, tmp_path: Path) -> None:
    whole = make_picture_trainer(tiny_qwen2_vl, tmp_path / "whole", max_steps=4, save_strategy="steps", save_steps=2)
    whole.train()
    again = make_picture_trainer(tiny_qwen2_vl, tmp_path / "again", max_steps=4)
    again.train(resume_from_checkpoint=str(tmp_path / "whole" / "checkpoint-2"))
    assert torch.equal(weights_of(whole.model), weights_of(again.model))
    AutoProcessor.from_pretrained(tmp_path / "whole" / "checkpoint-2")


def test_micro_batches_and_checkpointing_of_gradients_change_nothing(tiny_qwen2_vl: Path, tmp_path: Path) -> None:
    plain = make_picture_trainer(tiny_qwen2_vl, tmp_path / "plain", **SGD)
    cut = make_picture_trainer(
        tiny_qwen2_vl, tmp_path / "cut", gradient_checkpointing=True, max_tokens_per_microbatch=160, **SGD
    )
    plain.train()
    cut.train()
    first, second = weights_of(plain.model), weights_of(cut.model)
    assert (first - second).norm() / first.norm() < 1e-6


@pytest.mark.parametrize("vision", [True, False])
def test_frozen_parts_stay_as_they_are(any_model: Path, tmp_path: Path, vision: bool) -> None:
    trainer = make_picture_trainer(any_model, tmp_path, weight_decay=0.1)
    freeze_parts(trainer.model, vision=vision, language=not vision)
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    trainer.train()
    moved = {name for name, value in trainer.model.state_dict().items() if not torch.equal(value, before[name])}
    assert moved
    assert all(("visual" in name) is not vision for name in moved)


def test_freezing_everything_or_nothing_that_is_there(tiny_qwen2_vl: Path, tiny_model: Path) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForImageTextToText.from_pretrained(tiny_qwen2_vl)
    with pytest.raises(GpgError, match="leave nothing to train"):
        freeze_parts(model, vision=True, language=True)
    with pytest.raises(GpgError, match="has no vision tower"):
        freeze_parts(AutoModelForCausalLM.from_pretrained(tiny_model), vision=True, language=False)


def test_trls_own_objective_trains_on_pictures_too(tiny_qwen2_vl: Path, tmp_path: Path) -> None:
    trainer = make_picture_trainer(tiny_qwen2_vl, tmp_path, trainer_class=BaselineTrainer, config_class=BaselineConfig)
    before = weights_of(trainer.model)
    trainer.train()
    assert not torch.equal(before, weights_of(trainer.model))


def test_vllm_is_given_one_image_token_for_each_picture() -> None:
    class Engine:
        def generate(self, prompts: Any, sampling_params: Any) -> Any:
            return prompts

    class Parameters:
        def clone(self) -> "Parameters":
            return self

    engine = SeededEngine(Engine(), image_token=9)
    engine.seeds = [1, 2]
    prompts = [{"prompt_token_ids": [1, 9, 9, 9, 2, 2, 9, 9], "multi_modal_data": {}}, {"prompt_token_ids": [9, 9]}]
    given = engine.generate(prompts, Parameters())
    assert [prompt["prompt_token_ids"] for prompt in given] == [[1, 9, 2, 2, 9], [9, 9]]


def test_more_pictures_than_places_are_refused() -> None:
    row = picture_rows(1)[0]
    with pytest.raises(ValueError, match="2 pictures"):
        with_pictures(row["prompt"], row["images"] * 2)
