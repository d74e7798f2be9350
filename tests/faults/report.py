"""Write the table of docs/reliability.md from what the fault tests recorded (make reliability)."""

import json
import re
from pathlib import Path

from tests.faults.bench import RESULTS
from tests.faults.soak import SUMMARY

DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"
HEAD = (
    "| | fault | where | rounds | events | lost | doubled | control |\n"
    "|---|---|---|---:|---:|---:|---:|---|\n"
)


def table(before: str) -> str:
    """Return the newest results as a table, in the order of the fault matrix.

    A row of the table before that was not run again stays.
    """
    results = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))]
    controls = [each for each in results if "control" in each]
    rows = {_place(line): line for line in before.splitlines() if line.startswith("| F")}
    for each in results:
        if "control" not in each:
            line = (
                f"| {each['fault']} | {each['what']} | {each['where']} | {each['rounds']} "
                f"| {each['events']:,} | {each['lost']} | {each['doubled']} "
                f"| {_harm(controls, each)} |"
            )
            rows[_place(line)] = line
    return HEAD + "".join(f"{rows[place]}\n" for place in sorted(rows))


def _place(row: str) -> tuple[int, str, str]:
    """Return where a row stands: by fault, by where, by what."""
    fault, what, where = (cell.strip() for cell in row.split("|")[1:4])
    return int(fault[1:]), where, what


def _harm(controls: list[dict[str, str]], row: dict[str, str]) -> str:
    """Say which controls the fault harmed there, and how."""
    harms = ("lost", "doubled", "phantom")
    return "; ".join(
        f"{each['control']}: "
        + ", ".join(f"{each[harm]} {harm}" for harm in harms if each.get(harm))
        for each in controls
        if (each["fault"], each["where"]) == (row["fault"], row["where"])
        and row["what"].startswith(each.get("of", ""))
    )


def soak(before: str) -> str:
    """Return what the last soak came to, as a table of one row."""
    if not SUMMARY.exists():
        return before
    said = json.loads(SUMMARY.read_text())
    names = "| " + " | ".join(said) + " |\n"
    values = [f"{each:,}" if isinstance(each, int) else str(each) for each in said.values()]
    return names + "|---|" + "---:|" * (len(said) - 1) + "\n| " + " | ".join(values) + " |\n"


def main() -> None:
    """Replace what stands between the marks."""
    text = DOCUMENT.read_text()
    for name, written in (("results", table), ("soak", soak)):
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        found = re.search(f"{begin}(.*){end}", text, flags=re.DOTALL)
        if found is None:
            raise SystemExit(f"{DOCUMENT} has no marks of {name}")
        new = written(found.group(1).strip()).strip()
        text = text.replace(found.group(), f"{begin}\n\n{new}\n\n{end}")
    DOCUMENT.write_text(text)


if __name__ == "__main__":
    main()
