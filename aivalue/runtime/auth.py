"""Bearer token to principal. The tenant comes from here and never from what a caller sends.

Tokens are stored as SHA-256 digests: they are random 256-bit secrets, so a slow hash adds only
a way to exhaust the server.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from fastapi import Depends, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from aivalue.runtime.headers import SUBJECT_HEADER, TENANT_HEADER
from aivalue.runtime.settings import AuthSettings, InvalidSettings

Role = Literal["reader", "writer", "approver", "operator", "service"]
ALL_ROLES: frozenset[Role] = frozenset({"reader", "writer", "approver", "operator", "service"})
_SUBJECT = re.compile(r"[\w.@+-]{1,100}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who calls, for which tenant, allowed what."""

    tenant: str
    subject: str
    roles: frozenset[Role]


class _Token(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    tenant: str = Field(min_length=1)
    subject: str = Field(min_length=1)
    roles: frozenset[Role]


class Authenticator:
    """Looks a request's token up in what was read at start."""

    def __init__(self, settings: AuthSettings) -> None:
        self._open_tenant = settings.open_tenant if settings.mode == "open" else None
        self._tokens = () if settings.tokens_file is None else _read(settings.tokens_file)

    def principal(self, request: Request) -> Principal:
        """Identify the caller.

        Raises
        ------
        HTTPException
            401 without a known token; 403 where a tenant is named by someone who is no service.
        """
        if self._open_tenant is not None:
            subject = request.headers.get(SUBJECT_HEADER, "local")
            if not _SUBJECT.fullmatch(subject):
                raise HTTPException(400, f"{SUBJECT_HEADER} needs letters, digits, . @ + _ or -")
            return Principal(tenant=self._open_tenant, subject=subject, roles=ALL_ROLES)
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        digest = digest_of(secret)
        # Every token is compared, so that timing says nothing about which one nearly matched.
        matches = [each for each in self._tokens if hmac.compare_digest(each.sha256, digest)]
        if scheme.lower() != "bearer" or not matches:
            raise HTTPException(
                401, "a known bearer token is needed", headers={"www-authenticate": "Bearer"}
            )
        token = matches[0]
        tenant = token.tenant
        if TENANT_HEADER in request.headers:
            if "service" not in token.roles:
                raise HTTPException(403, "only a service may act for a tenant it names")
            tenant = request.headers[TENANT_HEADER]
        return Principal(tenant=tenant, subject=token.subject, roles=token.roles)


@dataclass(frozen=True, slots=True)
class Admission:
    """The dependency that admits principals with a role; the API's description reads the role."""

    role: Role

    async def __call__(self, request: Request) -> Principal:
        """Return the caller, or refuse with 401 or 403."""
        authenticator: Authenticator = request.app.state.authenticator
        principal = authenticator.principal(request)
        if self.role not in principal.roles:
            raise HTTPException(403, f"{principal.subject} lacks the role {self.role}")
        return principal


def require(role: Role) -> Admission:
    """Build the dependency that admits principals with a role."""
    return Admission(role)


Reader = Annotated[Principal, Depends(require("reader"))]
Writer = Annotated[Principal, Depends(require("writer"))]
Operator = Annotated[Principal, Depends(require("operator"))]


def new_token() -> str:
    """Return a secret of 256 bits that can stand in a header."""
    return "av_" + secrets.token_urlsafe(32)


def digest_of(secret: str) -> str:
    """Return what the tokens file stores for a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def require_token_file(path: Path) -> None:
    """Check that a file is one of tokens.

    Raises
    ------
    InvalidSettings
        The message says what is wrong with it.
    """
    _read(path)


def _read(path: Path) -> tuple[_Token, ...]:
    try:
        return TypeAdapter(tuple[_Token, ...]).validate_json(path.read_bytes())
    except OSError as error:
        why = error.strerror or str(error)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        why = f"{'/'.join(str(part) for part in first['loc'])}: {first['msg']}".removeprefix(": ")
    raise InvalidSettings(f"AIVALUE_AUTH__TOKENS_FILE: {path} holds no tokens: {why}")
