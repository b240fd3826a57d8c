"""Measures answers against annotated scenes; the robot's path never imports it."""
