"""How the grid is cut: into tiles that fit the memory, and tiles into the chunks of threads."""
