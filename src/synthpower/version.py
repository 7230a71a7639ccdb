"""The version of the program, and of what it writes."""

__version__ = "0.2.0"

MODEL_VERSION = 1  # of the values: another number, other values for the same seed
FORMAT_VERSION = 4  # the newest record that this program reads; see model/description.py
