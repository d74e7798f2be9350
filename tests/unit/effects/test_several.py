"""Whether KPIs know of each other, and a plan written down beforehand is held to."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from aivalue.effects.checks.pre_registration import Registration, pre_registration
from aivalue.effects.choose import Facts, choose
from aivalue.effects.effect import Verdict
from aivalue.effects.functional import average, total
from aivalue.effects.result import Estimate
from aivalue.effects.several import p_value_of, read_together
from aivalue.errors import NotEstimable
from tests.unit.effects.test_functional import make_effect

GO_LIVE = date(2024, 3, 1)


def found(point: float, verdict: Verdict) -> Estimate:
    effect = make_effect((point, point, point))
    return Estimate(
        effect=effect, verdict=verdict, grade="A", average=average(effect), total=total(effect)
    )


def test_a_guardrail_that_got_worse_caps_the_others_and_says_so() -> None:
    estimates = {"handle_time": found(-9.0, "confirmed"), "complaints": found(9.0, "negative")}

    together = read_together(estimates, frozenset({"complaints"}))

    assert together["handle_time"].grade == "C"
    assert "got worse: complaints" in together["handle_time"].grade_reasons[-1]
    assert together["complaints"].grade == "A"


def test_p_values_of_several_kpis_are_benjamini_and_hochbergs() -> None:
    estimates = {str(at): found(-float(at), "inconclusive") for at in range(1, 5)}

    together = read_together(estimates, frozenset())

    alone = sorted(p_value_of(each.effect) for each in estimates.values() if each.effect)
    wanted = np.minimum.accumulate((np.array(alone) * 4 / np.arange(1, 5))[::-1])[::-1]
    adjusted = sorted(
        float(dict(each.parameters)["p_value_of_several"]) for each in together.values()
    )
    assert adjusted == pytest.approx(wanted, rel=1e-5)


def test_one_kpi_alone_is_left_as_it_is() -> None:
    estimates = {"handle_time": found(-9.0, "confirmed")}

    assert read_together(estimates, frozenset()) == estimates


def registration(**fields: str) -> Registration:
    return Registration(
        version=2,
        sha256="a" * 64,
        recorded_at=datetime(2024, 2, 1, 9, tzinfo=UTC),
        fields={"kpis": '["handle_time"]', "confidence": "0.95", **fields},
    )


def test_what_was_registered_and_kept_passes_with_its_hash_and_time() -> None:
    current = {"kpis": '["handle_time"]', "confidence": "0.95"}

    kept = pre_registration(registration(), current, first_day=GO_LIVE)
    moved = pre_registration(registration(confidence="0.9"), current, first_day=GO_LIVE)
    absent = pre_registration(None, current, first_day=GO_LIVE)

    assert kept.status == "passed"
    assert "aaaaaaaaaaaa, recorded 2024-02-01T09:00:00+00:00, before 2024-03-01" in kept.detail
    assert (moved.status, "changed since: confidence" in moved.detail) == ("failed", True)
    assert absent.status == "not_applicable"


FACTS = Facts(
    assignment="phased",
    randomized_by=None,
    n_treated=20,
    n_control=12,
    months_with_controls=10,
    months_treated=10,
    days_before=300,
    n_donors=12,
    n_starts=3,
    months_before=10,
    scale="additive",
    has_arms=False,
    is_complete=True,
)


def test_all_permitted_estimators_are_named_to_run() -> None:
    chosen = choose(FACTS)

    assert chosen.estimator == "difference_in_differences"
    assert chosen.eligible == ("callaway_santanna",)


def test_a_weaker_estimator_may_be_asked_for_freely() -> None:
    chosen = choose(FACTS, wanted="before_after")

    assert (chosen.reason, chosen.overrides) == ("asked for", None)
    whys = {each.estimator: each.why_not for each in chosen.alternatives}
    assert whys["difference_in_differences"] == "before_after was asked for"
    # What the facts would have chosen runs beside it, so that a downgrade hides nothing.
    assert chosen.eligible == ("difference_in_differences", "local_level")


def test_a_stronger_one_is_an_override_with_a_name() -> None:
    wanted = "synthetic_difference_in_differences"

    chosen = choose(FACTS, wanted=wanted, approver="Jo Doe")

    assert chosen.overrides == "20 treated units say more by themselves"
    assert chosen.approver == "Jo Doe"


def test_refuses_an_estimator_that_does_not_exist() -> None:
    with pytest.raises(NotEstimable, match="no estimator is called magic"):
        choose(FACTS, wanted="magic")
