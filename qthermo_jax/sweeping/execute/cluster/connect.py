"""Which cluster: workers on this machine, those of a scheduler that is there, or jobs of SLURM."""

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import dask
from dask_jobqueue.slurm import SLURMCluster
from distributed import Client, Nanny, Scheduler, SpecCluster

from qthermo_jax.sweeping.compute.devices import COUNT_GPUS
from qthermo_jax.sweeping.errors import SpecError, first_line, no_device
from qthermo_jax.sweeping.execute.cluster import worker
from qthermo_jax.sweeping.execute.cluster.driver import OnCluster
from qthermo_jax.sweeping.execute.executor import Executor

# When a worker is given up: started again it imports JAX first, from a slow file system perhaps.
_LOST_AFTER = "2 minutes"

# Of Dask's own words: the driver says itself what became of a tile.
_QUIET = logging.CRITICAL


def solving_on(cluster: str) -> AbstractContextManager[Executor]:
    """A cluster that solves the tiles of sweeps, for as long as it is needed.

    Args:
        cluster: "local:N" for N worker processes on this machine, each with a GPU of its own if there
            are any; "tcp://host:port" for the workers of a Dask scheduler; "slurm:N" for N jobs with
            a worker each, described in Dask's own configuration.

    Raises:
        SpecError: there is no such cluster.
    """
    match cluster.split(":"):
        case ["local", number] if number.isdecimal() and int(number):
            return _executing(_on_this_machine(int(number)))
        case ["slurm", number] if number.isdecimal() and int(number):
            return _executing(_through_slurm(int(number)))
        case ["tcp", _, port] if port.isdecimal():
            return _executing(_at(cluster))
    raise SpecError(
        f"--cluster: takes local:N or slurm:N with N workers, or tcp://scheduler:port, got {cluster!r}"
    )


@contextmanager
def _executing(connected: AbstractContextManager[Client]) -> Iterator[Executor]:
    with connected as client:
        yield OnCluster(client)


@contextmanager
def _at(address: str) -> Iterator[Client]:
    """The workers of a scheduler that somebody else started."""
    try:
        client = Client(address, set_as_default=False)
    except OSError as error:
        raise SpecError(
            f"--cluster {address}: no scheduler answers there: {first_line(error)}"
        ) from None
    with client:
        yield client


@contextmanager
def _on_this_machine(number: int) -> Iterator[Client]:
    """Workers in processes of their own, which are started again when they die."""
    options = {
        "host": "127.0.0.1",
        "nthreads": 1,
        "memory_limit": None,
        "preload": [worker.__name__],
        "silence_logs": _QUIET,
    }
    workers = {
        name: {"cls": Nanny, "options": {**options, "env": env}}
        for name, env in enumerate(environments(number))
    }
    scheduler = {
        "cls": Scheduler,
        "options": {"host": "127.0.0.1", "port": 0, "dashboard_address": "127.0.0.1:0"},
    }
    with (
        _configured(),
        SpecCluster(workers, scheduler, silence_logs=_QUIET) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


@contextmanager
def _through_slurm(number: int) -> Iterator[Client]:
    """Workers in jobs that are submitted from here, and again when they end too early."""
    if shutil.which("sbatch") is None:
        raise SpecError("--cluster slurm: there is no sbatch here; run it where jobs are submitted")
    with _configured(), _slurm() as cluster, Client(cluster, set_as_default=False) as client:
        cluster.scale(number)
        yield client


def _slurm() -> SLURMCluster:
    """The jobs that Dask's configuration describes, none of them submitted yet.

    Raises:
        SpecError: it describes none, or SLURM would not take them.
    """
    for key in ("cores", "memory"):
        if dask.config.get(f"jobqueue.slurm.{key}") is None:
            raise SpecError(f"--cluster slurm: Dask's jobqueue.yaml does not say {key!r}")
    cluster = SLURMCluster(processes=1, silence_logs=_QUIET)
    told = subprocess.run(
        ["sbatch", "--test-only"],
        input=cluster.job_script(),
        capture_output=True,
        text=True,
        check=False,
    )
    if told.returncode:
        cluster.close()
        raise SpecError(f"--cluster slurm: {' '.join(told.stderr.split())}")
    return cluster


def _configured() -> dask.config.set:
    """Dask's settings for clusters that live as long as the sweep."""
    return dask.config.set(
        {
            # The driver counts how often a tile failed, the deaths of workers included.
            "distributed.scheduler.allowed-failures": 0,
            "distributed.deploy.lost-worker-timeout": _LOST_AFTER,
        }
    )


def environments(number: int) -> list[dict[str, str]]:
    """What each worker of this machine is told: its own GPU, where there are any.

    Raises:
        SpecError: there are fewer GPUs.
    """
    told = subprocess.run([sys.executable, "-c", COUNT_GPUS], capture_output=True, check=False)
    if told.returncode:
        raise SpecError(f"--cluster local:{number}: {no_device()}")
    count = int(told.stdout)
    if not count:
        return [{} for _ in range(number)]
    if number > count:
        raise SpecError(f"--cluster local:{number}: one worker a GPU, and there are {count}")
    names = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(count)))
    return [{"CUDA_VISIBLE_DEVICES": name} for name in names.split(",")[:number]]
