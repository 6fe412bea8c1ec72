"""What a cluster does by itself: each controller brings one kind of object closer to its spec."""
