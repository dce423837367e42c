"""How different the responses to two stimuli are: distances, and the matrix of all of them."""
