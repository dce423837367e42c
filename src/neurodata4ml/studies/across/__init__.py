"""What many recordings say together: means over recordings or animals, with their intervals."""
