"""Every setting of the program, and the only reader of the environment.

`lyceum settings` prints this list with present values and where they come from. Each setting is
`LYCEUM_<NAME>`, but for the engines, which keep their usual names (`DATABASE_URL`, …).
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

DEVELOPMENT_SECRET = "development-only-never-use-this-in-production"  # noqa: S105 - refused there
OnOff = Literal["on", "off"]
RedisUse = Literal["cache", "limits", "jobs"]
REDIS_DATABASES: dict[RedisUse, int] = {"cache": 0, "limits": 1, "jobs": 2}


class SettingsInvalid(Exception):
    """The environment holds a setting that makes no sense; the text says which and why."""


def _usual(name: str) -> AliasChoices:
    return AliasChoices(name, f"LYCEUM_{name}")


class OidcProvider(BaseModel):
    """An OpenID provider where people may sign in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    issuer: Annotated[str, Field(pattern=r"^https?://[!-~]+$")]
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: SecretStr = SecretStr("")
    title: str = ""
    scopes: str = "openid email profile"


class Settings(BaseSettings):
    """Settings of one process, read once at its start."""

    model_config = SettingsConfigDict(env_prefix="LYCEUM_", frozen=True, populate_by_name=True)

    environment: Literal["development", "production", "test"] = Field(
        "development", description="production refuses default secrets and hides /dev pages."
    )
    host: str = Field("127.0.0.1", description="Address the web server listens on.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(3000, description="Port it listens on.")
    data_dir: Path = Field(
        Path("./var"), description="Folder for the embedded database, files, mail and logs."
    )
    services: str = Field("all", description="Comma-separated services this process carries.")
    workers: Annotated[int, Field(ge=1, le=64)] = Field(1, description="Web processes.")
    public_url: str = Field(
        "", description="Address people reach the academy under; links are built from it alone."
    )
    academy_name: str = Field("Lyceum Academy", description="Name on certificates and in mails.")
    secret_key: str = Field(
        DEVELOPMENT_SECRET,
        min_length=32,
        description="Secret that protects stored keys and derived tokens; 32 characters or more.",
    )

    database_url: str | None = Field(
        None,
        validation_alias=_usual("DATABASE_URL"),
        description="PostgreSQL 15+; unset: the embedded PostgreSQL in the data folder.",
    )
    database_replica_url: str | None = Field(
        None,
        validation_alias=_usual("DATABASE_REPLICA_URL"),
        description="Replica that serves reads.",
    )
    database_connections: Annotated[int, Field(ge=1, le=200)] = Field(
        10, description="Connections of one process to the database."
    )
    redis_url: str | None = Field(
        None,
        validation_alias=_usual("REDIS_URL"),
        description="Redis 7 for cache, limits, jobs (databases 0, 1, 2); unset: none is needed.",
    )
    redis_cache_url: str | None = Field(
        None,
        validation_alias=_usual("REDIS_CACHE_URL"),
        description="Redis of cache and fan-out, if not that of REDIS_URL.",
    )
    redis_limits_url: str | None = Field(
        None,
        validation_alias=_usual("REDIS_LIMITS_URL"),
        description="Redis of rate limits, if not that of REDIS_URL.",
    )
    redis_jobs_url: str | None = Field(
        None,
        validation_alias=_usual("REDIS_JOBS_URL"),
        description="Redis of the job queues, if not that of REDIS_URL.",
    )
    rabbitmq_url: str | None = Field(
        None,
        validation_alias=_usual("RABBITMQ_URL"),
        description="RabbitMQ for events; unset: the worker handles the outbox in place.",
    )
    rabbitmq_prefix: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,39}$")] = Field(
        "lyceum",
        description="Start of the names on RabbitMQ: for several installations on one broker.",
    )
    storage_url: str | None = Field(
        None,
        validation_alias=_usual("STORAGE_URL"),
        description="Where files are kept: file:///…, s3://…, gs://…, az://…; unset: data folder.",
    )
    smtp_url: str | None = Field(
        None,
        validation_alias=_usual("SMTP_URL"),
        description="smtp://user:password@host:587; unset: a mailbox readable at /dev/mail.",
    )
    mail_from: str = Field(
        "Lyceum <no-reply@localhost>", description="Sender of every mail of the academy."
    )

    passkey_domain: str = Field(
        "", description="Domain that passkeys are bound to; unset: that of the public URL."
    )
    google_client_id: str = Field("", description="Client id at Google; set: people sign in there.")
    google_client_secret: SecretStr = Field(SecretStr(""), description="Secret of that client.")
    apple_client_id: str = Field(
        "", description="Services id at Apple; set with the three below: people sign in there."
    )
    apple_team_id: str = Field("", description="Team at Apple that the key belongs to.")
    apple_key_id: str = Field("", description="Name of the key at Apple.")
    apple_private_key: SecretStr = Field(
        SecretStr(""), description="The key itself, as PEM (the .p8 file that Apple gives once)."
    )
    oidc_providers: tuple[OidcProvider, ...] = Field(
        (),
        description='OpenID providers as JSON: [{"name", "issuer", "client_id", "client_secret"'
        ', and if need be "title", "scopes"}].',
    )
    return_paths: str = Field(
        "/,/login,/account,/courses,/dashboard",
        description="Paths of the front end, and what is below them, where sign-ins may return.",
    )
    registration: Literal["open", "verified"] | None = Field(
        None, description="open: 201 at once; verified: by mail. Unset: open in development only."
    )
    rate_limits: OnOff = Field("on", description="Whether requests are limited.")
    rate_limit_signed_in: Annotated[int, Field(ge=1)] = Field(
        100, description="Requests a minute of a signed-in person."
    )
    rate_limit_service: Annotated[int, Field(ge=1)] = Field(
        6000, description="Requests a minute of another service that signs them."
    )
    rate_limit_guest: Annotated[int, Field(ge=1)] = Field(
        20, description="Requests a minute of an address that is not signed in."
    )
    rate_limit_login: Annotated[int, Field(ge=1)] = Field(
        5, description="Sign-ins a minute from one address."
    )
    rate_limit_registration: Annotated[int, Field(ge=1)] = Field(
        3, description="Registrations a minute from one address."
    )
    access_token_seconds: Annotated[int, Field(ge=60, le=86_400)] = Field(
        900, description="Life of an access token."
    )
    refresh_token_seconds: Annotated[int, Field(ge=3600)] = Field(
        7 * 86_400, description="Life of a refresh token that is not used."
    )
    refresh_absolute_seconds: Annotated[int, Field(ge=3600)] = Field(
        90 * 86_400, description="Life of a session however much it is used."
    )

    outbound_private: OnOff = Field(
        "off", description="Whether webhooks may go to private networks: for development only."
    )
    cors_origins: str = Field("", description="Comma-separated origins of browsers' front ends.")
    trusted_proxies: str = Field(
        "", description="Comma-separated addresses whose X-Forwarded-For is believed."
    )
    max_in_flight: Annotated[int, Field(ge=1)] = Field(
        512, description="Requests served at once; above it callers get 503 and Retry-After."
    )
    drain_seconds: Annotated[float, Field(ge=0, le=60)] = Field(
        0.0, description="Time between not being ready and refusing connections at shutdown."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe event that is logged."
    )
    log_format: Literal["auto", "json", "pretty"] = Field(
        "auto", description="auto: pretty in a terminal, otherwise JSON, one line an event."
    )
    access_log: OnOff = Field("on", description="Whether each request is one log line.")
    cache_bytes: Annotated[int, Field(ge=0)] = Field(
        32 * 1024 * 1024,
        description="Memory of the cache in each process; what is asked for less is packed in it.",
    )

    @model_validator(mode="after")
    def _refuse_default_secret(self) -> "Settings":
        if self.is_production and self.secret_key == DEVELOPMENT_SECRET:
            raise ValueError("LYCEUM_SECRET_KEY must be set in production (32 characters or more)")
        return self

    @property
    def is_production(self) -> bool:
        """Whether real people depend on this installation."""
        return self.environment == "production"

    @property
    def base_url(self) -> str:
        """The address links are built from, without a slash at the end."""
        return (self.public_url or f"http://localhost:{self.port}").rstrip("/")

    @property
    def registration_mode(self) -> Literal["open", "verified"]:
        """The registration mode in force."""
        return self.registration or ("verified" if self.is_production else "open")

    def redis_for(self, use: RedisUse) -> str | None:
        """Return the Redis that serves `use`, or None: its own, or a database of REDIS_URL.

        A REDIS_URL that names a database (not 0) means that one for every use.
        """
        own: str | None = getattr(self, f"redis_{use}_url")
        if own is not None or self.redis_url is None:
            return own
        parts = urlsplit(self.redis_url)
        number = REDIS_DATABASES[use]
        if parts.scheme == "unix":
            joint = "&" if parts.query else "?"
            has_one = "db=" in parts.query
            return self.redis_url if has_one else f"{self.redis_url}{joint}db={number}"
        if parts.path.strip("/") not in ("", "0"):
            return self.redis_url
        return urlunsplit(parts._replace(path=f"/{number}"))

    @property
    def storage_location(self) -> str:
        """The storage URL in force."""
        return self.storage_url or (self.data_dir.absolute() / "files").as_uri()


def load_settings(**given: Any) -> Settings:
    """Read the settings; `given` (command-line options; None means not given) wins.

    Raises SettingsInvalid with one line for each setting that is wrong; values are never shown.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as problem:
        lines = []
        for error in problem.errors(include_url=False, include_input=False):
            name = "_".join(str(part) for part in error["loc"]).upper()
            known = name.lower() in Settings.model_fields
            variable = environment_name(name.lower()) if known else name
            said = error["msg"].removeprefix("Value error, ")
            lines.append(f"{variable}: {said}" if name else said)
        raise SettingsInvalid("\n".join(lines)) from None


def environment_name(field: str) -> str:
    """Return the variable that sets the field."""
    alias = Settings.model_fields[field].validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return f"LYCEUM_{field.upper()}"


def child_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with `extra`, for a process that it starts."""
    return {**os.environ, **extra}


def is_set(variable: str) -> bool:
    """Return whether the environment holds the variable."""
    return variable in os.environ
