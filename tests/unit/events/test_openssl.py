"""Whether the functions that compiled code calls are there, and hash as `hashlib` does."""

import ctypes
import hashlib
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivalue.events.openssl import sha256_functions


@given(st.binary(max_size=1_200))
def test_openssl_hashes_as_hashlib_does(said: bytes) -> None:
    functions = sha256_functions()
    assert functions is not None
    init = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(functions[0])
    update = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t)(
        functions[1]
    )
    final = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(functions[2])
    state, digest = ctypes.create_string_buffer(256), ctypes.create_string_buffer(32)

    assert (init(state), update(state, said, len(said)), final(digest, state)) == (1, 1, 1)

    assert digest.raw == hashlib.sha256(said).digest()


def test_a_python_without_openssl_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "_hashlib", None)

    assert sha256_functions() is None
