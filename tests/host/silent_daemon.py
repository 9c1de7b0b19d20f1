"""A screens that never beats."""

import time

time.sleep(60)
