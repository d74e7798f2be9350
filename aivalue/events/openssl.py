"""Where OpenSSL's SHA-256 is, for compiled code: the library that `hashlib` has loaded anyway.

A hash object costs three times what it takes to hash an event.
"""

import ctypes
from typing import Final

_NAMES: Final = ("SHA256_Init", "SHA256_Update", "SHA256_Final")


def sha256_functions() -> tuple[int, ...] | None:
    """Return the addresses of init, update and final, None where this Python has none to call.

    Python may be built with another library than OpenSSL, or with one that does not show them.
    """
    try:
        import _hashlib

        library = ctypes.CDLL(_hashlib.__file__)
        found = [ctypes.cast(getattr(library, name), ctypes.c_void_p).value for name in _NAMES]
    except (ImportError, OSError, AttributeError):
        return None
    addresses = tuple(address for address in found if address)
    return addresses if len(addresses) == len(_NAMES) else None
