"""Reading and writing the tables of other libraries: their stored forms, and models made from what they declare."""
