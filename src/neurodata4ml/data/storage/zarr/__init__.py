"""Zarr stores as hdmf-zarr writes them: metadata are JSON, chunks are files, and nothing is unpickled."""
