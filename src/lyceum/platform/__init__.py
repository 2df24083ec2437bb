"""What Lyceum stands on: packages that mean nothing by themselves. They import no domain."""
