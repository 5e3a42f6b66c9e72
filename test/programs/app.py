# A server that uses what servers in Python use: threads, children, pools, sockets.
import asyncio, http.server, multiprocessing, socket, sqlite3, subprocess, sys, threading


async def child():
    process = await asyncio.create_subprocess_exec("echo", "child", stdout=subprocess.PIPE)
    return (await process.communicate())[0]


seen = []
thread = threading.Thread(target=lambda: seen.append(1))
thread.start()
thread.join()
assert seen == [1]
assert asyncio.run(child()) == b"child\n"
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(abs, [-1, -2]) == [1, 2]
sqlite3.connect("app.db").execute("create table if not exists t (n int)")
assert socket.getaddrinfo("localhost", 80)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"python")


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
