"""Prometheus gets exactly the catalogue: every figure with its bounds, and nothing unknown as 0."""

import math
from datetime import date
from typing import NoReturn

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics import parser as openmetrics

from aivalue.kpis.plan import Aggregation
from aivalue.money.cost import cost_totals
from aivalue.reports.value_report import cost_report
from aivalue.runtime.settings import AuthSettings, KafkaSettings
from services.reporting.board import Shown
from services.reporting.catalogue import business_families
from services.reporting.exposition import BusinessCollector
from services.reporting.settings import ReportingGroup
from services.reporting.units import level_unit
from tests.deploy.programs import run
from tests.service.reporting.harness import NO_DATABASE, Series, Service, service_of
from tests.service.reporting.world import (
    DOWNTIME,
    TENANT,
    Peers,
    Programme,
    effect,
    initiative,
    settings,
)
from tests.unit.reports.builders import value


def of(series: Series, name: str, use_case: str, kpi: str | None = None, **more: str) -> float:
    labels = {"tenant": TENANT, "use_case": use_case, **more} | (
        {} if kpi is None else {"kpi": kpi}
    )
    return series[name][tuple(sorted(labels.items()))]


@pytest.fixture
async def exported(service: Service) -> Series:
    await service.refresh()
    return await service.metrics()


async def test_the_exposition_has_exactly_the_families_of_the_catalogue(exported: Series) -> None:
    families = {each.name: each for each in business_families(["USD"])}

    assert set(exported) == set(families)
    for name, samples in exported.items():
        for labels in samples:
            assert sorted(key for key, _ in labels) == sorted(families[name].labels), name
        assert all(math.isfinite(value) for value in samples.values())


@pytest.mark.prometheus
async def test_promtool_finds_nothing_to_complain_about(service: Service) -> None:
    await service.refresh()
    response = await service.client.get("/metrics/business")

    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    run("promtool", "check", "metrics", stdin=response.text)


async def test_openmetrics_is_spoken_to_whoever_asks_for_it(service: Service) -> None:
    await service.refresh()
    accept = {"accept": "application/openmetrics-text;version=1.0.0"}
    response = await service.client.get("/metrics/business", headers=accept)

    assert response.headers["content-type"].startswith("application/openmetrics-text")
    families = list(openmetrics.text_string_to_metric_families(response.text))  # type: ignore[no-untyped-call]  # the client does not annotate it
    assert {each.name for each in families} == {each.name for each in business_families(["USD"])}


async def test_a_fall_of_what_should_fall_is_a_positive_effect(exported: Series) -> None:
    point, low, high = (
        of(exported, name, "maintenance", "downtime")
        for name in (
            "aivalue_effect_ratio",
            "aivalue_effect_lower_ratio",
            "aivalue_effect_upper_ratio",
        )
    )

    assert (low, point, high) == (0.28, 0.36, 0.44)
    assert of(exported, "aivalue_effect_significant", "maintenance", "downtime") == 1


async def test_harm_is_exported_as_harm(exported: Series) -> None:
    assert of(exported, "aivalue_effect_upper_ratio", "assistant", "handling") == -0.2
    assert of(exported, "aivalue_effect_significant", "assistant", "handling") == 1
    assert of(exported, "aivalue_net_value_upper_usd", "assistant") < 0
    assert of(exported, "aivalue_effect_significant", "recommender", "clicks") == 0


async def test_levels_are_in_base_units_with_the_bounds_of_what_is_doubtful(
    exported: Series,
) -> None:
    # 3.84 min/h and 6 min/h are shares of time; 6 - 0.0 of the interval (-2.64, -1.68).
    assert of(exported, "aivalue_kpi_observed_ratio", "maintenance", "downtime") == pytest.approx(
        3.84 / 60
    )
    bounds = [
        of(exported, f"aivalue_kpi_counterfactual{bound}_ratio", "maintenance", "downtime")
        for bound in ("_lower", "", "_upper")
    ]
    assert bounds == pytest.approx([5.52 / 60, 6 / 60, 6.48 / 60])
    assert of(exported, "aivalue_baseline_level_ratio", "maintenance", "downtime") == pytest.approx(
        6.1 / 60
    )
    assert of(exported, "aivalue_kpi_observed_seconds", "assistant", "handling") == 450
    assert of(exported, "aivalue_kpi_observed_events", "assistant", "tickets") == 3.84


async def test_a_unit_without_a_class_has_an_effect_and_no_level(exported: Series) -> None:
    assert of(exported, "aivalue_effect_ratio", "maintenance", "energy") == 0.36
    for name, samples in exported.items():
        if name.startswith(("aivalue_kpi_observed", "aivalue_kpi_counterfactual")):
            assert not any(("kpi", "energy") in labels for labels in samples), name
    info = {dict(labels)["kpi"]: dict(labels) for labels in exported["aivalue_kpi_info"]}
    assert info["energy"]["unit"] == "kWh"
    assert info["downtime"]["direction"] == "lower_is_better"
    assert info["downtime"]["statistic"] == "ratio"


