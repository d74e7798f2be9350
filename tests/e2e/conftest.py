"""One running system a module: starting it costs seconds, and every question is about all of it."""

from collections.abc import Iterator

import pytest

from aivalue.runtime.stack import Stack, running_stack


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Everything, started as `aivalue up` starts it, on free ports."""
    with running_stack() as running:
        yield running
