"""People: accounts, signing in, sessions, roles and permissions."""
