"""The demo academy: people, courses and progress of our own making."""
