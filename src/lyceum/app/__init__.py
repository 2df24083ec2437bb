"""Wires platform and domains into programs. Nothing imports it."""
