"""`python -m aivalue` is the `aivalue` command."""

from aivalue.cli.main import run

run()
