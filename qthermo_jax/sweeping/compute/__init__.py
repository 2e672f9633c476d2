"""The numbers of a tile: the only room of a sweep that compiles."""
