"""The bytes of a file become arrays: HDF5 and Zarr, on disk or on a server; nothing here knows NWB."""
