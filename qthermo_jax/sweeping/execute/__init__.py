"""Running a plan on this machine or on a cluster, with progress and interruption."""
