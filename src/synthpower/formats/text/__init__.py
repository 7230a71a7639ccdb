"""Text: rows of ready-made pieces and numbers, as CSV, JSON lines or a pattern says."""
