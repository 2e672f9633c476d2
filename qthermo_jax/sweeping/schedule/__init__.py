"""How the grid is cut: tile, shard, chunk.

A tile is what all devices solve together, and fits their memory. A shard is one device's part of it. A
chunk is what a device solves at a time. Where the one device is a CPU, each of its threads has a thread
chunk of the tile, and solves that chunk by chunk.
"""
