"""Prompts with pictures: what a vision-language model is given, and how long that is."""

import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.benches import SamplingSettings, load_bench
from gpg_cli.evaluation.engines.pictures import data_url
from gpg_cli.evaluation.model_text import ModelText, load_model_text
from gpg_cli.evaluation.pictures import PictureOptions, checked
from gpg_cli.evaluation.plan import PlannedBench
from gpg_cli.evaluation.problems import load_problems
from gpg_cli.evaluation.profiles import Style, choose_style
from gpg_cli.evaluation.prompting import prepare
from gpg_cli.vision.images import Picture
from gpg_cli.vision.model import expand_image_tokens, image_token_counts, image_token_id
from tests.evaluation import drawn
from tests.vision.lisa_pictures import reason_seg
from tests.vision.models import save_tiny_vision_model

SEEN = "<|vision_start|><|image_pad|><|vision_end|>"


@pytest.fixture(scope="module")
def text(tiny_qwen2_vl: Path) -> ModelText:
    return load_model_text(str(tiny_qwen2_vl), shown_in=["cvbench"])


@pytest.fixture
def picture(tmp_path: Path) -> Picture:
    return Picture(str(drawn.save_drawing(tmp_path / "a.png")))


def test_a_picture_stands_before_the_question(text: ModelText, picture: Picture) -> None:
    prompt = text.prompt("How many?", Style(chat=True, system_prompt="Be brief."), [picture])
    assert prompt.text == (
        f"<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n{SEEN}How many?<|im_end|>\n<|im_start|>assistant\n"
    )
    assert prompt.pictures == (picture,)
    assert prompt.messages[1]["content"] == [{"type": "image"}, {"type": "text", "text": "How many?"}]
    assert prompt.template is None


def test_without_chat_there_are_no_roles(text: ModelText, picture: Picture) -> None:
    """As the templates of Qwen2-VL's base models write the role-less list of a picture and a text."""
    prompt = text.prompt("<image>How many?\n<think>", Style(chat=False, system_prompt="x"), [picture])
    assert prompt.text == f"{SEEN}<image>How many?\n<think>"
    asked = choose_style(load_bench("cvbench"), profile=None, chat_template=None, system_prompt=None)
    assert text.prompt("Q", asked, [picture]).text == f"{SEEN}Q"
    # For an engine that renders messages itself.
    assert prompt.template is not None


def test_a_model_without_a_chat_template_is_asked_without_roles(
    tmp_path: Path, picture: Picture, needs_torchvision: None
) -> None:
    base = load_model_text(str(save_tiny_vision_model(tmp_path / "base", chat=False)), shown_in=["geoqa"])
    assert not base.has_chat_template
    assert base.prompt("Q", Style(chat=True, system_prompt="x"), [picture]).text == f"{SEEN}Q"


def test_a_prompt_is_as_long_as_the_model_reads_it(text: ModelText, picture: Picture) -> None:
    prompt = text.prompt("Q", Style(chat=False), [picture])
    # 84 x 56 pixels are 3 x 2 vision tokens of 28 x 28; start, end and Q.
    assert (len(prompt.token_ids), prompt.vision_tokens, prompt.length) == (4, 5, 9)
    counts = image_token_counts(text.processor, [picture.size()])
    expanded = expand_image_tokens(prompt.token_ids, image_token_id(text.processor), counts)
    assert len(expanded) == prompt.length
    # Exactly what the processor makes of text and picture.
    made = text.processor(text=[prompt.text], images=[picture.load()])
    assert expanded == list(made["input_ids"][0])


def test_fewer_pixels_are_fewer_tokens(tiny_qwen2_vl: Path, tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    drawn.drawing(3, size=(560, 560)).save(path)
    lengths = [
        load_model_text(str(tiny_qwen2_vl), shown_in=["geoqa"], max_pixels=most)
        .prompt("Q", Style(chat=False), [Picture(str(path))])
        .length
        for most in (None, 28 * 28 * 100)
    ]
    assert lengths == [400 + 3, 100 + 3]


# As base models of Qwen2-VL have it: of a list of parts, not of messages.
ROLELESS = (
    "{% for content in messages %}{% if content is string %}{{ content }}{% elif content['type'] == 'image' %}"
    "<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ content['text'] }}{% endif %}{% endfor %}"
)


@pytest.mark.parametrize("template", ["{{ messages[0].content[1].text }}", "<|image_pad|><|image_pad|>", ROLELESS])
def test_a_template_without_a_place_for_the_picture_is_refused(
    text: ModelText, picture: Picture, template: str
) -> None:
    with pytest.raises(GpgError, match=r"has [02] places for 1 pictures") as caught:
        text.prompt("Q", Style(chat=True, template=template), [picture])
    assert "--chat-template off" in caught.value.hint


def test_a_template_that_writes_nothing_is_refused_for_text_too(text: ModelText) -> None:
    with pytest.raises(GpgError, match="writes nothing of a prompt") as caught:
        text.prompt("1+1?", Style(chat=True, template=ROLELESS))
    assert "--chat-template off" in caught.value.hint


def test_a_question_cannot_smuggle_in_a_picture(text: ModelText, picture: Picture) -> None:
    with pytest.raises(GpgError, match="2 places for 1 pictures"):
        text.prompt("What is <|image_pad|>?", Style(chat=True), [picture])


def test_a_text_model_is_not_shown_pictures(chat_model: Path) -> None:
    with pytest.raises(GpgError, match=r"cvbench, geoqa show pictures, and .*tiny-chat is a text model"):
        load_model_text(str(chat_model), shown_in=["cvbench", "geoqa"])


def test_a_vision_model_reads_text_as_before(tiny_qwen2_vl: Path) -> None:
    text = load_model_text(str(tiny_qwen2_vl))
    assert text.processor is None
    assert text.prompt("1+1?", Style(chat=True)).text.endswith(
        "<|im_start|>user\n1+1?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_prompt_that_is_too_long_has_no_room_and_is_not_cut(text: ModelText, tmp_path: Path) -> None:
    bench = load_bench("geoqa")
    problems = checked(bench, load_problems(bench, drawn.geoqa(tmp_path), 2), PictureOptions())
    longest = text.prompt(
        bench.query(problems.problems[0].text), Style(chat=False), problems.problems[0].pictures
    ).length

    def rooms(bound: int) -> list[int]:
        sampling = SamplingSettings(temperature=0, max_tokens=16, max_model_length=bound)
        return prepare(PlannedBench(bench, problems, sampling, Style(chat=False)), text).rooms

    assert rooms(longest + 3) == [3, 3]
    assert rooms(longest) == [0, 0]


def test_pictures_of_lisa_are_not_turned(text: ModelText, tmp_path: Path) -> None:
    folder = reason_seg(tmp_path / "ReasonSeg")
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    path = folder / "val" / "portrait.jpg"
    Image.open(path).save(path, exif=exif)
    bench = load_bench("lisa-val")
    picture = load_problems(bench, folder, None).problems[2].pictures[0]
    assert picture.size() == picture.load().size == (84, 112)
    assert Picture(str(path)).size() == Picture(str(path)).load().size == (112, 84)
    # For a server, which may or may not heed EXIF data, the stored pixels without it.
    with Image.open(io.BytesIO(base64.b64decode(data_url(picture).partition(",")[2]))) as sent:
        assert (sent.size, 0x0112 in sent.getexif()) == ((84, 112), False)
