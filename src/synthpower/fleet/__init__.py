"""Which servers exist: drawing them, their serial numbers, reading and writing inventory.csv."""
