"""Write a file whole or not at all."""

import os
import secrets
from pathlib import Path


def write_whole(path, data):
    """Write bytes to a file, and its folder where there is none; an older file is replaced only once the new one is whole.

    path:   str or Path
    data:   bytes
    raises: OSError, of the kind that the system gave (PermissionError, ...), on a full disk or in a folder of others; the
            older file is then as it was, and nothing is left of the new one

    Two who write at once do not mix: each has a half file of its own, and the last to be ready replaces the other's.
    """
    path = Path(path)
    half = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(half, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # some file systems say only here that they are full
        os.replace(half, path)
    except OSError as error:
        try:
            half.unlink(missing_ok=True)
        except OSError:
            pass  # nor can it be removed where nothing may be written
        older = "the older file is as it was" if path.exists() else "nothing was written"
        raise OSError(
            error.errno,
            f"{path} ({len(data) / 2**20:.1f} MiB) could not be saved: {error.strerror}; {older}. Make "
            "room, or save into another folder",
        ) from None
