"""The program itself: what it cannot write is one line, and Ctrl-C says nothing."""

import errno
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from aivalue.cli import main


def called(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["aivalue", *words])
    with pytest.raises(SystemExit) as ended:
        main.run()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_a_directory_that_cannot_be_made_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    directory = tmp_path / "file" / "definitions"

    status = called(monkeypatch, "init", "predictive-maintenance", "-d", str(directory))

    assert status == 1
    assert capsys.readouterr().err == f"{directory}: Not a directory\n"


def test_a_full_disk_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(main, "command_of", full)

    assert called(monkeypatch, "schema") == 1
    assert capsys.readouterr().err == "No space left on device\n"


def test_ctrl_c_while_a_command_is_imported_says_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(main, "command_of", interrupted)

    assert called(monkeypatch, "report") == 130
    assert capsys.readouterr().err == ""


def test_an_error_that_names_no_file_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> NoReturn:
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(main, "command_of", broken)
    monkeypatch.setattr(sys, "argv", ["aivalue", "report"])

    with pytest.raises(OSError, match="Bad file descriptor"):
        main.run()
