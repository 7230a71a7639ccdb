"""The dataset directory: request -> plan -> write, and verify, validate, rebuild."""
