"""What each section computes, from the chosen material to labelled arrays."""
