"""Path files, one format a file."""
