"""Settings of the baseline service: the shared ones suffice; read once, at start."""

from aivalue.runtime.settings import RuntimeSettings


class BaselineSettings(RuntimeSettings):
    """What the baseline service reads from `AIVALUE_*`."""
