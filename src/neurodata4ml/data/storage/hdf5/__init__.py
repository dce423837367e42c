"""HDF5 read in Python: a damaged file raises, and never ends the process as its C library can."""
