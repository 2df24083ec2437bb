"""The servers that the tests can run against: where Debian has them and how each is called.

Each gets its own port and its own folder under var/services, and a password made at its first
start. As root, PostgreSQL runs as the account `postgres`. Their data is worth nothing: no fsync,
no saving. Starting and stopping them is in `services`.
"""

import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "var" / "services"
HOST = "127.0.0.1"


class ServiceTrouble(Exception):
    """A service cannot be had here; the message says why and what to do."""


@dataclass(frozen=True)
class Call:
    """How a server is started in its folder."""

    argv: Sequence[str | Path]
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Service:
    """One server: its package, how to find and call it, what it answers to a stranger's `hello`."""

    name: str
    package: str
    usual_port: int
    variable: str
    address: str
    find: Callable[[], Path | None]
    prepare: Callable[[Path, Path], Call]
    hello: bytes
    answers: tuple[bytes, ...]
    stop_signal: signal.Signals = signal.SIGTERM
    refuses_root: bool = False

    @property
    def account(self) -> str | None:
        """Whom it runs as, if not as we do."""
        return self.name if self.refuses_root and os.geteuid() == 0 else None

    @property
    def folder(self) -> Path:
        """Where its data is; for another account outside the checkout, which may be closed."""
        if self.account is None:
            return FOLDER / self.name
        checkout = hashlib.sha256(bytes(FOLDER)).hexdigest()[:12]
        return Path(f"/var/lib/lyceum-tests-{checkout}-{self.name}")

    @property
    def log_file(self) -> Path:
        """What it has to say."""
        return FOLDER / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        """The number of its process."""
        return FOLDER / f"{self.name}.pid"

    @property
    def port(self) -> int:
        """Where it listens: its usual port, unless that was taken when it was started."""
        file = FOLDER / f"{self.name}.port"
        return int(file.read_text()) if file.exists() else self.usual_port

    def choose_port(self) -> None:
        """Take the usual port, or a free one if somebody is there: another checkout, say."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, self.usual_port))
            except OSError:
                probe.bind((HOST, 0))
            FOLDER.mkdir(parents=True, exist_ok=True)
            (FOLDER / f"{self.name}.port").write_text(str(probe.getsockname()[1]))

    @property
    def url(self) -> str:
        """Its address, password included."""
        return self.address.format(password=password(), host=HOST, port=self.port)


def password() -> str:
    """Answer the password of all three, made once."""
    file = FOLDER / "password"
    if not file.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(16))
    return file.read_text()


def find_postgres() -> Path | None:
    """Answer the binaries of the oldest supported PostgreSQL among those that Debian has."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return next((path.parent for path in found if int(path.parts[4]) >= 15), None)


def prepare_postgres(binaries: Path, folder: Path) -> Call:
    """Make a cluster in `folder` if it has none."""
    account = POSTGRES.account
    if not (folder / "PG_VERSION").exists():
        folder.chmod(0o700)
        if account is not None:
            shutil.chown(folder, account, account)
        initdb: list[str | Path] = [binaries / "initdb", "-D", folder, "-U", "lyceum", "-E", "UTF8"]
        initdb += ["--locale=C.UTF-8", "--auth-host=scram-sha-256", "--auth-local=reject"]
        single: list[str | Path] = [binaries / "postgres", "--single", "-D", folder, "postgres"]
        for argv, text in ((initdb, ""), (single, f"ALTER USER lyceum PASSWORD '{password()}'\n")):
            done = subprocess.run(
                argv,
                input=text,
                cwd=folder,
                user=account,
                group=account,
                text=True,
                capture_output=True,
                check=False,
            )
            if done.returncode != 0 or "ERROR:" in done.stderr:
                shutil.rmtree(folder)
                raise ServiceTrouble(done.stderr)
    settings = {
        "port": str(POSTGRES.port),
        "listen_addresses": HOST,
        "unix_socket_directories": "",
        "max_connections": "200",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "timezone": "UTC",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return Call([binaries / "postgres", "-D", folder, *options])


def prepare_redis(binary: Path, folder: Path) -> Call:
    """Write its configuration, which keeps the password off the command line."""
    lines = [f"bind {HOST}", f"port {REDIS.port}", f"requirepass {password()}"]
    lines += [f"dir {folder}", 'save ""', "appendonly no"]
    configuration = folder / "redis.conf"
    configuration.touch(mode=0o600)
    configuration.write_text("\n".join(lines) + "\n")
    return Call([binary, configuration])


def prepare_rabbitmq(binary: Path, folder: Path) -> Call:
    """Write its configuration and keep all its files, and its name server, out of the system's."""
    lines = [f"listeners.tcp.local = {HOST}:{RABBITMQ.port}", "default_user = lyceum"]
    lines += [f"default_pass = {password()}", "log.console = true", "log.console.level = warning"]
    configuration = folder / "rabbitmq.conf"
    configuration.touch(mode=0o600)
    configuration.write_text("\n".join(lines) + "\n")
    (folder / "enabled_plugins").write_text("[].\n")
    env = {
        "HOME": str(folder),  # of the cookie
        "ERL_EPMD_PORT": str(name_server_port()),
        "ERL_EPMD_ADDRESS": HOST,
        "RABBITMQ_NODENAME": "lyceum@localhost",
        "RABBITMQ_DIST_PORT": str(RABBITMQ.port + 1),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_CONFIG_FILE": str(configuration),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_PID_FILE": str(folder / "rabbitmq.pid"),
        "RUNNING_UNDER_SYSTEMD": "true",  # it then replaces its start script and heeds SIGTERM
    }
    return Call([binary], env)


def name_server_port() -> int:
    """Answer the port of the name server that comes with RabbitMQ's Erlang."""
    return RABBITMQ.port + 2


def find_file(*paths: str) -> Callable[[], Path | None]:
    """Answer a function that answers the first of `paths` that exists."""
    return lambda: next((Path(path) for path in paths if Path(path).exists()), None)


POSTGRES = Service(
    name="postgres",
    package="postgresql",
    usual_port=55432,
    variable="LYCEUM_TEST_DATABASE_URL",
    address="postgresql://lyceum:{password}@{host}:{port}/postgres",
    find=find_postgres,
    prepare=prepare_postgres,
    # The start of a session: it asks for the password, or complains while it is starting.
    hello=b"\x00\x00\x00\x15\x00\x03\x00\x00user\x00lyceum\x00\x00",
    answers=(b"R",),
    stop_signal=signal.SIGINT,
    refuses_root=True,
)
REDIS = Service(
    name="redis",
    package="redis-server",
    usual_port=56379,
    variable="LYCEUM_TEST_REDIS_URL",
    address="redis://:{password}@{host}:{port}/0",
    find=find_file("/usr/bin/redis-server"),
    prepare=prepare_redis,
    hello=b"PING\r\n",
    answers=(b"-NOAUTH", b"+PONG"),
)
RABBITMQ = Service(
    name="rabbitmq",
    package="rabbitmq-server",
    usual_port=55672,
    variable="LYCEUM_TEST_RABBITMQ_URL",
    address="amqp://lyceum:{password}@{host}:{port}/",
    find=find_file("/usr/lib/rabbitmq/bin/rabbitmq-server"),
    prepare=prepare_rabbitmq,
    hello=b"AMQP\x00\x00\x09\x01",
    answers=(b"\x01",),
)
SERVICES = (POSTGRES, REDIS, RABBITMQ)
