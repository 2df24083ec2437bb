import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from lyceum.platform import errors, ids, jobs, runner
from lyceum.platform.access import Actor, system_actor
from lyceum.platform.context import Cause, current, enter, set_request_id
from lyceum.platform.engines import Engines
from lyceum.platform.job_runs import JobRunner, WorkerLost
from lyceum.platform.jobs import JobContext
from tests.platform import sample_work
from tests.platform.sample_work import Behaviour, Effect, Size, actor_of, effects

SYSTEM = system_actor("test")
SOMEBODY = Actor(user_id=ids.new_id(), impersonator_id=ids.new_id())


class Broken(Exception):
    pass


async def ask_for_work(background: Engines, thing: str = "a", actor: Actor = SYSTEM) -> UUID:
    async with background.database.transaction() as tx:
        return await jobs.enqueue(tx, actor, sample_work.work, thing=thing)


async def ask(background: Engines, statement: str, *arguments: object) -> list[Any]:
    connection = await asyncpg.connect(background.database.write_pool.dsn)
    try:
        return [tuple(row) for row in await connection.fetch(statement, *arguments)]
    finally:
        await connection.close()


async def states(background: Engines) -> list[Any]:
    return await ask(background, "SELECT state, attempts FROM platform.jobs ORDER BY id")


async def end_pauses(background: Engines) -> None:
    await ask(background, "UPDATE platform.jobs SET available_at = now()")


def break_with(problem: Exception) -> Any:
    async def work(_context: JobContext, _thing: str) -> None:
        raise problem

    return work


async def test_a_job_gets_its_arguments_back_in_their_types(background: Engines) -> None:
    async with background.database.transaction() as tx:
        await jobs.enqueue(
            tx, SYSTEM, sample_work.measure, thing_id=ids.new_id(), size=Size(3, "m"), times=4
        )
        await jobs.enqueue(tx, SYSTEM, sample_work.measure, thing_id=ids.new_id(), size=Size(3))
    assert await runner.drain(background, actor_of) == 2
    rows = await ask(
        background, "SELECT state, progress, result::text, queue FROM platform.jobs ORDER BY id"
    )
    assert rows == [
        ("succeeded", 1.0, '{"unit": "m", "width": 12}', "high-priority"),
        ("succeeded", 1.0, '{"unit": "cm", "width": 6}', "high-priority"),
    ]


async def test_a_job_is_done_by_whoever_asked_for_it(background: Engines) -> None:
    seen: list[Any] = []

    async def look(context: JobContext, _thing: str) -> None:
        seen.append((context.actor, current()))

    Behaviour.work = look
    enter("request-9", "00-trace", "192.0.2.9")
    await ask_for_work(background, actor=SOMEBODY)
    await ask_for_work(background)
    set_request_id("")
    await runner.drain(background, actor_of)
    (by_person, cause), (by_system, _) = seen
    assert (by_person.user_id, by_person.roles) == (SOMEBODY.user_id, ("student",))
    assert by_person.impersonator_id == SOMEBODY.impersonator_id
    assert by_system == system_actor("tests.work")
    assert cause == Cause("request-9", "00-trace", "192.0.2.9")


async def test_a_job_of_a_rolled_back_transaction_is_none(background: Engines) -> None:
    async def fail_after_asking() -> None:
        async with background.database.transaction() as tx:
            await jobs.enqueue(tx, SYSTEM, sample_work.work, thing="a")
            raise Broken

    with pytest.raises(Broken):
        await fail_after_asking()
    assert await runner.drain(background, actor_of) == 0


async def test_a_unique_job_is_asked_for_once_while_it_lives(background: Engines) -> None:
    async def ask_once() -> UUID:
        async with background.database.transaction() as tx:
            return await jobs.enqueue_once(tx, SYSTEM, "the key", sample_work.work, thing="a")

    asked = await asyncio.gather(*(ask_once() for _ in range(8)))
    assert len(set(asked)) == 1
    assert await runner.drain(background, actor_of) == 1
    assert await ask_once() not in asked


async def test_arguments_go_by_name(background: Engines) -> None:
    async with background.database.transaction() as tx:
        with pytest.raises(TypeError):
            await jobs.enqueue(tx, SYSTEM, sample_work.work, "a")  # type: ignore[call-arg]


