"""How the grid is cut: tile, batch, chunk.

A tile is what all devices solve together, and fits their memory. A chunk is what one device solves at a
time: on a CPU what stays in its cache, elsewhere a device's whole share of the tile. A batch is what one
call of the program solves, a few chunks on each device; the cores of a CPU run several calls at a time.
"""
