"""Turns baseline, series and rollout into effects, and effects into money.

Reads series, interventions and costs from ingest, definitions and frozen baselines from baseline;
writes runs that can be re-derived; publishes what a run changed on `aivalue.value.v1`.
"""
