"""What can be read off the program itself, as files: settings and permissions in docs, which are
committed; commands and the OpenAPI document in docs/build, which are not.

    python -m tools.write_docs            write them all and say where
    python -m tools.write_docs --check    write nothing; exit 1 if a committed one is stale
"""

import argparse
import json
import sys
from pathlib import Path

import click

from lyceum.app import cli, services
from lyceum.platform import asyncapi, openapi
from lyceum.platform.access import ROLES, Permission, all_permissions
from lyceum.platform.routing import IN_PERSON, PUBLIC, SERVICE, SIGNED_IN, Route
from lyceum.platform.settings import Settings, environment_name
from tools import pin_events

DOCS = Path(__file__).parents[1] / "docs"
BUILD = DOCS / "build"
GENERATED = "<!-- Written by `make docs`; change the program instead. -->"

WHO = {
    PUBLIC: "everybody",
    SIGNED_IN: "whoever is signed in",
    IN_PERSON: "whoever is signed in, in person (no API key)",
    SERVICE: "other services, by signed requests",
}


def settings_page() -> str:
    """Answer every setting, its default and what it is for."""
    lines = ["# Settings", "", GENERATED, "", "| variable | default | what it is for |"]
    lines.append("|---|---|---|")
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, "") else f"`{field.default}`"
        lines.append(f"| `{environment_name(name)}` | {default} | {field.description} |")
    return "\n".join(lines) + "\n"


def permissions_page() -> str:
    """Answer which role has which permission by default, and who may use which route."""
    services.load_handlers("all")
    lines = [
        "# Permissions",
        "",
        GENERATED,
        "",
        "A permission is what a role may do at all; each role has those of the roles before it, and"
        " a super admin passes every check. What somebody may do to one object (their own course,"
        " their own review) the use case decides on top of it. Missing and not visible are both"
        " 404; visible and not allowed is 403 with the reason.",
        "",
        f"| permission | {' | '.join(ROLES)} | what it allows |",
        "|---|" + ":-:|" * len(ROLES) + "---|",
    ]
    for permission in all_permissions():
        lowest = ROLES.index(permission.role)
        marks = " | ".join("✓" if rank >= lowest else "" for rank in range(len(ROLES)))
        lines.append(
            f"| `{permission.name}` | {marks} | {permission.description.removesuffix('.')} |"
        )
    lines += [
        "",
        "## Routes",
        "",
        "`/health`, `/ready`, `/metrics`, `/openapi.json`, `/asyncapi.json` and `/docs` are public,"
        " and so is `/dev/mail` where there is a development mailbox. Of the others:",
        "",
        "| method | path | who may knock |",
        "|---|---|---|",
    ]
    lines += [permission_row(route) for route in sorted_routes()]
    return "\n".join(lines) + "\n"


def permission_row(route: Route) -> str:
    """Answer the line of a route in the table of the permissions page."""
    if isinstance(route.access, Permission):
        who = f"`{route.access.name}`: {route.access.role} and above"
    else:
        who = WHO[route.access]
    return f"| {route.method} | `{route.path}` | {who} |"


def sorted_routes() -> list[Route]:
    """Answer the routes of every domain, by path and method."""
    return sorted(services.routes_of("all"), key=lambda route: (route.path, route.method))


def commands_page() -> str:
    """Answer the help of every command."""
    lines = ["# Commands", ""]

    def write(command: click.Command, words: str, parent: click.Context | None) -> None:
        with click.Context(command, parent=parent, info_name=words.split()[-1]) as context:
            lines.extend([f"## {words}", "", "```", command.get_help(context), "```", ""])
            if isinstance(command, click.Group):
                for name in command.list_commands(context):
                    inner = command.get_command(context, name)
                    if inner is not None:
                        write(inner, f"{words} {name}", context)

    write(cli.main, "lyceum", None)
    return "\n".join(lines)


def openapi_document() -> str:
    """Answer the OpenAPI document of every domain."""
    document = openapi.build_document(services.routes_of("all"), title="Lyceum", server="/")
    return json.dumps(document, indent=2) + "\n"


def asyncapi_document() -> str:
    """Answer the AsyncAPI document of every event."""
    services.load_handlers("all")
    document = asyncapi.build_document(title="Lyceum", prefix="lyceum")
    return json.dumps(document, indent=2) + "\n"


def main() -> int:
    """Write the files, or check them, and answer the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    committed = {
        DOCS / "settings.md": settings_page(),
        DOCS / "permissions.md": permissions_page(),
    }
    if parser.parse_args().check:
        stale = [path for path, text in committed.items() if read(path) != text]
        for path in stale:
            print(f"{path.name} is stale: run make docs")
        return 1 if stale else 0
    BUILD.mkdir(parents=True, exist_ok=True)
    built = {
        BUILD / "commands.md": commands_page(),
        BUILD / "openapi.json": openapi_document(),
        BUILD / "asyncapi.json": asyncapi_document(),
        pin_events.SNAPSHOT: pin_events.with_new_events(),
    }
    for path, text in {**committed, **built}.items():
        path.write_text(text)
        print(path)
    return 0


def read(path: Path) -> str:
    """Answer what the file says; nothing if there is none."""
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
