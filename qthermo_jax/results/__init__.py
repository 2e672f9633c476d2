"""Results of sweeps: what a file consists of."""
