"""Read labels and quantities out of population responses, in trials that were not learnt from."""
