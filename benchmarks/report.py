"""Tables, ratios, the JSON of a run and its plot."""

import platform
from datetime import datetime
from html import escape
from pathlib import Path
from statistics import median

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.load import Measure

# What specs call the figures to reach: endpoint, ours, theirs, at least.
TARGETS = (
    ("list", "lyceum", "fastify-cached", 0.9, "cached list beside Fastify's cached list"),
    ("list", "lyceum-uncached", "fastify-json", 1.5, "uncached list beside Fastify with JSON"),
    ("detail", "lyceum", "fastify-json", 1.0, "detail beside Fastify with JSON"),
    ("progress", "lyceum", "fastify-json", 0.9, "progress beside Fastify with JSON"),
    ("list", "lyceum-uncached", "express-sequelize", 8.0, "list beside Express + Sequelize"),
    ("detail", "lyceum", "express-sequelize", 8.0, "detail beside Express + Sequelize"),
    ("progress", "lyceum", "express-sequelize", 8.0, "progress beside Express + Sequelize"),
    ("list", "lyceum-uncached", "pgbench", 0.5, "uncached list beside the database's limit"),
    ("detail", "lyceum", "pgbench", 0.5, "detail beside the database's limit"),
    ("progress", "lyceum", "pgbench", 0.5, "progress beside the database's limit"),
    ("list", "lyceum-uncached", "fastify-pipelined", 1.0, "list beside the strongest Node"),
    ("detail", "lyceum", "fastify-pipelined", 1.0, "detail beside the strongest Node"),
    ("progress", "lyceum", "fastify-pipelined", 1.0, "progress beside the strongest Node"),
)
# Whose p99 may not be above whose.
SLOWEST = (
    ("list", "lyceum", "fastify-cached", "p99 of the cached list beside Fastify's"),
    ("list", "lyceum-uncached", "fastify-json", "p99 of the uncached list beside Fastify's"),
    ("detail", "lyceum", "fastify-json", "p99 of detail beside Fastify's"),
    ("progress", "lyceum", "fastify-json", "p99 of progress beside Fastify's"),
)
GROWTH = 1.3
ENDPOINTS = ("list", "detail", "progress")


class Line(msgspec.Struct, frozen=True):
    """One contender on one endpoint: the medians of its rounds."""

    contender: str
    endpoint: str
    rate: float
    p50: float
    p99: float
    rounds: list[Measure]


class Target(msgspec.Struct, frozen=True):
    """One figure to reach and what it is now."""

    what: str
    ratio: float
    limit: float
    is_reached: bool
    is_ceiling: bool = False


class Result(msgspec.Struct, frozen=True):
    """A whole run."""

    taken_at: datetime
    machine: str
    processes: int
    users: int
    courses: int
    progress_rows: int
    web_memory_mib: float
    lines: list[Line]
    targets: list[Target]


def line_of(contender: str, endpoint: str, rounds: list[Measure]) -> Line:
    """Return the medians of the rounds."""
    return Line(
        contender,
        endpoint,
        round(median(m.rate for m in rounds), 1),
        round(median(m.p50 for m in rounds), 2),
        round(median(m.p99 for m in rounds), 2),
        rounds,
    )


def targets_of(lines: list[Line]) -> list[Target]:
    """Return the figures to reach that these lines allow to say."""
    known = {(line.endpoint, line.contender): line for line in lines}
    found = []
    for endpoint, ours, theirs, at_least, what in TARGETS:
        if (endpoint, ours) in known and (endpoint, theirs) in known:
            ratio = round(known[endpoint, ours].rate / known[endpoint, theirs].rate, 2)
            found.append(Target(what, ratio, at_least, ratio >= at_least))
    for endpoint, ours, theirs, what in SLOWEST:
        if (endpoint, ours) in known and (endpoint, theirs) in known:
            ratio = round(known[endpoint, ours].p99 / known[endpoint, theirs].p99, 2)
            found.append(Target(what, ratio, 1.0, ratio <= 1.0, is_ceiling=True))
    return found


def grown(before: Result, after: Result) -> Result:
    """Return `after` with the lines of `before` as contenders of their own, and how many times the
    latency each endpoint has with the rows that there are more."""
    was = {(line.contender, line.endpoint): line for line in before.lines}
    targets = []
    for line in after.lines:
        for name, ours, theirs in (
            ("median", line.p50, was[line.contender, line.endpoint].p50),
            ("p99", line.p99, was[line.contender, line.endpoint].p99),
        ):
            ratio = round(ours / theirs, 2)
            what = f"{line.contender} {line.endpoint}: {name} with ten times the rows"
            targets.append(Target(what, ratio, GROWTH, ratio <= GROWTH, is_ceiling=True))
    lines = [
        msgspec.structs.replace(line, contender=f"{line.contender}, {rows:,} rows")
        for rows, result in ((before.progress_rows, before), (after.progress_rows, after))
        for line in result.lines
    ]
    return msgspec.structs.replace(after, lines=lines, targets=targets)


def machine() -> str:
    """Return what the run was taken on, without its name."""
    return f"{platform.machine()}, Python {platform.python_version()}, {platform.system()}"


def show(console: Console, result: Result) -> None:
    """Print the lines and the figures to reach."""
    table = Table("endpoint", "contender", "requests/s", "p50 ms", "p99 ms", "of the best")
    for endpoint in ENDPOINTS:
        group = [line for line in result.lines if line.endpoint == endpoint]
        best = max((line.rate for line in group if line.contender != "pgbench"), default=1.0)
        for line in sorted(group, key=lambda g: -g.rate):
            style = "bold" if line.contender.startswith("lyceum") else ""
            table.add_row(
                endpoint, line.contender, f"{line.rate:,.0f}", f"{line.p50:.2f}",
                f"{line.p99:.2f}", f"{line.rate / best:.2f}", style=style,
            )  # fmt: skip
        table.add_section()
    console.print(table)
    figures = Table("figure to reach", "ratio", "limit", "")
    for target in result.targets:
        mark = "[green]reached[/]" if target.is_reached else "[red]not reached[/]"
        limit = f"{'at most' if target.is_ceiling else 'at least'} {target.limit:.1f}"
        figures.add_row(target.what, f"{target.ratio:.2f}", limit, mark)
    console.print(figures)
    console.print(f"web process: {result.web_memory_mib:.0f} MiB resident")


def plot(result: Result, path: Path) -> None:
    """Write the rates as an SVG of bars, one group an endpoint."""
    rows: list[str] = []
    y = 30
    for endpoint in ENDPOINTS:
        group = sorted((x for x in result.lines if x.endpoint == endpoint), key=lambda g: -g.rate)
        most = max((line.rate for line in group), default=1.0)
        rows.append(f'<text x="10" y="{y}" font-weight="bold">{endpoint}, requests/s</text>')
        for line in group:
            y += 22
            colour = "#2f6f4f" if line.contender.startswith("lyceum") else "#9aa5b1"
            width = round(420 * line.rate / most)
            rows.append(
                f'<text x="160" y="{y}" text-anchor="end">{escape(line.contender)}</text>'
                f'<rect x="170" y="{y - 12}" width="{width}" height="15" fill="{colour}"/>'
                f'<text x="{178 + width}" y="{y}">{line.rate:,.0f}</text>'
            )
        y += 40
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="680" height="{y}" '
        'font-family="system-ui, sans-serif" font-size="13">'
        '<rect width="100%" height="100%" fill="white"/>' + "".join(rows) + "</svg>\n"
    )
