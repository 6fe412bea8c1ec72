"""What can go wrong on demand, and what a real cluster shows then."""
