"""What is wrong in a namespace, told by rules over its objects, events and logs."""
