"""Models and tokenizers as transformers loads them from a folder, with what goes wrong told in words."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.pretrained import check_adapter, load, load_weights


def model_class(config: Any) -> type:
    """The class that wrote a model: an Auto class would have to be told text and vision-language models apart."""
    import transformers

    named = (getattr(config, "architectures", None) or [""])[0]
    found: type = getattr(transformers, named, transformers.AutoModelForCausalLM)
    return found


def load_model(folder: Path, dtype: str = "auto", adapter: Path | None = None) -> Any:
    """A model ready to be asked, on the CPU.

    Args:
        dtype: what its weights are converted to; `auto` leaves them.
        adapter: LoRA's part, put on it without being merged in.

    Raises:
        GpgError: transformers or PEFT cannot load it, or weights are missing.
    """
    import transformers

    with loading(folder):
        config = load(transformers.AutoConfig, folder, local_files_only=True)
        model, loaded = load_weights(
            model_class(config), folder, dtype=dtype, local_files_only=True, output_loading_info=True
        )
    if loaded["missing_keys"]:
        missing = sorted(loaded["missing_keys"])
        raise GpgError(
            f"the weights in {folder} lack {len(missing)} tensors of the model, for example {missing[0]}",
            "Export a folder that was saved whole.",
        )
    if adapter is not None:
        from peft import PeftModel

        check_adapter(adapter)
        with loading(adapter):
            model = PeftModel.from_pretrained(model, str(adapter))
    # On CPU the tensors lie in the mapped file, aligned as its header's length has it, and kernels may add in another
    # order for another alignment. In memory of torch's own all are aligned alike.
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()
    return model.eval()


def load_tokenizer(folder: Path) -> Any:
    """A folder's tokenizer.

    Raises:
        GpgError: transformers cannot load it.
    """
    from transformers import AutoTokenizer

    with loading(folder):
        return load(AutoTokenizer, folder, local_files_only=True)


@contextmanager
def loading(folder: Path) -> Iterator[None]:
    """Loading without a progress bar of its own; whatever a broken folder makes transformers raise is told in words."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    except GpgError:  # it needs what nobody allowed
        raise
    except Exception as error:  # OSError, ValueError, KeyError, SafetensorError, ...: it depends on the file
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise GpgError(
            f"transformers cannot load {folder}: {reason}", "Mend the folder, or save the model again."
        ) from error
    finally:
        if shown:
            logging.enable_progress_bar()
