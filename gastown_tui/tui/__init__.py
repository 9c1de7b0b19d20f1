"""The Textual screen: paints view models and rows, turns keys into requests."""
