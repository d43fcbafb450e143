"""`PictureTrainer`: TRL's trainer on prompts with pictures, which stay undecoded until the model is to see them."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor

from gpg_cli.training.data.picture_cells import PICTURES, row_pictures
from gpg_cli.training.pictures import PictureReader, SharedVision, ShownPictures, with_pictures, without_none
from gpg_cli.training.saving import SavingTrainer
from gpg_cli.vision.images import Picture


class PictureTrainer(SavingTrainer):
    """What our trainers share about pictures; with a tokenizer instead of a processor it does nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reader: PictureReader | None = None
        self._vision: SharedVision | None = None
        if self._is_vlm:
            self._reader = PictureReader(self.processing_class, self.chat_template, self.chat_template_kwargs)
            model = self.accelerator.unwrap_model(self.model)
            self._vision = SharedVision(model.get_base_model() if hasattr(model, "peft_config") else model)

    @property
    def sees(self) -> bool:
        """Whether the model is shown pictures."""
        return self._reader is not None

    def with_vision_tokens(
        self, prompts: Sequence[Sequence[int]], pictures: Sequence[Sequence[Picture]]
    ) -> list[list[int]]:
        """Prompts with one image token a picture -> as the model reads them; text stays as it is."""
        if self._reader is None:
            return [list(prompt) for prompt in prompts]
        return [self._reader.expand(*pair) for pair in zip(prompts, pictures, strict=True)]

    def example(self, row: int) -> dict[str, Any]:
        """A row of the training data, its pictures put into its prompt."""
        example = dict(self.train_dataset[row])
        if self._reader is not None and example.get(PICTURES):
            example["prompt"] = with_pictures(example["prompt"], example[PICTURES])
        return example

    def decoded_examples(self, examples: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Rows of the training data as TRL's own objectives take them: with decoded pictures."""
        if self._reader is None or not examples[0].get(PICTURES):
            return list(examples)
        known: dict[Any, Any] = {}
        made = []
        for example in examples:
            pictures = row_pictures(example)
            for picture in pictures:
                known[picture] = known.get(picture) or decoded(picture)
            bare = [{**message, "content": without_none(message["content"])} for message in example["prompt"]]
            made.append({**example, "prompt": bare, PICTURES: [known[picture] for picture in pictures]})
        return made

    def _tokenize_prompts(self, prompts: list) -> tuple[list[list[int]], list | None, dict[str, Any]]:
        """As TRL's, without decoding: tokens, the pictures of each prompt, and nothing that the processor makes."""
        if self._reader is None or isinstance(prompts[0], str):
            return super()._tokenize_prompts(prompts)
        tokens, pictures = self._reader.tokenize(prompts)
        return tokens, pictures if any(pictures) else None, {}

    def shown(self, pictures: Sequence[Sequence[Any]] | None) -> ShownPictures | None:
        """What the model is given for the pictures of rows."""
        return self._reader.show(pictures) if self._reader is not None and pictures is not None else None

    def shown_prompts(self, rows: Sequence[int]) -> ShownPictures | None:
        """What the model is given for the pictures of rows of the training data."""
        if self._reader is None:
            return None
        pictures = {row: row_pictures(self.train_dataset[row]) for row in dict.fromkeys(rows)}
        return self.shown([pictures[row] for row in rows])

    @contextlib.contextmanager
    def showing(self, shown: ShownPictures | None, input_ids: Tensor) -> Iterator[dict[str, Tensor]]:
        """Arguments for the model's `forward` or `generate`, which must be called inside; see `SharedVision`."""
        if self._reader is None or self._vision is None:
            yield {}
            return
        with self._vision.showing(shown, input_ids, self._reader.image_token) as arguments:
            yield arguments


def decoded(picture: Any) -> Any:
    """A picture that may be decoded already, decoded."""
    return picture.load() if isinstance(picture, Picture) else picture
