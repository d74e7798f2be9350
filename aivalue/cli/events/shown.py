"""Bytes as people read them."""

import base64


def text_of(encoded: str | None) -> str:
    """Show bytes that came as base64 as text where they are, else as Python writes them."""
    if encoded is None:
        return "none"
    raw = base64.b64decode(encoded)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return repr(raw)
