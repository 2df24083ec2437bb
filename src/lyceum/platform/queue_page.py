"""The queue dashboard as HTML: each section by itself, because the live page swaps them.

Everything that comes from outside is escaped; there is no inline script or style, which the page's
policy forbids. Not here: the routes (`queue_pages`), what is asked of the database (`queue_admin`).
"""

from collections.abc import Sequence
from html import escape
from urllib.parse import quote

import msgspec

from lyceum.platform import queue_cells
from lyceum.platform.queue_admin import QueuedJob
from lyceum.platform.queue_views import QueuesView, QueueView, ScheduleView, WorkerView

PLACE = "/admin/queues"
API = "/api/v1/admin/queues"
SIGN_OUT = '<button id="sign-out">Sign out</button>'


class Snapshot(msgspec.Struct, frozen=True):
    """What the page shows; `may_manage` is whether it has buttons."""

    overview: QueuesView
    failed: list[QueuedJob]
    live: list[QueuedJob]
    schedules: list[ScheduleView]
    may_manage: bool


def sections(found: Snapshot) -> dict[str, str]:
    """Return the inner HTML of every section by its id."""
    return {
        "overview": _overview(found.overview),
        "failed": _failed(found),
        "jobs": _jobs(found),
        "schedules": _schedules(found),
        "workers": _workers(found.overview.workers),
    }


def render(academy: str, found: Snapshot) -> bytes:
    """Return the whole page."""
    body = "".join(
        f'<section id="{name}">{html}</section>' for name, html in sections(found).items()
    )
    return _document(
        academy,
        f'<header><h1>Queues</h1><span class="where">{escape(academy)}</span>'
        f'<span id="live-state" role="status">As of {found.overview.at:%H:%M:%S} UTC</span>'
        f"{SIGN_OUT}</header>"
        f"<main>{body}</main>",
    )


def render_sign_in(academy: str) -> bytes:
    """Return the page for somebody who has not said who they are."""
    return _document(
        academy,
        '<main class="narrow"><div class="card"><form method="post">'
        f"<h2>Queues of {escape(academy)}</h2>"
        '<label>Email<input name="email" type="email" autocomplete="username" required></label>'
        '<label>Password<input name="password" type="password" autocomplete="current-password"'
        " required></label>"
        '<label id="factor" hidden>Code of the authenticator app, or a recovery code'
        '<input name="code" autocomplete="one-time-code"></label>'
        '<p class="problem" id="problem" role="alert"></p>'
        # Without the script nothing may be sent, least of all in an address.
        '<button class="main" disabled>Sign in</button></form>'
        '<details><summary>Use an access token</summary><form method="post">'
        '<label>Token<input name="token" type="password" autocomplete="off" required></label>'
        "<button disabled>Show the queues</button></form></details></div></main>",
    )


def render_refusal(academy: str, detail: str) -> bytes:
    """Return the page for somebody who may not see the queues."""
    return _document(
        academy,
        '<main class="narrow"><div class="card"><h2>You may not see the queues</h2>'
        f"<p>{escape(detail)}</p>{SIGN_OUT}</div></main>",
    )


def _document(academy: str, body: str) -> bytes:
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>Queues - {escape(academy)}</title>"
        f"<link rel='stylesheet' href='{PLACE}/page.css'>"
        f"<script src='{PLACE}/page.js' defer></script></head>"
        f"<body>{body}<p id='said' role='status'></p></body></html>"
    ).encode()


def _overview(view: QueuesView) -> str:
    cards = "".join(_card(queue) for queue in view.queues)
    warning = ""
    if not view.workers:
        warning = '<p class="empty warning">No worker is running: jobs wait until one does.</p>'
    return f'{warning}<div class="cards">{cards}</div>'


def _card(queue: QueueView) -> str:
    figures = (
        ("waiting", queue.waiting, "busy" if queue.waiting else ""),
        ("delayed", queue.delayed, ""),
        ("running", queue.running, ""),
        ("failed", queue.failed, "bad" if queue.failed else ""),
    )
    shown = "".join(
        f'<div class="{kind}"><dt>{name}</dt><dd>{count:,}</dd></div>'
        for name, count, kind in figures
    )
    rate = sum(minute.succeeded + minute.failed for minute in queue.minutes[-6:-1]) / 5
    ended = queue.succeeded_last_hour + queue.failed_last_hour
    wait = (
        f"first in line since {queue_cells.seconds(queue.oldest_seconds)}" if queue.waiting else ""
    )
    latency = queue.latency
    return (
        f'<article class="card"><h3>{escape(queue.name)}<small>{wait}</small></h3>'
        f'<dl class="figures">{shown}</dl>{queue_cells.plot(queue)}'
        f'<div class="scale"><span>an hour ago</span><span>{ended:,} ended, now'
        f" {rate:.1f} a minute</span></div>"
        '<div class="latency"><span></span><span class="title">half within</span>'
        '<span class="title">95 % within</span>'
        f"<span>waits</span><b>{queue_cells.seconds(latency.waiting_p50)}</b>"
        f"<b>{queue_cells.seconds(latency.waiting_p95)}</b>"
        f"<span>runs</span><b>{queue_cells.seconds(latency.running_p50)}</b>"
        f"<b>{queue_cells.seconds(latency.running_p95)}</b></div></article>"
    )


