"""What only HDF5's own library can read, in a process of its own."""
