#!/usr/bin/env bash
# A sweep on several nodes, a worker for each GPU:
#
#     sbatch many-nodes.sh sweep.toml results/sweep.h5
#
# Spec, results, the model's source and the Python environment lie on a file system that all nodes share.
# A job that ended too early is submitted again as it is: the sweep goes on from the tiles that are
# finished.

#SBATCH --job-name=qthermo
#SBATCH --output=%x-%j.log
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=4
#SBATCH --gpus-per-task=1
#SBATCH --cpus-per-task=4
#SBATCH --mem-per-cpu=4G
#SBATCH --time=12:00:00
# Five minutes before the end: the tiles in flight are finished, nothing new is begun.
#SBATCH --signal=B:TERM@300
# A node that fails does not end the job: its tiles are solved on the others.
#SBATCH --no-kill

set -euo pipefail
spec=$1
out=$2

# Whatever makes `qthermo` and `dask` available on your cluster:
# module load python
# source ~/qthermo/bin/activate

# A port that another job on this node hardly has.
port=$((20000 + SLURM_JOB_ID % 20000))
scheduler=tcp://$(hostname):$port

# The sweep counts the deaths of workers itself; and Python may start slowly from a shared file system.
export DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES=0
export DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT=300s

dask scheduler --port "$port" --no-dashboard &
srun --no-kill --kill-on-bad-exit=0 --cpus-per-task="$SLURM_CPUS_PER_TASK" \
    dask worker "$scheduler" --nthreads 1 --memory-limit 0 --no-dashboard --death-timeout 300 &

# In the place of this shell, so that SLURM's signal reaches the sweep; when it ends, so does the job.
exec qthermo run "$spec" --out "$out" --cluster "$scheduler"
