"""Readings as a data set of Arrow's: only the columns and rows that a query asks for are made."""
