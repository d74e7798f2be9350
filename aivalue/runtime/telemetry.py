"""Structured logs and the metrics that every service exports. Logs never carry payloads."""

import logging
import platform
import sys
from typing import Literal

import structlog
from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics
from structlog.typing import EventDict, WrappedLogger

import aivalue

disable_created_metrics()  # type: ignore[no-untyped-call]  # the client does not annotate it

BUILD_INFO = Gauge(
    "aivalue_build_info", "Build metadata, always 1.", ["service", "version", "python_version"]
)
READY = Gauge("aivalue_ready", "1 if the dependency check last passed.", ["service", "dependency"])
LOG_MESSAGES = Counter("log_messages_total", "Log lines emitted by level.", ["service", "level"])
REQUEST_DURATION = Histogram(
    "http_server_request_duration_seconds",
    "Server request duration.",
    ["http_request_method", "http_route", "http_response_status_code"],
)
REQUESTS_ACTIVE = Gauge(
    "http_server_active_requests", "In-flight requests.", ["http_request_method"]
)
CLIENT_DURATION = Histogram(
    "http_client_request_duration_seconds",
    "Calls between services.",
    ["peer_service", "http_request_method", "http_response_status_code"],
)
JOB_SUCCESS = Gauge(
    "aivalue_last_success_timestamp_seconds",
    "Last success of a periodic job.",
    ["service", "job_name"],
)


def configure_logging(
    service: str, *, log_format: Literal["console", "json"], log_level: str
) -> None:
    """Send every log line, ours and the libraries', to stderr in one shape, and count it."""

    def count(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        LOG_MESSAGES.labels(service, str(event.get("level", "unknown"))).inc()
        event["service"] = service
        return event

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        count,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=log_level, force=True)
    for chatty in ("httpx", "httpcore", "uvicorn.access", "aiokafka"):
        logging.getLogger(chatty).setLevel("WARNING")
    BUILD_INFO.labels(service, aivalue.__version__, platform.python_version()).set(1)
