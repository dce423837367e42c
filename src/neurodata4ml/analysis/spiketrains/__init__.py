"""Single spikes: their intervals, their rhythm, what they tell, whom they reach."""
