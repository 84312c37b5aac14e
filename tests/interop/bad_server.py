"""A server that misbehaves: KIND PORT. Kinds: truncated (less than it promised), lying (more than it promised),
silent (accepts and says nothing), garbage (no HTTP), slow (a large file for ever)."""
import socket
import sys
import threading
import time


def answer(kind, peer):
    if kind == "silent":
        time.sleep(60)
    peer.recv(4096)
    if kind == "truncated":
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(500_000))
    elif kind == "lying":
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n" + bytes(500_000))
    elif kind == "garbage":
        peer.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n" * 100)
    elif kind == "slow":
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            peer.sendall(bytes(1_000_000))
    peer.close()


def serve(kind, peer):
    try:
        answer(kind, peer)
    except OSError:
        pass  # the client went away


listener = socket.create_server(("::", int(sys.argv[2])), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    accepted, _ = listener.accept()
    threading.Thread(target=serve, args=(sys.argv[1], accepted), daemon=True).start()
