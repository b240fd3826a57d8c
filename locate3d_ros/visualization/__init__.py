"""Pictures of maps and answers."""
