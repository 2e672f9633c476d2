"""A spec resolved against its model: everything that is known before the first number is computed."""
