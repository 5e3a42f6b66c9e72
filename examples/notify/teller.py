"""A service that speaks the protocol of sd_notify(3), without any library."""

import os
import signal
import socket
import sys
import time


def tell(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.connect(os.environ["NOTIFY_SOCKET"])
        s.sendall(text.encode())


signal.signal(signal.SIGTERM, lambda *_: sys.exit(tell("STOPPING=1") or 0))
tell("STATUS=warming up")
time.sleep(0.5)
tell("READY=1\nSTATUS=serving")
period = int(os.environ["WATCHDOG_USEC"]) / 1e6 / 2
while True:
    time.sleep(period)
    tell("WATCHDOG=1")
