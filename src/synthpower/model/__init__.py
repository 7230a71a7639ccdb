"""What readings are made from: values, without files and arrays."""
