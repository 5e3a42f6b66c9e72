"""A web server on the first socket that it is passed (sd_listen_fds(3))."""

import http.server
import os
import socket


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"pid {os.getpid()}\n".encode())

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("", 0), Answer, bind_and_activate=False)
server.socket.close()
server.socket = socket.socket(fileno=3)
server.serve_forever()
