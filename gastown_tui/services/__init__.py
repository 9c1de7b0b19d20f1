"""The controller's loops over ports: facts in, commands out."""
