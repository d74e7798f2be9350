"""Every error the core raises.

AivalueError
├── InvalidEvent        a message cannot be read as an event
├── InvalidDefinition   a portfolio, initiative, KPI, target, design or rule breaks its contract
├── NotFreezable        the series cannot become a baseline
├── NotEstimable        the data cannot support the estimate asked for
├── NotComputable       a financial figure has no answer for these cash flows
└── InvalidMoney        an amount that is not money, or two currencies combined
"""


class AivalueError(Exception):
    """Base of all errors below; catch this at a service edge."""


class InvalidEvent(AivalueError):
    """A message cannot be read as an event.

    Attributes
    ----------
    reason : str
        Stable code, e.g. "schema" or "time_in_future"; the dead letter and its metric carry it.
    path : str
        Where in the message, as a JSON path such as "$.data.kpi"; "$" is the whole message.
    """

    def __init__(self, message: str, *, reason: str, path: str = "$") -> None:
        super().__init__(message)
        self.reason = reason
        self.path = path


class InvalidDefinition(AivalueError):
    """A definition breaks its contract; the message says where, what was seen, what is needed.

    Attributes
    ----------
    problems : tuple of (path, message)
        Every single thing that is wrong, where more than one can be.
    """

    def __init__(self, message: str, *, problems: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class NotFreezable(AivalueError):
    """The series cannot become a baseline: nothing measured, or a window that is not before."""


class NotEstimable(AivalueError):
    """The data cannot support the estimate asked for.

    Raised instead of returning zero: "no evidence" must never be shown as "no effect".

    Attributes
    ----------
    verdict : str
        "below_sample_floor", "too_early" or "unverifiable".
    """

    def __init__(self, message: str, *, verdict: str = "unverifiable") -> None:
        super().__init__(message)
        self.verdict = verdict


class NotComputable(AivalueError):
    """A financial figure has no answer for these cash flows.

    Attributes
    ----------
    reason : str
        Stable code, e.g. "no_sign_change" or "multiple_irr_possible".
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class InvalidMoney(AivalueError):
    """An amount that is not money (NaN, float, unknown currency), or two currencies combined."""
