"""A web server on the port of its argument."""

import http.server
import os
import sys


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"pid {os.getpid()} on {sys.argv[1]}\n".encode())

    def log_message(self, *_):
        pass


http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
