"""Snapshot to summaries, with the builders of `aivalue.reports`; pure."""

from datetime import date

from aivalue.reports.summary import (
    InitiativeSummary,
    PortfolioSummary,
    initiative_summary,
    kpi_summary,
    portfolio_summary,
)
from services.reporting.snapshot import NO_RUN, Reading, Snapshot


def portfolio_summaries(snapshot: Snapshot) -> tuple[PortfolioSummary, ...]:
    """Summarize every portfolio with every initiative, stopped and losing ones included."""
    as_of = snapshot.taken_at.date()
    summaries = [summary_of(each, as_of=as_of) for each in snapshot.figures.initiatives]
    return tuple(
        portfolio_summary(
            portfolio, [each for each in summaries if each.portfolio == portfolio.key]
        )
        for portfolio in snapshot.figures.portfolios
    )


def summary_of(reading: Reading, *, as_of: date) -> InitiativeSummary:
    """Summarize one initiative; before its first run it has definitions and baselines alone."""
    estimate = reading.estimate
    return initiative_summary(
        reading.initiative,
        kpis=[
            kpi_summary(
                kpi,
                baseline=reading.baseline(kpi.key),
                evidence=estimate.evidence(kpi.key) if estimate else None,
                targets=reading.targets,
                judged=estimate.judged if estimate else {},
                as_of=as_of,
            )
            for kpi in reading.kpis
        ],
        value=estimate.value if estimate else None,
        value_reason=estimate.value_reason if estimate else NO_RUN,
        cost=estimate.cost if estimate else None,
        run_id=estimate.run_id if estimate else None,
    )
