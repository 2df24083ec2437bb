"""Lyceum: a learning-platform backend. app wires, domains mean something, platform does not."""
