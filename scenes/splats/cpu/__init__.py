"""The CPU splatting engine (Numba)."""
