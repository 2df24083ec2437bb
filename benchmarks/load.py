"""Puts load on a contender with wrk, and on PostgreSQL alone with pgbench."""

import json
import os
import re
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import msgspec

from benchmarks.contenders import Contender, Cores, statements
from benchmarks.dataset import LECTURES, Scale
from lyceum.platform.embedded_setup import pg_binaries

CONNECTIONS = 32
SCRIPT = Path(__file__).parent / "wrk" / "load.lua"


class Measure(msgspec.Struct, frozen=True):
    """What one run found: requests a second, and latencies in milliseconds."""

    rate: float
    p50: float
    p99: float


class WrongAnswers(Exception):
    """A contender answered something that it should not have."""


def load(
    contender: Contender,
    endpoint: str,
    port: int,
    folder: Path,
    scale: Scale,
    seconds: int,
    seed: int,
    cores: Cores,
) -> Measure:
    """Load one endpoint for `seconds`; every answer must be a 2xx."""
    environment = {
        **os.environ,
        "BENCH_FOLDER": str(folder),
        "BENCH_ENDPOINT": endpoint,
        "BENCH_SIDE": str(contender.token_side),
        "BENCH_COURSES": str(scale.courses),
        "BENCH_SEED": str(seed),
    }
    # wrk counts what takes longer than its timeout as wrong; a peer may be slow.
    argv = [
        "taskset", "-c", cores.load, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s",
        "--timeout", "20s", "--latency", "-s", str(SCRIPT), f"http://127.0.0.1:{port}",
    ]  # fmt: skip
    output = subprocess.run(
        argv, env=environment, capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r"RESULT (\{.*\})", output)
    if found is None:
        raise WrongAnswers(output)
    result = json.loads(found[1])
    if result["bad"] or not result["requests"]:
        raise WrongAnswers(f"{contender.name} {endpoint}: {result['bad']} bad answers\n{output}")
    return Measure(result["requests"] / result["seconds"], result["p50"], result["p99"])


def check_bodies(contender: Contender, port: int, folder: Path) -> None:
    """Look at a sample of bodies: a full page of the list, an outline with the caller's part."""
    page = _get(port, "/api/v1/courses?page=2&perPage=20", None)
    titles = [course["title"] for course in page["data"]]
    expected = [f"Course number {number}" for number in range(20, 40)]
    if titles != expected or page["meta"]["total"] < 2000:
        raise WrongAnswers(f"{contender.name}: the second page holds {titles[:3]}…")
    if "detail" not in contender.endpoints:
        return
    first = (folder / "tokens.lua").read_text().splitlines()[1]
    token = re.findall(r'"([^"]+)"', first)[contender.token_side - 2]
    course = _get(port, "/api/v1/courses/00000000-0000-7001-8000-000000000000", token)["data"]
    outline = course.get("outline") or course.get("chapters")
    lectures = sum(len(chapter["lectures"]) for chapter in outline)
    if lectures != LECTURES or "5" not in json.dumps(course["viewer"]):
        raise WrongAnswers(f"{contender.name}: the detail has {lectures} lectures")


def _get(port: int, path: str, token: str | None) -> dict[str, object] | object:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def pgbench(
    endpoint: str, dsn: str, folder: Path, scale: Scale, seconds: int, cores: Cores
) -> Measure:
    """Run Lyceum's own statement of an endpoint in pgbench: the database's limit."""
    script = folder / f"{endpoint}.pgbench"
    script.write_text(_pgbench_script(endpoint, scale))
    argv = [
        "taskset", "-c", cores.servers, str(pg_binaries() / "pgbench"), "-n", "-M", "prepared",
        "-c", "10", "-T", str(seconds), "-f", str(script), dsn,
    ]  # fmt: skip
    options = "-c plan_cache_mode=force_generic_plan -c jit=off"
    environment = {**os.environ, "PGOPTIONS": options}
    output = subprocess.run(
        argv, env=environment, capture_output=True, text=True, check=True
    ).stdout
    rate = re.search(r"tps = ([\d.]+)", output)
    latency = re.search(r"latency average = ([\d.]+)", output)
    if rate is None or latency is None:
        raise WrongAnswers(output)
    return Measure(float(rate[1]), float(latency[1]), 0.0)


def _id(kind: int, number: str) -> str:
    return f"('00000000-0000-700{kind}-8000-' || lpad(to_hex({number}::int), 12, '0'))::uuid"


def _pgbench_script(endpoint: str, scale: Scale) -> str:
    text = statements()[endpoint]
    picks = [
        f"\\set u random(0, {scale.users - 1})",
        "\\set j random(0, 2)",
        f"\\set c (:u * 7 + :j * 613) % {scale.courses}",
        f"\\set l :c * {LECTURES} + random(0, {LECTURES - 1})",
        f"\\set o random(0, {scale.courses // 20 - 1}) * 20",
        "\\set d random(0, 1)",
    ]
    values = {
        "list": [":o::int", "20"],
        "detail": [_id(1, ":c"), _id(0, ":u")],
        "progress": [
            _id(0, ":u"), _id(1, ":c"), _id(3, ":l"), "(:d = 1)", "30", "100", "NULL", "now()",
            "now()", "NULL", "''", "NULL", "NULL",
        ],
    }[endpoint]  # fmt: skip
    for index in range(len(values), 0, -1):
        text = re.sub(rf"\${index}(?!\d)", values[index - 1].replace("\\", "\\\\"), text)
    return "\n".join([*picks, " ".join(text.split()) + ";"])
