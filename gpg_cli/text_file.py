"""Text files that a person, or a stranger, names: of a bounded size, and with what is wrong with one said in words."""

from pathlib import Path

from gpg_cli.errors import GpgError


def read_text_file(path: Path, what: str, *, max_bytes: int, hint: str) -> str:
    """The text of a UTF-8 file; a byte order mark before it is passed over.

    Args:
        what: how the file is called in an error: `cannot read {what}: ...`.
        max_bytes: the largest file that is read.
        hint: the second line of an error.

    Raises:
        GpgError: there is no such file, it is none (a pipe or a device could keep us waiting for ever), it is too
            large, or no UTF-8 text.
    """
    try:
        if path.exists() and not path.is_file():
            raise GpgError(f"cannot read {what}: it is {'a folder' if path.is_dir() else 'no regular file'}", hint)
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
        if len(content) > max_bytes:
            raise GpgError(f"cannot read {what}: it has more than {max_bytes:,} bytes", hint)
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise GpgError(f"cannot read {what}: it is not UTF-8 text", hint) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise GpgError(f"cannot read {what}: {reason}", hint) from error
