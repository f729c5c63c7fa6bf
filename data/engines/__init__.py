"""Counting where the votes are: the SQL of Agon on engines other than DuckDB."""
