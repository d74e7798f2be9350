"""Dashboards as code: Python writes the JSON that Grafana provisions."""
