"""The dashboard is what Grafana can provision: queries parse, panels fit, names and units exist."""

import itertools
import json
from typing import Any

import pytest
import yaml

from deploy.generate import CURRENCY
from deploy.grafana.executive import executive_dashboard
from tests.deploy.exported import exported_names
from tests.deploy.programs import ROOT, run
from tests.deploy.queries import metric_names, with_values

PROVISIONING = ROOT / "deploy" / "grafana" / "provisioning"
FILES = sorted((PROVISIONING / "dashboards" / "json").glob("*.json"))
DASHBOARDS: dict[str, Any] = {path.stem: json.loads(path.read_text()) for path in FILES}
PANELS = [
    pytest.param(panel, id=f"{name}-{panel['id']}")
    for name, dashboard in DASHBOARDS.items()
    for panel in dashboard["panels"]
]
COLUMNS = 24
UNITS = {"short", "percentunit", "s", "currencyUSD", "currencyEUR", "currencyGBP"}
KINDS = {"stat", "timeseries", "table", "barchart", "state-timeline", "text"}
SCHEMA_VERSION = 41  # of Grafana 11; later ones migrate it when they load it


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_has_what_grafana_needs_to_tell_it_apart(name: str) -> None:
    dashboard = DASHBOARDS[name]

    assert dashboard["schemaVersion"] == SCHEMA_VERSION
    assert dashboard["title"]
    assert len(dashboard["uid"]) <= 40
    assert len({each["uid"] for each in DASHBOARDS.values()}) == len(DASHBOARDS)
    identities = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(identities)) == len(identities)
    variables = {each["name"] for each in dashboard["templating"]["list"]}
    assert variables == {"tenant", "use_case", "focus", "kpi"}


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_stay_on_the_grid_and_do_not_overlap(name: str) -> None:
    places = [panel["gridPos"] for panel in DASHBOARDS[name]["panels"]]

    assert all(place["x"] + place["w"] <= COLUMNS for place in places)
    for one, other in itertools.combinations(places, 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)


@pytest.mark.parametrize("panel", PANELS)
def test_every_query_is_promql_on_metrics_that_exist(panel: dict[str, Any]) -> None:
    exported = exported_names(CURRENCY)
    references = [target["refId"] for target in panel["targets"]]

    assert len(set(references)) == len(references)
    assert references or panel["type"] == "text"
    for target in panel["targets"]:
        names = metric_names(with_values(target["expr"]))
        assert names, target["expr"]
        assert names <= exported, names - exported


@pytest.mark.prometheus
def test_prometheus_itself_accepts_the_queries(tmp_path: Any) -> None:
    queries = [
        with_values(target["expr"])
        for dashboard in DASHBOARDS.values()
        for panel in dashboard["panels"]
        for target in panel["targets"]
    ]
    rules = [{"record": f"query:{number}", "expr": expr} for number, expr in enumerate(queries)]
    path = tmp_path / "queries.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}))

    run("promtool", "check", "rules", path)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_annotations_and_variables_ask_for_metrics_that_exist(name: str) -> None:
    exported = exported_names(CURRENCY)
    annotations = [each["expr"] for each in DASHBOARDS[name]["annotations"]["list"]]
    # label_values(metric{...}, label): the first argument is a selector.
    variables = [
        each["definition"].removeprefix("label_values(").rpartition(",")[0]
        for each in DASHBOARDS[name]["templating"]["list"]
    ]

    for expr in (*annotations, *variables):
        assert metric_names(with_values(expr)) <= exported, expr


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_uses_what_is_provisioned_and_says_what_it_shows(panel: dict[str, Any]) -> None:
    sources = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())
    provisioned = {each["uid"] for each in sources["datasources"]}

    assert panel["type"] in KINDS
    assert panel["title"]
    assert panel["description"] or panel["type"] == "text"
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["datasource"]["uid"] in provisioned
    assert {target["datasource"]["uid"] for target in panel["targets"]} <= provisioned


@pytest.mark.parametrize("panel", PANELS)
def test_an_override_names_a_series_or_column_that_the_panel_has(panel: dict[str, Any]) -> None:
    renamed = {
        new
        for each in panel["transformations"]
        for new in each["options"].get("renameByName", {}).values()
    }
    names = {target["legendFormat"] for target in panel["targets"]} | renamed

    for override in panel["fieldConfig"]["overrides"]:
        assert override["matcher"]["options"] in names
        for each in override["properties"]:
            if each["id"] == "custom.fillBelowTo":
                assert each["value"] in names


def test_no_point_estimate_of_money_or_effect_is_shown_without_a_bound() -> None:
    for dashboard in DASHBOARDS.values():
        shown = {
            name
            for panel in dashboard["panels"]
            for target in panel["targets"]
            for name in metric_names(with_values(target["expr"]))
        }
        for stem, unit in (("aivalue_net_value", CURRENCY.lower()), ("aivalue_effect", "ratio")):
            assert {f"{stem}_lower_{unit}", f"{stem}_upper_{unit}"} <= shown


def test_the_dashboard_can_be_made_for_another_currency() -> None:
    text = json.dumps(executive_dashboard("EUR"))

    assert "aivalue_net_value_eur" in text
    assert "currencyEUR" in text
    assert "usd" not in text.lower()


def test_grafana_finds_the_files_where_compose_mounts_them() -> None:
    provider = yaml.safe_load((PROVISIONING / "dashboards" / "provider.yml").read_text())
    grafana = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["grafana"]
    mount = next(each for each in grafana["volumes"] if each.startswith("./deploy"))
    inside = mount.split(":")[1]

    assert provider["providers"][0]["options"]["path"] == f"{inside}/dashboards/json"
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (PROVISIONING / home.removeprefix(inside + "/")).is_file()