def _failed(found: Snapshot) -> str:
    total = sum(queue.failed for queue in found.overview.queues)
    acts = ""
    if found.may_manage and total:
        acts = '<span class="push"></span>' + queue_cells.button(
            "Retry all", f"{API}/retry-failed", body="{}", done="They are tried again."
        ) + queue_cells.button(
            "Discard all", f"{API}/discard-failed", body="{}", done="They are given up.",
            sure=f"Give up {total} failed jobs?",
        )  # fmt: skip
    head = f'<div class="head"><h2>Failed <span class="count">{total:,}</span></h2>{acts}</div>'
    if not found.failed:
        return f'{head}<p class="empty">Nothing has failed.</p>'
    rows = [
        (
            _name_cell(job),
            f'<td class="why">{escape(job.error or "")}'
            f"{f'<small><code>{escape(job.fault)}</code></small>' if job.fault else ''}</td>",
            f'<td class="number" data-label="tries">{job.attempts}</td>',
            f'<td class="when" data-label="failed">{queue_cells.moment(job.finished_at)}</td>',
            _acts(
                found,
                queue_cells.button(
                    "Retry", f"{API}/jobs/{job.id}/retry", done="It is tried again."
                ),
                queue_cells.button(
                    "Discard", f"{API}/jobs/{job.id}/discard", done="It is given up."
                ),
            ),
        )
        for job in found.failed
    ]
    heads = ("job", "why", "tries", "failed")
    return head + queue_cells.table(heads, rows) + queue_cells.more(total, len(found.failed))


def _jobs(found: Snapshot) -> str:
    total = sum(q.waiting + q.delayed + q.running for q in found.overview.queues)
    head = f'<div class="head"><h2>Under way <span class="count">{total:,}</span></h2></div>'
    if not found.live:
        return f'{head}<p class="empty">Nothing is waiting or running.</p>'
    rows = [
        (
            _name_cell(job),
            f'<td><span class="state {job.state}">'
            f"{'stopping' if job.is_stopping else escape(job.state)}</span></td>",
            f'<td>{_progress(job)}</td>',
            f'<td class="number" data-label="tries">{job.attempts}</td>',
            f'<td class="when" data-label="due">{queue_cells.moment(job.available_at)}</td>',
            _acts(
                found,
                queue_cells.button(
                    "Cancel", f"{API}/jobs/{job.id}/cancel", done="It is cancelled.",
                    sure=f"Cancel {job.name}?",
                ),
            ),
        )
        for job in found.live
    ]  # fmt: skip
    heads = ("job", "state", "progress", "tries", "due")
    return head + queue_cells.table(heads, rows) + queue_cells.more(total, len(found.live))


def _schedules(found: Snapshot) -> str:
    head = '<div class="head"><h2>Scheduled</h2></div>'
    if not found.schedules:
        return f'{head}<p class="empty">No worker has said yet what the clock starts.</p>'
    rows = [
        (
            f'<td class="name"><code>{escape(row.name)}</code>'
            f"<small>{escape(row.queue)}</small></td>",
            f'<td data-label="cron"><code>{escape(row.cron)}</code></td>',
            f'<td class="when" data-label="last">{queue_cells.moment(row.last_started_at)}</td>',
            f"<td>{queue_cells.state(row.last_state)}</td>",
            f'<td class="when" data-label="next">{queue_cells.moment(row.next_at)}</td>',
            _acts(
                found,
                queue_cells.button(
                    "Run now", f"{API}/schedules/{quote(row.name)}/run", done="It is started."
                ),
            ),
        )
        for row in found.schedules
    ]
    return head + queue_cells.table(("job", "cron (UTC)", "last run", "result", "next run"), rows)


def _workers(workers: Sequence[WorkerView]) -> str:
    head = f'<div class="head"><h2>Workers <span class="count">{len(workers)}</span></h2></div>'
    if not workers:
        return f'{head}<p class="empty warning">None is running.</p>'
    rows = [
        (
            f'<td class="name">{escape(worker.host)}'
            f"<small>process {worker.process_id}</small></td>",
            f'<td data-label="services">{escape(worker.services)}</td>',
            f'<td class="number" data-label="running">{worker.running}</td>',
            f'<td class="when" data-label="since">{queue_cells.moment(worker.started_at)}</td>',
        )
        for worker in workers
    ]
    return head + queue_cells.table(("host", "services", "running", "since"), rows)


def _acts(found: Snapshot, *buttons: str) -> str:
    return f'<td class="acts">{" ".join(buttons)}</td>' if found.may_manage else ""


def _name_cell(job: QueuedJob) -> str:
    return (
        f'<td class="name"><code title="{job.id}">{escape(job.name)}</code>'
        f"<small>{escape(job.queue)}</small></td>"
    )


def _progress(job: QueuedJob) -> str:
    if job.state != "running":
        return ""
    note = f" {escape(job.note)}" if job.note else ""
    return f'<progress max="1" value="{job.progress:.3f}"></progress> {job.progress:.0%}{note}'
