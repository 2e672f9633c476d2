#!/usr/bin/env bash
# A sweep on one node with several GPUs:
#
#     sbatch one-node.sh sweep.toml results/sweep.h5
#
# The results lie on a file system that outlives the job. A job that ended too early is submitted again
# as it is: the sweep goes on from the tiles that are finished.

#SBATCH --job-name=qthermo
#SBATCH --output=%x-%j.log
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=16
#SBATCH --mem=64G
#SBATCH --time=12:00:00
# Five minutes before the end: the tiles in flight are finished, nothing new is begun.
#SBATCH --signal=B:TERM@300

set -euo pipefail
spec=$1
out=$2

# Whatever makes `qthermo` available on your cluster:
# module load python
# source ~/qthermo/bin/activate

# In the place of this shell, so that SLURM's signal reaches the sweep.
exec qthermo run "$spec" --out "$out" --cluster "local:$SLURM_GPUS_ON_NODE"
