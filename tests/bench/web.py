#!/usr/bin/python3
"""Users who click: each asks for a page, reads a while, asks for the next one. Prints how long the answers took.

usage: web.py URL USERS SECONDS LOGIN PASSWORD     by way of the proxy, from where it runs

USERS 0: how long each page takes a single one."""
import asyncio
import http.cookiejar
import random
import re
import ssl
import sys
import time
import urllib.parse
import urllib.request

PAGES = ("history", "history?q=re", "quarantine", "statistics", "preferences")
READS = (1, 3)  # seconds

url, users, seconds, login, password = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4], sys.argv[5]
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
parts = urllib.parse.urlsplit(url)


def sign_in():
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), urllib.request.HTTPCookieProcessor(jar))
    page = opener.open(url + "sign-in").read().decode()
    token = re.search(r'name="token" value="(\w+)"', page)[1]
    form = urllib.parse.urlencode({"token": token, "login": login, "password": password})
    opener.open(url + "sign-in", form.encode()).read()
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


def alone(cookie):
    """One user, nobody else: pages of a long history, from its start, its middle and its end, and what else reads all of it."""
    def took(page):
        times = []
        for _ in range(7):
            request = urllib.request.Request(url + page, headers={"Cookie": cookie})
            started = time.monotonic()
            urllib.request.urlopen(request, context=context).read()
            times.append(1000 * (time.monotonic() - started))
        return sorted(times)[3]

    pages = ("history", "history?before=50000", "history?before=500", "history?q=zzz-no-such", "quarantine", "statistics", "preferences")
    print("alone: " + ", ".join(f"{page} {took(page):.0f} ms" for page in pages))


async def user(cookie, until, took, failed):
    reader, writer = await asyncio.open_connection(parts.hostname, 443, ssl=context, server_hostname=parts.hostname)
    await asyncio.sleep(random.uniform(0, READS[1]))
    while time.monotonic() < until:
        started = time.monotonic()
        writer.write(f"GET {parts.path}{random.choice(PAGES)} HTTP/1.1\r\nHost: {parts.hostname}\r\nCookie: {cookie}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        size = re.search(rb"(?i)content-length: (\d+)", head)
        await reader.readexactly(int(size[1]))
        took.append(time.monotonic() - started)
        if b" 200 " not in head[:15]:
            failed.append(head[:15])
        await asyncio.sleep(random.uniform(*READS))
    writer.close()


async def main():
    cookie, took, failed = sign_in(), [], []
    if users == 0:
        return alone(cookie)
    until = time.monotonic() + seconds
    await asyncio.gather(*(user(cookie, until, took, failed) for _ in range(users)))
    took.sort()
    at = [1000 * took[int(len(took) * part)] for part in (0.5, 0.95, 0.99)]
    print(f"{users} users, {len(took)} pages, {len(took) / seconds:.0f} a second: median {at[0]:.0f} ms, 95 % {at[1]:.0f} ms, "
          f"99 % {at[2]:.0f} ms, {len(failed)} failed")


asyncio.run(main())
