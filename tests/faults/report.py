"""Write the table of docs/reliability.md from what the fault tests recorded (make reliability)."""

import json
import re
from pathlib import Path

from tests.faults.bench import RESULTS

DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- results -->", "<!-- /results -->"
HEAD = (
    "| | fault | where | rounds | events | lost | doubled | control |\n"
    "|---|---|---|---:|---:|---:|---:|---|\n"
)


def table() -> str:
    """Return the newest results as a table, in the order of the fault matrix."""
    results = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))]
    controls = [each for each in results if "control" in each]
    rows = [each for each in results if "control" not in each]
    rows.sort(key=lambda each: (int(each["fault"][1:]), each["where"], each["what"]))
    return HEAD + "".join(
        f"| {each['fault']} | {each['what']} | {each['where']} | {each['rounds']} "
        f"| {each['events']:,} | {each['lost']} | {each['doubled']} "
        f"| {_harm(controls, each)} |\n"
        for each in rows
    )


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


def main() -> None:
    """Replace what stands between the marks."""
    text = DOCUMENT.read_text()
    found = re.search(f"{BEGIN}.*{END}", text, flags=re.DOTALL)
    if found is None:
        raise SystemExit(f"{DOCUMENT} has no marks")
    DOCUMENT.write_text(text.replace(found.group(), f"{BEGIN}\n\n{table()}\n{END}"))


if __name__ == "__main__":
    main()
