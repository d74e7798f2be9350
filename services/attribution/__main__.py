"""Run the attribution service: `python -m services.attribution`."""

from aivalue.runtime.server import serve
from services.attribution.app import create_app
from services.attribution.settings import AttributionSettings

if __name__ == "__main__":
    serve("attribution", AttributionSettings, create_app, port=8103)
