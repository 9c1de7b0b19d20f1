"""Pure decisions: no I/O, no clock, no asyncio. Time is always an argument."""
