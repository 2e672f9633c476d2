"""Tests of the whole program: its commands, processes, signals, servers, clusters and shipped sweeps."""
