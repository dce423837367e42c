"""The demo: a session that is simulated on this machine, so that what is true of it is known."""