async def test_arguments_that_no_longer_fit_fail_the_job_at_once(background: Engines) -> None:
    await ask_for_work(background)
    await ask(background, """UPDATE platform.jobs SET arguments = '{"what": 5}'""")
    with pytest.raises(errors.InvalidInput):
        await runner.drain(background, actor_of)
    assert await states(background) == [("failed", 1)]


async def test_a_failing_job_is_tried_three_times(background: Engines) -> None:
    Behaviour.work = break_with(Broken("no way; password=hunter2hunter2"))
    await ask_for_work(background)
    pauses = []
    for attempt in (1, 2):
        with pytest.raises(Broken):
            await runner.drain(background, actor_of)
        assert await states(background) == [("waiting", attempt)]
        assert await runner.drain(background, actor_of) == 0
        pauses += await ask(
            background, "SELECT extract(epoch FROM available_at - now())::float8 FROM platform.jobs"
        )
        await end_pauses(background)
    with pytest.raises(Broken):
        await runner.drain(background, actor_of)
    assert await states(background) == [("failed", 3)]
    for (pause,), usual in zip(pauses, (5, 15), strict=True):
        assert usual * 0.8 - 2 < pause <= usual * 1.2
    [(error, fault)] = await ask(background, "SELECT error, fault FROM platform.jobs")
    assert error == "Something went wrong on our side"
    assert fault.startswith("Broken: no way")
    assert "hunter2" not in fault
    assert await runner.drain(background, actor_of) == 0


async def test_a_later_try_may_succeed(background: Engines) -> None:
    Behaviour.work = break_with(Broken())
    await ask_for_work(background)
    with pytest.raises(Broken):
        await runner.drain(background, actor_of)
    Behaviour.work = None
    await end_pauses(background)
    assert await runner.drain(background, actor_of) == 1
    rows = await ask(background, "SELECT state, attempts, error, fault FROM platform.jobs")
    assert rows == [("succeeded", 2, None, None)]
    assert await effects(background.database) == [Effect("work", "a", 1), Effect("work", "a", 2)]


async def test_what_trying_again_cannot_change_is_told_at_once(background: Engines) -> None:
    Behaviour.work = break_with(errors.InvalidInput("This is no picture."))
    await ask_for_work(background)
    with pytest.raises(errors.InvalidInput):
        await runner.drain(background, actor_of)
    rows = await ask(background, "SELECT state, attempts, error FROM platform.jobs")
    assert rows == [("failed", 1, "This is no picture.")]


async def test_what_may_pass_is_tried_again(background: Engines) -> None:
    Behaviour.work = break_with(errors.ExternalFailed("The mail server is away."))
    await ask_for_work(background)
    with pytest.raises(errors.ExternalFailed):
        await runner.drain(background, actor_of)
    assert await states(background) == [("waiting", 1)]


async def test_a_job_that_takes_too_long_is_cut_off(background: Engines) -> None:
    async def hang(context: JobContext) -> None:
        await asyncio.sleep(3600)

    jobs.job(timeout_seconds=0)(hang)
    async with background.database.transaction() as tx:
        await jobs.enqueue(tx, SYSTEM, hang)
    with pytest.raises(errors.TimedOut):
        await runner.drain(background, actor_of)
    assert await states(background) == [("waiting", 1)]


async def test_a_job_that_succeeded_or_was_cancelled_is_not_run(background: Engines) -> None:
    done = await ask_for_work(background)
    await runner.drain(background, actor_of)
    other = await ask_for_work(background)
    await ask(background, "UPDATE platform.jobs SET state = 'cancelled' WHERE id = $1", other)
    tries = JobRunner(background, actor_of)
    assert not await tries.run(done)
    assert not await tries.run(other)
    assert await effects(background.database) == [Effect("work", "a", 1)]


async def test_a_job_that_is_delivered_twice_runs_once(background: Engines) -> None:
    async def be_slow(_context: JobContext, _thing: str) -> None:
        await asyncio.sleep(0.05)

    Behaviour.work = be_slow
    job_id = await ask_for_work(background)
    tries = [JobRunner(background, actor_of) for _ in range(4)]
    ran = await asyncio.gather(*(each.run(job_id) for each in tries))
    assert sorted(ran) == [False, False, False, True]
    assert len(await effects(background.database)) == 1


