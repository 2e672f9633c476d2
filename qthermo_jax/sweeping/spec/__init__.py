"""What a sweep is asked to do: read, checked by itself, its faults located in the file."""
