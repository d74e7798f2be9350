"""Whether `aivalue estimate --plot` draws what was found, the same bytes every time."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from aivalue.cli.main import app
from tests.unit.cli.test_estimate_command import REFERENCE, TOBACCO


def plot(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*(arguments or TOBACCO), "--plot", str(path)])


class Page(HTMLParser):
    """Collect the tags and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.words: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.fetched += [value or "" for name, value in attrs if name in {"src", "href"}]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_an_image_is_the_same_bytes_every_time(tmp_path: Path) -> None:
    first, second = tmp_path / "first.png", tmp_path / "second.PNG"

    results = [plot(first), plot(second)]

    assert [result.exit_code for result in results] == [0, 0]
    assert first.read_bytes().startswith(b"\x89PNG")
    assert first.read_bytes() == second.read_bytes()
    assert "synthetic_difference_in_differences" in results[0].stdout


def test_a_page_holds_the_picture_the_answer_the_checks_and_the_figures(tmp_path: Path) -> None:
    path, again = tmp_path / "page.html", tmp_path / "again.html"

    plot(path)
    plot(again)

    page = Page(path.read_text())
    words = " ".join(page.words)
    assert {"svg", "table", "details"} <= page.tags
    assert all(link.startswith("#") for link in page.fetched), page.fetched
    for said in ("PacksPerCapita", "-15.6054", "inconclusive", "placebo_in_space", "1989"):
        assert said in words
    assert path.read_bytes() == again.read_bytes()


def test_a_name_from_the_table_is_text_on_the_page(tmp_path: Path) -> None:
    table, path = tmp_path / "table.csv", tmp_path / "page.html"
    table.write_text("<b>[red]y,d\n" + "".join(f"{value % 7},{value % 2}\n" for value in range(60)))

    result = plot(path, "estimate", str(table), "--outcome", "<b>[red]y", "--treated", "d")

    assert result.exit_code == 0
    assert "<b>[red]y" in result.stdout
    assert "<b>" not in path.read_text()
    assert "&lt;b&gt;[red]y" in path.read_text()


@pytest.mark.parametrize(
    ("path", "reason"),
    [("picture.gif", "draws .png or .html, got picture.gif"), ("none/a.png", "there is no folder")],
)
def test_what_cannot_be_drawn_is_refused_first(path: str, reason: str, tmp_path: Path) -> None:
    result = plot(tmp_path / path)

    assert result.exit_code == 2
    assert reason in " ".join(result.stderr.split())
    assert result.stdout == ""


def test_arms_of_subjects_are_drawn_at_once(tmp_path: Path) -> None:
    users = str(REFERENCE / "ab_users.csv")

    result = plot(
        tmp_path / "a.html", "estimate", users, "--outcome", "revenue", "--treated", "variant"
    )

    assert result.exit_code == 0
    assert "without the AI, 95% interval" in (tmp_path / "a.html").read_text()
