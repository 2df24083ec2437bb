"""The small pieces of the queue dashboard: tables, buttons, times, the plot. All return HTML.

Not here: what is in them (`queue_page`).
"""

from collections.abc import Sequence
from datetime import datetime
from html import escape

from lyceum.platform.queue_views import QueueView

PLOT_HEIGHT = 40


def plot(queue: QueueView) -> str:
    """Return the last hour as bars, a minute each: what failed on top of what succeeded."""
    most = max(1, *(minute.succeeded + minute.failed for minute in queue.minutes))
    bars = []
    for place, minute in enumerate(queue.minutes):
        good = minute.succeeded / most * PLOT_HEIGHT
        bad = minute.failed / most * PLOT_HEIGHT
        for kind, height, top in (("good", good, good), ("bad", bad, good + bad)):
            if height:
                bars.append(
                    f'<rect class="{kind}" x="{place * 5 + 0.5}" y="{PLOT_HEIGHT - top:.2f}"'
                    f' width="4" height="{height:.2f}"/>'
                )
    said = (
        f"{queue.succeeded_last_hour} succeeded and {queue.failed_last_hour} failed in the last"
        f" hour, at most {most} a minute"
    )
    return (
        f'<svg class="plot" viewBox="0 0 300 {PLOT_HEIGHT}" preserveAspectRatio="none" role="img"'
        f' aria-label="{said}"><title>{said}</title>{"".join(bars)}'
        f'<line class="axis" x1="0" x2="300" y1="{PLOT_HEIGHT}" y2="{PLOT_HEIGHT}"/></svg>'
    )


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; the last cell of a row may be beyond the heads."""
    titles = "".join(
        f'<th class="number">{head}</th>' if head in ("tries", "running") else f"<th>{head}</th>"
        for head in heads
    )
    lines = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    extra = "<th></th>" if len(rows[0]) > len(heads) else ""
    return (
        f'<div class="table"><table><thead><tr>{titles}{extra}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def more(total: int, shown: int) -> str:
    """Return a line that says that a list is not all."""
    return f'<p class="count">The newest {shown} of {total:,}.</p>' if total > shown else ""


def button(word: str, post: str, *, done: str, body: str = "", sure: str = "") -> str:
    """Return a button that posts `body` to `post` and then says `done`, once asked `sure`."""
    more = "".join(
        f' data-{name}="{escape(value)}"'
        for name, value in (("body", body), ("sure", sure))
        if value
    )
    return f'<button data-post="{escape(post)}" data-done="{escape(done)}"{more}>{word}</button>'


def state(state: str | None) -> str:
    """Return a state as a label; nothing for none."""
    return f'<span class="state {escape(state)}">{escape(state)}</span>' if state else ""


def moment(at: datetime | None) -> str:
    """Return an instant, in UTC."""
    if at is None:
        return ""
    return (
        f'<time datetime="{at.isoformat()}">{at:%H:%M:%S}<small>{at:%-d %b %Y} UTC</small></time>'
    )


def seconds(seconds: float | None) -> str:
    """Return a duration as short as it can be read."""
    if seconds is None:
        return "-"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
