"""What a model's system is, and the numbers of a tile: the only room of a sweep that imports JAX."""
