"""The accounts of the demo academy. Light: the supervisor prints them at every start."""

import hashlib
import tomllib
from importlib import resources
from typing import Any, Final

import msgspec
from rich.table import Table

PASSWORD: Final = "learn-something-new"  # noqa: S105 - of a demo, printed at the start


class DemoAccount(msgspec.Struct, frozen=True):
    """Somebody to sign in as."""

    email: str
    password: str
    role: str


def _source() -> str:
    return resources.files("lyceum.app.demo").joinpath("academy.toml").read_text(encoding="utf-8")


def load_source() -> dict[str, Any]:
    """Read the file of the demo academy."""
    return tomllib.loads(_source())


def academy_version() -> str:
    """Return what changes whenever the demo academy does."""
    return hashlib.sha256(_source().encode()).hexdigest()


def load_accounts() -> list[DemoAccount]:
    """Return the accounts to sign in with."""
    people = load_source()["people"]
    return [DemoAccount(person["email"], PASSWORD, person["role"]) for person in people]


def account_table(accounts: list[DemoAccount]) -> Table:
    """Return the accounts as a table for the terminal."""
    table = Table("email", "password", "role", title="Demo accounts")
    for account in accounts:
        table.add_row(account.email, account.password, account.role)
    return table
