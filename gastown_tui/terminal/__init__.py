"""Terminal emulation (libghostty) behind one small class; used by the screens process alone."""
