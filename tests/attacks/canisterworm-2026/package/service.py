# Asks its master for orders: once, where the original asks every 50 minutes for ever.
import os
import urllib.request

try:
    urllib.request.urlopen(f"http://{os.environ['SINK']}/orders", timeout=5).close()
except OSError:
    pass
