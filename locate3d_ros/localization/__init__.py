"""MapSnapshot and text -> Localization."""
