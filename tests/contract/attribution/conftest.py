"""How to keep an answer's new shape after a deliberate change."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--keep-answers", action="store_true", help="write what is answered now")
