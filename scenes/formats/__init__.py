"""Scene files, one format a file."""
