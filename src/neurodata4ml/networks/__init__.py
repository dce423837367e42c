"""Trained networks become labelled arrays of activations."""
