"""Settings shared by all services: `AIVALUE_*` variables, read once, at start.

Nested fields are joined by two underscores: `AIVALUE_KAFKA__BOOTSTRAP`. A secret may come from a
file of the same name in lower case under `AIVALUE_SECRETS_DIR` (default /run/secrets).
"""

import difflib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self, TypeGuard, TypeVar, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_serializer,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from aivalue.errors import AivalueError

PREFIX = "AIVALUE_"
_SECRETS_DIR = Path(os.environ.get("AIVALUE_SECRETS_DIR", "/run/secrets"))


HttpAddress = Annotated[str, Field(pattern=r"^https?://[^/]+")]


class InvalidSettings(AivalueError):
    """A variable holds what no program can use; the message names it and what it needs."""


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KafkaSettings(_Group):
    """How to reach the broker, and what this broker can do."""

    bootstrap: str = "127.0.0.1:9092"
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    ca_file: Path | None = None
    tenants: dict[str, str] = Field(
        default_factory=lambda: {"default": ""},
        description="Tenant to the prefix of its input topics; the topic's ACL is the authority.",
    )
    internal_prefix: str = Field(default="", description="Prefix of the topics services publish.")
    partitions: int = Field(default=12, ge=1)
    replication_factor: int = Field(default=3, ge=1, description="1 on a single broker.")
    idempotent_producer: bool = Field(
        default=True, description="Off for the embedded broker, which does not know it."
    )
    session_timeout_ms: int = 30_000
    rebalance_timeout_ms: int = 30_000
    heartbeat_interval_ms: int = 3_000

    def input_topic(self, tenant: str, topic: str) -> str:
        """Name the tenant's own copy of an input topic."""
        return self.tenants[tenant] + topic

    def internal_topic(self, topic: str) -> str:
        """Name a topic that services publish to each other."""
        return self.internal_prefix + topic


class AuthSettings(_Group):
    """Who may call: bearer tokens from a file, or everyone on this machine (open)."""

    mode: Literal["tokens", "open"] = Field(
        default="open", description="Without it: tokens where tokens_file is named, else open."
    )
    tokens_file: Path | None = None
    open_tenant: str = "default"
    service_token: SecretStr | None = Field(
        default=None, min_length=1, description="What this service shows to the others."
    )
    act_as: str | None = Field(
        default=None,
        description="Who the command line says it is where no token is asked for, else `local`.",
    )

    @model_validator(mode="before")
    @classmethod
    def _a_file_of_tokens_means_tokens(cls, given: object) -> object:
        if isinstance(given, dict) and "mode" not in given and given.get("tokens_file"):
            return {**given, "mode": "tokens"}
        return given

    @model_validator(mode="after")
    def _tokens_need_a_file(self) -> Self:
        if self.mode == "tokens" and self.tokens_file is None:
            raise ValueError("auth mode tokens needs tokens_file (AIVALUE_AUTH__TOKENS_FILE)")
        return self


