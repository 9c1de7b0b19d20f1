"""From rows of the feed to text with roles: pure, knows no widget."""
