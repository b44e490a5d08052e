"""What makes a score of an answer that was read: equality, and shared words."""
