"""When an object gets its pass, and who may send at the same time."""
