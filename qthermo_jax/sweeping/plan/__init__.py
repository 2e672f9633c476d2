"""A spec resolved against its model: what is known before anything is computed, as plain data."""