async def test_what_was_refused_says_so_and_has_no_figure(exported: Series) -> None:
    info = [dict(labels) for labels in exported["aivalue_estimate_info"]]
    (refunds,) = [each for each in info if each["kpi"] == "refunds"]

    assert refunds["verdict"] == "below_sample_floor"
    assert refunds["evidence_grade"] == "none"
    for name, samples in exported.items():
        if "effect" in name or "observed" in name:
            assert not any(("kpi", "refunds") in labels for labels in samples), name


async def test_money_has_bounds_and_every_cost_category(exported: Series) -> None:
    # Effect 5,000 with standard error 100 and t = 2; one charge of 1,000 for the model.
    assert of(exported, "aivalue_gross_value_usd", "maintenance") == 5_000
    assert of(exported, "aivalue_gross_value_lower_usd", "maintenance") == 4_800
    assert of(exported, "aivalue_gross_value_upper_usd", "maintenance") == 5_200
    assert of(exported, "aivalue_lower_bound_value_usd", "maintenance") == 4_850
    assert of(exported, "aivalue_risk_adjusted_value_usd", "maintenance") == 4_500
    assert of(exported, "aivalue_net_value_usd", "maintenance") == 4_000
    assert of(exported, "aivalue_net_value_lower_usd", "maintenance") == 3_800
    assert of(exported, "aivalue_roi_ratio", "maintenance") == 4
    assert of(exported, "aivalue_roi_lower_ratio", "maintenance") == 3.8
    costs = {
        dict(labels)["category"]: value
        for labels, value in exported["aivalue_cost_usd"].items()
        if ("use_case", "maintenance") in labels
    }
    assert costs == {"model": 1_000, "infra": 0, "people": 0, "licence": 0, "change": 0}


async def test_an_initiative_without_value_has_its_cost_and_no_value_of_zero(
    exported: Series,
) -> None:
    assert of(exported, "aivalue_cost_usd", "recommender", category="model") == 40
    for name, samples in exported.items():
        if "_value_" in name or "_roi_" in name:
            owners = {dict(labels).get("use_case") for labels in samples}
            assert not owners & {"recommender", "forecast"}, name


async def test_without_any_charge_nobody_says_that_it_cost_nothing(
    service: Service, peers: Peers
) -> None:
    peers.programmes["recommender"].cost = cost_report(cost_totals([], currency="USD"))
    await service.refresh()

    series = await service.metrics()
    owners = {dict(labels)["use_case"] for labels in series["aivalue_cost_usd"]}
    assert owners == {"assistant", "maintenance"}


async def test_a_new_initiative_is_there_by_name_alone(exported: Series) -> None:
    found = {
        name
        for name, samples in exported.items()
        for labels in samples
        if ("use_case", "forecast") in labels
    }

    assert found == {"aivalue_use_case_info", "aivalue_kpi_info"}, "it is not live either"


async def test_targets_scopes_and_times_are_exported(exported: Series) -> None:
    assert of(exported, "aivalue_target_effect_ratio", "maintenance", "downtime") == 0.3
    progress = of(exported, "aivalue_target_progress_ratio", "maintenance", "downtime")
    assert progress == pytest.approx(1.2)
    # 2025-01-01, midnight after the day it is due; 2024-03-01; 2024-03-02 12:00; 2024-01-02.
    due = of(exported, "aivalue_target_due_timestamp_seconds", "maintenance", "downtime")
    assert due == 1_735_689_600
    names = {
        "aivalue_estimate_window_end_timestamp_seconds": 1_709_251_200,
        "aivalue_estimate_computed_timestamp_seconds": 1_709_380_800,
        "aivalue_baseline_frozen_timestamp_seconds": 1_704_153_600,
    }
    live = of(exported, "aivalue_use_case_go_live_timestamp_seconds", "maintenance")
    assert live == 1_704_067_200
    for name, instant in names.items():
        assert of(exported, name, "maintenance", "downtime") == instant
    assert of(exported, "aivalue_scope_effect_ratio", "recommender", "clicks", scope="men") == -0.36
    scopes = {dict(labels)["scope"] for labels in exported["aivalue_scope_effect_ratio"]}
    assert scopes == {"men"}, "a refused scope has no figure"
    assert of(exported, "aivalue_confidence_level_ratio", "maintenance") == 0.95


async def test_failed_readings_show_in_the_metrics(service: Service, peers: Peers) -> None:
    await service.refresh()
    peers.down = {"baseline"}
    await service.refresh()

    series = await service.metrics()
    own = (("tenant", TENANT),)
    assert series["aivalue_reporting_collect_success"] == {own: 0}
    assert of(series, "aivalue_effect_ratio", "maintenance", "downtime") == 0.36


