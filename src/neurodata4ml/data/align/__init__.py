"""Spikes and series around events: arrays (trial, time, unit)."""
