"""An armillary sphere that does not exist, and the studio that it stands in."""
