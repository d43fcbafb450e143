"""Models and tokenizers as transformers loads them from a folder, with what goes wrong told in words."""

from pathlib import Path
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.model_files import check_sizes, loading
from gpg_cli.pretrained import check_adapter, load, load_weights


def model_class(config: Any) -> type:
    """The class that wrote a model: an Auto class would have to be told text and vision-language models apart."""
    import transformers

    named = getattr(config, "architectures", None)
    # A name from a file: of a model class, or nothing.
    found: Any = getattr(transformers, str(named[0]), None) if isinstance(named, list) and named else None
    if isinstance(found, type) and issubclass(found, transformers.PreTrainedModel):
        return found
    auto: type = transformers.AutoModelForCausalLM
    return auto


def load_model(folder: Path, dtype: str = "auto", adapter: Path | None = None) -> Any:
    """A model ready to be asked, on the CPU.

    Args:
        dtype: what its weights are converted to; `auto` leaves them.
        adapter: LoRA's part, put on it without being merged in.

    Raises:
        GpgError: transformers or PEFT cannot load it, or weights are missing.
    """
    import transformers

    check_sizes(folder)
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
        tokenizer = load(AutoTokenizer, folder, local_files_only=True)
        # Some wrong values in its configuration show themselves only now.
        tokenizer("1")
        return tokenizer
