"""What a batch read again, as bytes: an offset and a fingerprint each; pure."""

import struct
from collections.abc import Iterable

_ENTRY = struct.Struct(">q32s")


def repeated_bytes(repetitions: Iterable[tuple[int, bytes]]) -> bytes:
    """Write offsets and fingerprints."""
    return b"".join(_ENTRY.pack(*each) for each in repetitions)


def repeated_in(written: bytes) -> dict[int, bytes]:
    """Read fingerprints by their offsets; nothing from what is cut off."""
    whole = len(written) - len(written) % _ENTRY.size
    return dict(_ENTRY.iter_unpack(written[:whole]))
