"""Bytes over the network: one client, whole files and ranges of them."""
