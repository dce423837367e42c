"""Where a file's bytes are: on this machine, or on a server, with a cache of blocks between."""
