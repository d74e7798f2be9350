"""Run the baseline service: `python -m services.baseline`."""

from aivalue.runtime.server import serve
from services.baseline.app import create_app
from services.baseline.settings import BaselineSettings

if __name__ == "__main__":
    serve("baseline", BaselineSettings, create_app, port=8102)
