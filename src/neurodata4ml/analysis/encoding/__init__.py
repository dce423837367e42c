"""Encoding models: predict responses from features of the stimuli, in stimuli that no model was fitted on."""
