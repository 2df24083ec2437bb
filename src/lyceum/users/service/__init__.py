"""What can be done with accounts, split by use case."""
