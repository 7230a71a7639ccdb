"""The command line: parse -> request -> one call -> a line."""
