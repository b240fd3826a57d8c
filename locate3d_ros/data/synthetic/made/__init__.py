"""Furniture made from numbers, of another form every time: its meshes, and what is made (`kinds`)."""
