"""`aivalue policy`: what another way of deciding would have brought, from a log in a table."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from aivalue.cli.console import WRONG_CALL, fail
from aivalue.errors import AivalueError

Method = Literal["self_normalized", "inverse_propensity", "doubly_robust"]


@dataclass(frozen=True, slots=True)
class Given:
    """How the other policy is given: by a column of probabilities, one action, or a threshold."""

    probability: str
    always: str
    threshold: float | None
    at_least: str
    below: str

    def require_one(self) -> None:
        """End the command unless exactly one policy is given."""
        from_score = (self.threshold is not None, bool(self.at_least), bool(self.below))
        ways = [bool(self.probability), bool(self.always), any(from_score)]
        if sum(ways) != 1 or (any(from_score) and not all(from_score)):
            fail(
                "give one policy: --new COLUMN, --always ACTION, or --threshold with --at-least "
                "and --below",
                status=WRONG_CALL,
            )


def policy(  # noqa: PLR0913 - one parameter per option of the command
    log: Annotated[Path, typer.Argument(help="CSV or Parquet, one row per decision.")],
    *,
    outcome: Annotated[str, typer.Option(help="Column with what it brought.")],
    propensity: Annotated[str, typer.Option(help="Column with the logged probability.")],
    action: Annotated[str, typer.Option(help="Column with the action taken.")] = "",
    score: Annotated[str, typer.Option(help="Column with the model's score.")] = "",
    new: Annotated[
        str, typer.Option(help="Column with the other policy's probability of that action.")
    ] = "",
    always: Annotated[
        str, typer.Option(help="The action that the other policy always takes.")
    ] = "",
    threshold: Annotated[
        float | None, typer.Option(help="Score that the other policy acts from.")
    ] = None,
    at_least: Annotated[str, typer.Option(help="Its action from the threshold on.")] = "",
    below: Annotated[str, typer.Option(help="Its action below.")] = "",
    predicted: Annotated[str, typer.Option(help="Column with what the action should bring.")] = "",
    predicted_by_policy: Annotated[
        str, typer.Option(help="Column with what the other policy should bring.")
    ] = "",
    method: Annotated[Method, typer.Option(help="Which reading to put first.")] = "self_normalized",
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="Of intervals.")] = 0.95,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Value another policy from decisions that were logged with their propensities."""
    # Half a second of numpy and scipy, which --help must not cost.
    from aivalue.cli.policy_log import Columns, log_of, probabilities_of, show
    from aivalue.decisions.off_policy import Always, FromScore, read_policy, read_probabilities

    given = Given(new, always, threshold, at_least, below)
    given.require_one()
    columns = Columns(outcome, propensity, action, score, new, predicted, predicted_by_policy)
    rows = columns.read(log)
    decisions = log_of(rows, columns)
    try:
        if new:
            known = probabilities_of(rows, columns)
            found = read_probabilities(
                decisions,
                known.new,
                predicted=known.predicted,
                method=method,
                confidence=confidence,
            )
        else:
            wanted = (
                Always(action=always)
                if threshold is None
                else FromScore(threshold=threshold, at_least=at_least, below=below)
            )
            found = read_policy(decisions, wanted, method=method, confidence=confidence)
    except AivalueError as refusal:
        fail(f"not estimable: {refusal}")
    show(found, as_json=as_json)
