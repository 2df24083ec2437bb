"""Formats that others defined: addresses, password hashes, tokens, sealed keys."""