class DatabaseSettings(_Group):
    """PostgreSQL, one schema per service."""

    url: SecretStr = SecretStr("postgresql://aivalue@127.0.0.1:5432/aivalue")
    password: SecretStr | None = Field(default=None, description="Overrides the URL's password.")
    pool_size: int = Field(default=8, ge=1)
    statement_timeout_ms: int = 30_000

    @field_validator("url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr) -> SecretStr:
        scheme = url.get_secret_value().partition("://")[0]
        if scheme not in {"postgresql", "postgres"}:
            raise ValueError("needs postgresql://USER@HOST:PORT/DATABASE")
        return url

    @field_serializer("url", when_used="json")
    def _without_password(self, url: SecretStr) -> str:
        """Show where the data is; the whole address being hidden helps nobody."""
        address = url.get_secret_value().partition("?")[0]
        return re.sub(r"(://[^:/@]*):.*@", r"\1:***@", address)


class ServiceAddresses(_Group):
    """Where the services find each other."""

    ingest: HttpAddress = "http://127.0.0.1:8101"
    baseline: HttpAddress = "http://127.0.0.1:8102"
    attribution: HttpAddress = "http://127.0.0.1:8103"
    reporting: HttpAddress = "http://127.0.0.1:8104"


class RuntimeSettings(BaseSettings):
    """What every service needs; a service adds its own fields in a subclass."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        secrets_dir=_SECRETS_DIR if _SECRETS_DIR.is_dir() else None,
        frozen=True,
        extra="forbid",
    )

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65_535, description="0 picks the service's own port.")
    database: DatabaseSettings = DatabaseSettings()
    kafka: KafkaSettings = KafkaSettings()
    auth: AuthSettings = AuthSettings()
    services: ServiceAddresses = ServiceAddresses()
    log_format: Literal["console", "json"] = "json"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings names its arguments
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read a nested field's secret from the file that has its variable's name."""
        # The default source knows whole fields only: aivalue_database__password would be ignored.
        return init_settings, env_settings, NestedSecretsSettingsSource(file_secret_settings)

    @model_validator(mode="after")
    def _open_stays_on_this_machine(self) -> Self:
        if self.auth.mode == "open" and self.host not in {"127.0.0.1", "localhost", "::1"}:
            raise ValueError(
                f"host is {self.host}, but auth mode open serves this machine only: "
                "set AIVALUE_AUTH__MODE=tokens and AIVALUE_AUTH__TOKENS_FILE"
            )
        return self


Settings = TypeVar("Settings", bound=RuntimeSettings)


def read_settings(kind: type[Settings]) -> Settings:
    """Read the environment and the files of secrets.

    Raises
    ------
    InvalidSettings
        One line for each variable that cannot be used.
    """
    try:
        return kind()
    except SettingsError as error:
        lines = _not_json(kind, os.environ) or [f"{PREFIX}*: {error}: {error.__cause__}"]
        # As below: a group may hold secrets.
        raise InvalidSettings("\n".join(lines)) from None
    except ValidationError as error:
        lines = [
            _complaint(kind, each["loc"], each["msg"], each["input"])
            for each in error.errors(include_url=False)
        ]
        # The cause would print the values of secrets.
        raise InvalidSettings("\n".join(lines)) from None


def _not_json(kind: type[BaseModel], environ: Mapping[str, str]) -> list[str]:
    """Name the variables that should hold JSON and do not; pydantic names the field they are in."""
    holding_json = {
        name
        for name, annotation in _variables(kind, PREFIX)
        if _is_group(annotation) or get_origin(annotation) in {dict, list, tuple}
    }
    complaints = []
    for variable in sorted(environ):
        if variable.upper() in holding_json:
            try:
                json.loads(environ[variable])
            except ValueError as error:
                complaints.append(f"{variable}: is not JSON: {error}")
    return complaints


def _complaint(kind: type[BaseModel], path: Sequence[int | str], message: str, seen: object) -> str:
    said = message.removeprefix("Value error, ")
    if isinstance(seen, str | int | float) and not _is_secret(kind, path):
        said += f", got {seen!r}"
    variable = PREFIX + "__".join(str(part) for part in path).upper()
    return f"{variable}: {said}" if path else said


def _is_secret(kind: type[BaseModel], path: Sequence[int | str]) -> bool:
    info = kind.model_fields.get(str(path[0])) if path else None
    if info is None:
        return False
    if _is_group(info.annotation):
        return _is_secret(info.annotation, path[1:])
    return "SecretStr" in str(info.annotation)


def unknown_variables(
    settings: Iterable[type[BaseSettings]], environ: Mapping[str, str]
) -> list[str]:
    """Say which AIVALUE_* variables no program reads, each with the nearest name that one does.

    pydantic-settings ignores a mistyped variable, and a default in its place can cost money.
    """
    known = {"AIVALUE_SECRETS_DIR", "AIVALUE_FAILPOINTS"}
    for each in settings:
        known |= {name for name, _ in _variables(each, PREFIX)}
    complaints = []
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name.upper() in known:
            continue
        near = difflib.get_close_matches(name, known, n=1)
        complaints.append(
            f"{name} is not a setting" + (f"; did you mean {near[0]}?" if near else "")
        )
    return complaints


def _variables(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, object]]:
    """Return every variable that is read, with the type of what it holds."""
    for field, info in model.model_fields.items():
        name = prefix + field.upper()
        yield name, info.annotation
        if _is_group(info.annotation):
            yield from _variables(info.annotation, name + "__")


def _is_group(annotation: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
