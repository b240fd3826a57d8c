"""The `locate3d` command."""
