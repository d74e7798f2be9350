"""docs/settings.md: every variable that a program reads, from the classes that read it."""

import json
from collections.abc import Iterator, Mapping
from typing import get_args

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from aivalue.runtime.settings import PREFIX, RuntimeSettings
from services.attribution.settings import AttributionSettings
from services.baseline.settings import BaselineSettings
from services.ingest.settings import IngestSettings
from services.reporting.settings import ReportingSettings

SERVICES: Mapping[str, type[RuntimeSettings]] = {
    "ingest": IngestSettings,
    "baseline": BaselineSettings,
    "attribution": AttributionSettings,
    "reporting": ReportingSettings,
}
# Where a name says it all to us, and not to someone who sees it for the first time.
MEANINGS = {
    "HOST": "Address to listen on; other than this machine's own only with tokens.",
    "LOG_FORMAT": "One JSON object a line, or coloured text.",
    "LOG_LEVEL": "The least severe line that is written.",
    "DATABASE__URL": "`postgresql://USER@HOST:PORT/DATABASE`; each service has a role of its own.",
    "DATABASE__POOL_SIZE": "Connections a process keeps.",
    "DATABASE__STATEMENT_TIMEOUT_MS": "A statement that takes longer is given up.",
    "KAFKA__BOOTSTRAP": "Brokers, `HOST:PORT`, separated by commas.",
    "KAFKA__SECURITY_PROTOCOL": "How the brokers are talked to.",
    "KAFKA__SASL_MECHANISM": "How we say who we are, with a SASL protocol.",
    "KAFKA__SASL_USERNAME": "Our name there.",
    "KAFKA__SASL_PASSWORD": "Our password there.",
    "KAFKA__CA_FILE": "Certificate authority of the brokers; the system's own without it.",
    "KAFKA__PARTITIONS": "Partitions of topics that we create.",
    "KAFKA__SESSION_TIMEOUT_MS": "A member of the group that is silent for longer is gone.",
    "KAFKA__REBALANCE_TIMEOUT_MS": "How long a rebalance waits for members.",
    "KAFKA__HEARTBEAT_INTERVAL_MS": "How often a member says that it is there.",
    "AUTH__MODE": "`open` serves everyone on this machine, `tokens` who has one. Without it: "
    "`tokens` where a tokens file is named, else `open`.",
    "AUTH__TOKENS_FILE": "JSON: digests of tokens with tenant, subject and roles.",
    "AUTH__OPEN_TENANT": "Tenant of everyone, in mode open.",
    "SERVICES__INGEST": "Address of ingest.",
    "SERVICES__BASELINE": "Address of baseline.",
    "SERVICES__ATTRIBUTION": "Address of attribution.",
    "SERVICES__REPORTING": "Address of reporting.",
    "INGEST__BATCH_RECORDS_MAX": "Records stored in one transaction, at most.",
    "INGEST__HTTP_EVENTS_MAX": "Events that one request may hold.",
    "INGEST__HTTP_BYTES_MAX": "Bytes that one request may hold.",
    "ATTRIBUTION__BACKOFF_SECONDS_MAX": "The pause doubles up to this.",
}
_HEAD = """\
# Settings

Written by `make docs` from the code; a test compares. A program reads its variables once, at start,
and refuses a value it cannot use. `aivalue config show` prints what is in force, secrets masked;
`aivalue doctor` names variables that no program knows.

A secret may come from a file instead, named like its variable in lower case, in
`AIVALUE_SECRETS_DIR` (default `/run/secrets`): `aivalue_database__password`.

"""


def settings_page() -> str:
    """Render the page."""
    page = _HEAD + "## Every service\n\n" + _table(RuntimeSettings, ())
    for service, settings in SERVICES.items():
        own = _table(settings, RuntimeSettings.model_fields)
        page += f"\n## {service}\n\n{own}"
    return page


def variables(
    model: type[BaseModel], prefix: str = "", *, without: Mapping[str, FieldInfo] | tuple[()] = ()
) -> Iterator[tuple[str, FieldInfo]]:
    """Yield every variable without its prefix, and the field it sets."""
    for field, info in model.model_fields.items():
        if field in without:
            continue
        name = prefix + field.upper()
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from variables(info.annotation, name + "__")
        else:
            yield name, info


def meaning_of(name: str, info: FieldInfo) -> str | None:
    """Return what a variable means: the field's own words, or ours."""
    return info.description or MEANINGS.get(name)


def _table(model: type[BaseModel], without: Mapping[str, FieldInfo] | tuple[()]) -> str:
    rows = [
        f"| `{PREFIX}{name}` | {_default(info)} | {meaning_of(name, info)}{_choices(info)} |\n"
        for name, info in variables(model, without=without)
    ]
    return "| variable | default | meaning |\n|---|---|---|\n" + "".join(rows)


def _default(info: FieldInfo) -> str:
    value = info.get_default(call_default_factory=True, validated_data={})
    if value is None or value == "":
        return ""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, bool | dict):
        value = json.dumps(value)
    return f"`{value}`"


def _choices(info: FieldInfo) -> str:
    choices = [each for each in get_args(info.annotation) if isinstance(each, str)]
    return f" One of {', '.join(f'`{each}`' for each in choices)}." if choices else ""