async def test_figures_that_are_too_old_are_not_exported(peers: Peers) -> None:
    soon_old = settings(database=NO_DATABASE, reporting=ReportingGroup(max_age_seconds=0.000_001))
    async with service_of(peers, soon_old) as service:
        await service.refresh()
        response = await service.client.get("/metrics/business")
        summary = await service.client.get("/v1/summary")

    assert response.status_code == 503
    assert "no figures of the last" in response.json()["detail"]
    # A person sees the age; an alert would not.
    assert summary.status_code == 200


async def test_a_removed_initiative_leaves_no_series(service: Service, peers: Peers) -> None:
    await service.refresh()
    del peers.programmes["assistant"]
    await service.refresh()

    series = await service.metrics()
    assert not any(
        ("use_case", "assistant") in labels for samples in series.values() for labels in samples
    )


async def test_too_many_series_withhold_whole_initiatives_and_count_them(peers: Peers) -> None:
    fenced = settings(database=NO_DATABASE, reporting=ReportingGroup(series_max=60))
    async with service_of(peers, fenced) as service:
        await service.refresh()
        series = await service.metrics()
    async with service_of(peers) as service:
        await service.refresh()
        everything = await service.metrics()

    def owned(by: str, found: Series) -> int:
        return sum(("use_case", by) in labels for samples in found.values() for labels in samples)

    kept = {key: owned(key, series) for key in peers.programmes}
    assert all(n in {0, owned(key, everything)} for key, n in kept.items()), "half an initiative"
    suppressed = sum(series["aivalue_reporting_series_suppressed"].values())
    withheld = [key for key, n in kept.items() if n == 0]
    assert withheld
    assert suppressed == sum(owned(key, everything) for key in withheld)
    assert sum(kept.values()) <= 60


async def test_two_currencies_have_names_of_their_own(peers: Peers) -> None:
    euro = value(700, currency="EUR")
    peers.programmes["abroad"] = Programme(
        initiative("abroad"), [DOWNTIME], effects=[effect(DOWNTIME)], worth=euro
    )
    async with service_of(peers) as service:
        await service.refresh()
        series = await service.metrics()

    assert set(series) == {each.name for each in business_families(["EUR", "USD"])}
    assert of(series, "aivalue_gross_value_eur", "abroad") == 700
    assert of(series, "aivalue_gross_value_usd", "maintenance") == 5_000


async def test_a_tenant_sees_its_own_series_and_an_operator_those_of_all(peers: Peers) -> None:
    two = settings(
        database=NO_DATABASE,
        auth=AuthSettings(mode="open", open_tenant=TENANT),
        kafka=KafkaSettings(tenants={TENANT: "", "other": "other."}),
    )
    async with service_of(peers, two) as service:
        await service.refresh()
        own = await service.client.get("/metrics/business", params={"tenant": TENANT})
        unknown = await service.client.get("/metrics/business", params={"tenant": "else"})

    assert own.status_code == 200
    assert unknown.status_code == 404


def test_registering_the_collector_collects_nothing() -> None:
    class Unread(dict[str, Shown]):
        def items(self) -> NoReturn:
            raise AssertionError

    registry = CollectorRegistry(auto_describe=True)
    registry.register(BusinessCollector(shown=Unread(), series_max=1))

    with pytest.raises(AssertionError):
        list(registry.collect())


@pytest.mark.parametrize(
    ("unit", "aggregation", "expected"),
    [
        ("s", "mean", ("seconds", 1)),
        ("h", "sum", ("seconds", 3_600)),
        ("share", "mean", ("ratio", 1)),
        ("%", "mean", ("ratio", 0.01)),
        ("min/h", "ratio", ("ratio", 1 / 60)),
        ("USD", "sum", ("usd", 1)),
        ("tickets", "count", ("events", 1)),
        ("EUR", "sum", None),  # not the reporting currency
        ("USD/case", "ratio", None),
        ("min/case", "ratio", None),
        ("kWh", "sum", None),
    ],
)
def test_units_are_taken_to_base_units(
    unit: str, aggregation: Aggregation, expected: tuple[str, float] | None
) -> None:
    assert level_unit(unit, aggregation=aggregation, currency="USD") == expected


async def test_a_target_due_on_the_last_day_there_is_hides_no_figure(peers: Peers) -> None:
    late = peers.programmes["maintenance"].targets[0].model_copy(update={"due": date.max})
    peers.programmes["maintenance"].targets = [late]

    async with service_of(peers) as service:
        await service.refresh()
        series = await service.metrics()

    # 10000-01-01, midnight after it.
    due = of(series, "aivalue_target_due_timestamp_seconds", "maintenance", "downtime")
    assert due == 253_402_300_800
