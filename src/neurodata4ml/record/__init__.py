"""What is kept of a study: its numbers in plain files, and what they were made with, so that another can check them."""
