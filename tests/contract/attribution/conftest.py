"""The schema that answers come from, and how to keep their new shape after a change."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--keep-answers", action="store_true", help="write what is answered now")


@pytest.fixture(scope="session")
def schemas() -> tuple[str, ...]:
    """Migrate for the service that answers."""
    return ("attribution",)