async def test_a_job_that_nobody_here_knows_is_left_to_another_worker(background: Engines) -> None:
    job_id = await ask_for_work(background)
    await ask(background, "UPDATE platform.jobs SET name = 'tests.of_tomorrow'")
    assert await runner.drain(background, actor_of) == 0
    await JobRunner(background, actor_of).run(job_id)
    assert await states(background) == [("waiting", 0)]


async def test_a_job_of_a_killed_worker_is_tried_again_and_not_for_ever(
    background: Engines,
) -> None:
    told: list[Exception] = []
    await ask_for_work(background)
    watcher = JobRunner(background, actor_of, on_failure=told.append)
    for attempt in (1, 2, 3):
        await ask(
            background,
            "UPDATE platform.jobs SET state = 'running', attempts = $1, leased_until = now(),"
            " lease_token = gen_random_uuid()",
            attempt,
        )
        await watcher.recover_lost()
    assert await states(background) == [("failed", 3)]
    assert [type(problem) for problem in told] == [WorkerLost] * 3
    assert not await effects(background.database)


async def test_a_live_job_keeps_its_lease(background: Engines) -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def wait(_context: JobContext, _thing: str) -> None:
        started.set()
        await go_on.wait()

    Behaviour.work = wait
    job_id = await ask_for_work(background)
    worker = JobRunner(background, actor_of)
    running = asyncio.create_task(worker.run(job_id))
    await started.wait()
    await ask(background, "UPDATE platform.jobs SET leased_until = now() + interval '1 ms'")
    await worker.renew_leases()
    assert await JobRunner(background, actor_of).recover_lost() == 0
    go_on.set()
    await running
    assert await states(background) == [("succeeded", 1)]


async def test_whoever_lost_the_lease_does_not_mark_the_job(background: Engines) -> None:
    async def be_taken_over(_context: JobContext, _thing: str) -> None:
        await ask(background, "UPDATE platform.jobs SET lease_token = gen_random_uuid()")

    Behaviour.work = be_taken_over
    await JobRunner(background, actor_of).run(await ask_for_work(background))
    assert await states(background) == [("running", 1)]


async def test_a_job_that_is_cut_off_is_put_back_without_costing_a_try(
    background: Engines,
) -> None:
    started = asyncio.Event()

    async def hang(_context: JobContext, _thing: str) -> None:
        started.set()
        await asyncio.sleep(3600)

    Behaviour.work = hang
    job_id = await ask_for_work(background)
    running = asyncio.create_task(JobRunner(background, actor_of).run(job_id))
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await states(background) == [("waiting", 0)]


async def test_progress_is_seen_while_it_runs(background: Engines) -> None:
    seen: list[Any] = []

    async def report(context: JobContext, _thing: str) -> None:
        for part in (0.25, 7.0):
            await context.report(part, f"at {part}")
            seen.extend(await ask(background, "SELECT progress, note FROM platform.jobs"))

    Behaviour.work = report
    await ask_for_work(background)
    await runner.drain(background, actor_of)
    assert seen == [(0.25, "at 0.25"), (1.0, "at 7.0")]


@pytest.mark.parametrize("result", ["x" * 300_000, "NUL \x00 here"], ids=["too long", "NUL"])
async def test_a_result_that_cannot_be_kept_does_not_undo_the_job(
    background: Engines, result: str
) -> None:
    async def answer(_context: JobContext, _thing: str) -> str:
        return result

    Behaviour.work = answer
    await ask_for_work(background)
    await runner.drain(background, actor_of)
    assert await ask(background, "SELECT state, result FROM platform.jobs") == [("succeeded", None)]


async def test_draining_does_what_comes_of_it_too(background: Engines) -> None:
    async def ask_for_more(context: JobContext, thing: str) -> None:
        if len(thing) < 4:
            async with context.transaction() as tx:
                await jobs.enqueue(tx, context.actor, sample_work.work, thing=thing + "a")

    Behaviour.work = ask_for_more
    await ask_for_work(background)
    assert await runner.drain(background, actor_of) == 4
    assert await runner.drain(background, actor_of) == 0


def test_declarations_are_checked(only_samples: None) -> None:
    with pytest.raises(ValueError, match=r"tests\.work"):
        jobs.job()(sample_work.work)

    async def other(context: JobContext) -> None:
        pass

    with pytest.raises(ValueError, match="queue"):
        jobs.job(queue="express")(other)
    with pytest.raises(KeyError):
        jobs.spec_of(other)
    assert msgspec.structs.asdict(jobs.spec_of(sample_work.work))["attempts"] == 3
