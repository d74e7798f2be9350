"""Run the reporting service: `python -m services.reporting`."""

from aivalue.runtime.server import serve
from services.reporting.app import create_app
from services.reporting.settings import ReportingSettings

if __name__ == "__main__":
    serve("reporting", ReportingSettings, create_app, port=8104)
