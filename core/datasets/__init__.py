"""Datasets: prepared once into memory-mapped ``uint8`` arrays, opened read-only ever after."""
