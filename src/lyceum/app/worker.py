"""The worker process: delivers events and runs jobs until a signal."""

import argparse
import asyncio
import logging
import signal

import uvloop

from lyceum.app import services
from lyceum.app.engines import open_engines, shared_metrics
from lyceum.app.service_names import domains_of
from lyceum.platform import logs, metrics, runner
from lyceum.platform.processes import watch_lifeline
from lyceum.platform.settings import Settings, load_settings
from lyceum.users import api as users

log = logging.getLogger("lyceum.worker")


async def run(settings: Settings, dsn: str) -> None:
    """Work until SIGTERM or SIGINT, then finish what is under way."""
    # Whatever it carries: without a broker each worker handles every event, and with one the
    # queues of all domains are declared before anything is published.
    services.load_handlers("all")
    consumers = (*domains_of(settings.services), "platform")
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_engines(settings, dsn) as engines, shared_metrics(settings, "worker"):
        await runner.run_worker(engines, stop, users.actor_for, metrics, consumers=consumers)


def main() -> None:
    """Run as a child of the supervisor."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--supervised", action="store_true")
    options = parser.parse_args()
    settings = load_settings()
    logs.configure(settings.log_level, settings.log_format)
    if options.supervised:
        watch_lifeline()
    uvloop.run(run(settings, str(settings.database_url)))


if __name__ == "__main__":
    main()
