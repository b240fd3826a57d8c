"""Lifts scenes in a pool of processes on this machine; a scene that fails, or takes its process down, costs itself."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from locate3d_ros.evaluation.cache_jobs import ATTEMPTS, CacheJob, CacheOutcome, Work


def lift_in_pool(jobs: Sequence[CacheJob], workers: int, work: Work) -> Iterator[CacheOutcome]:
    """Give an outcome per job, as they end.

    Only as many jobs are under way as there are workers: when a process dies (out of memory, say), these alone are
    suspect. Whatever failed is tried again at the end, each in a process of its own.
    """
    suspects: list[CacheJob] = []
    waiting = deque(jobs)
    while waiting:
        for job, outcome in _run_until_broken(waiting, workers, work):
            if outcome.fault:
                suspects.append(job)
            else:
                yield outcome
    for job in suspects:
        yield _retry(job, work)


def _run_until_broken(waiting: deque[CacheJob], workers: int, work: Work) -> Iterator[tuple[CacheJob, CacheOutcome]]:
    """Work on the waiting jobs until none is left or a process of the pool dies."""
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        running: dict[Future[CacheOutcome], CacheJob] = {}
        broken = False
        while running or (waiting and not broken):
            while waiting and len(running) < workers and not broken:
                broken = not _submit(pool, work, waiting, running)
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                job = running.pop(future)
                broken |= isinstance(future.exception(), BrokenProcessPool)
                yield job, _outcome(job, future)


def _submit(
    pool: ProcessPoolExecutor, work: Work, waiting: deque[CacheJob], running: dict[Future[CacheOutcome], CacheJob]
) -> bool:
    """Hand the next job to the pool; False where the pool broke meanwhile, and the job keeps waiting."""
    try:
        running[pool.submit(work, waiting[0])] = waiting[0]
    except BrokenProcessPool:
        return False
    waiting.popleft()
    return True


def _retry(job: CacheJob, work: Work) -> CacheOutcome:
    outcome = CacheOutcome(job.name, "not tried")
    for _ in range(ATTEMPTS - 1):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            outcome = _outcome(job, pool.submit(work, job))
        if not outcome.fault:
            break
    return outcome


def _outcome(job: CacheJob, future: Future[CacheOutcome]) -> CacheOutcome:
    """Turn whatever a job ended with into an outcome."""
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, BrokenProcessPool):
        return CacheOutcome(job.name, "its process died; give it more memory (fewer --workers)")
    return CacheOutcome(job.name, " ".join(str(error).split()) or type(error).__name__)
