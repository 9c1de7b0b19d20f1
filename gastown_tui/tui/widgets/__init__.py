"""Widgets that paint their own lines."""
