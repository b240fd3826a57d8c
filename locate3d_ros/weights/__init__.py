"""Weight files that a user fetches: which there are, where they lie, and whether they are the right ones."""
