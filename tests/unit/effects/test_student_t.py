"""Whether our tails and quantiles are those of scipy, which is too slow to import for a worker."""

import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from aivalue.effects.student_t import chi_square_upper, f_upper, t_quantile, two_sided_p

freedoms = st.one_of(st.floats(1, 50), st.floats(50, 1e5))


@given(probability=st.floats(0.001, 0.9999), freedom=freedoms)
def test_quantiles_of_t(probability: float, freedom: float) -> None:
    found = t_quantile(probability, freedom)

    assert found == pytest.approx(float(special.stdtrit(freedom, probability)), rel=1e-8, abs=1e-9)


@given(statistic=st.floats(-30, 30), freedom=freedoms)
def test_tails_of_t(statistic: float, freedom: float) -> None:
    found = two_sided_p(statistic, freedom)

    assert found == pytest.approx(float(2 * special.stdtr(freedom, -abs(statistic))), rel=1e-8)


@given(statistic=st.floats(0, 50), numerator=st.integers(1, 30), denominator=st.floats(2, 5000))
def test_tails_of_f(statistic: float, numerator: int, denominator: float) -> None:
    wanted = float(special.fdtrc(numerator, denominator, statistic))

    assert f_upper(statistic, numerator, denominator) == pytest.approx(wanted, rel=1e-8, abs=1e-14)


@given(statistic=st.floats(0, 500), freedom=st.integers(1, 400))
def test_tails_of_chi_square(statistic: float, freedom: int) -> None:
    wanted = float(special.chdtrc(freedom, statistic))

    assert chi_square_upper(statistic, freedom) == pytest.approx(wanted, rel=1e-8, abs=1e-13)


def test_infinite_freedom_is_the_normal() -> None:
    assert t_quantile(0.975, math.inf) == pytest.approx(1.959963984540054, rel=1e-14)
    assert two_sided_p(1.959963984540054, math.inf) == pytest.approx(0.05, rel=1e-12)


def test_a_worker_starts_without_what_it_does_not_estimate_with() -> None:
    # Each takes as long to import as numpy, and a worker imports before it estimates.
    heavy = {"scipy", "pydantic", "pyarrow", "sqlalchemy", "fastapi", "asyncio", "email"}
    code = f"import sys, aivalue.effects.estimate; print(sorted({heavy} & set(sys.modules)))"

    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert found.stdout.strip() == "[]"


def test_a_statistic_whose_square_is_no_float_has_no_tail() -> None:
    assert two_sided_p(1e200, 3) == 0.0
