"""Results as tables and stores for other programs: CSV, Parquet, Zarr."""
