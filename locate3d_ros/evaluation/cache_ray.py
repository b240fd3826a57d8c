"""Lifts scenes on the machines of a Ray cluster, one task a scene (https://docs.ray.io)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from locate3d_ros.errors import InputError
from locate3d_ros.evaluation.cache_jobs import ATTEMPTS, CacheJob, CacheOutcome, Work


def lift_on_ray(jobs: Sequence[CacheJob], address: str, work: Work) -> Iterator[CacheOutcome]:
    """Give an outcome per job, as they end. Machines share the data set's path and have this package installed.

    A task that fails, or whose machine goes, is tried again, elsewhere where need be.
    Raises InputError where Ray is not installed or no cluster answers at the address.
    """
    ray = _connected(address)
    task = ray.remote(work).options(max_retries=ATTEMPTS - 1, retry_exceptions=True, num_cpus=jobs[0].threads)
    try:
        running = {task.remote(job): job for job in jobs}
        while running:
            done, _ = ray.wait(list(running), num_returns=1)
            for reference in done:
                yield _outcome(ray, reference, running.pop(reference))
    finally:
        ray.shutdown()


def _connected(address: str) -> Any:  # noqa: ANN401 - the module, which brings no types
    try:
        import ray
    except ImportError:
        raise InputError("--ray: Ray is not installed; pip install 'locate3d_ros[ray]'") from None
    try:
        ray.init(address=address, logging_level=logging.WARNING, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise InputError(f"--ray {address}: no cluster answers ({error}); start one by `ray start --head`") from None
    return ray


def _outcome(ray: Any, reference: Any, job: CacheJob) -> CacheOutcome:  # noqa: ANN401
    try:
        outcome: CacheOutcome = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        return CacheOutcome(job.name, " ".join(str(error.cause).split()) or type(error.cause).__name__)
    except ray.exceptions.RayError as error:
        return CacheOutcome(job.name, f"its worker was lost ({type(error).__name__}); give it more memory")
    return outcome
