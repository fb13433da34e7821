#!/usr/bin/python3
"""Messages made to cost a filter much: each names what it attacks.

usage: hostile.py FOLDER [MB]     writes one file a message, only those of at most so many MB
"""

import base64
import os
import random
import struct
import sys
import zlib

MB = 1 << 20
READ = MB  # bytes of a message that are looked at: CLASSIFIER_MESSAGE_MAX

HEAD = b"From: Mallory <mallory@example.test>\nSubject: hello\nMessage-ID: <hostile@example.test>\n"
PLAIN = HEAD + b"\nshort text\n"


def fill(unit, size=READ):
    return unit * (size // len(unit) + 1)


def field(name, value):
    return name + b": " + value + b"\n"


def body(content_type, content, encoding=b"8bit"):
    return HEAD + field(b"Content-Type", content_type) + field(b"Content-Transfer-Encoding", encoding) + b"\n" + content


def html(content):
    return body(b"text/html; charset=utf-8", content)


def multipart(parts, boundary=b"b"):
    return body(b"multipart/mixed; boundary=" + boundary,
                b"".join(b"--" + boundary + b"\n" + part + b"\n" for part in parts) + b"--" + boundary + b"--\n")


def html_parts(content, each):
    return multipart(b"Content-Type: text/html\n\n" + content[at:at + each] for at in range(0, len(content), each))


def nested(count, same_boundary=False):
    out = [HEAD]
    for i in range(count):
        boundary = b"b" if same_boundary else b"b%d" % i
        out.append(b"Content-Type: multipart/mixed; boundary=%s\n\n--%s\n" % (boundary, boundary))
    return b"".join(out) + b"\ntext\n"


def fields(value, size=READ):
    """Many fields of 16 KB, as much of one as is looked at."""
    value = fill(value, 16000)[:16000]
    return b"".join(field(b"X-F%d" % i, value) for i in range(size // 16000)) + b"\ntext\n"


def encoded_words(word, size=READ):
    return fields(word + b" ", size)


def part_headers(value):
    """Fields of parts: only the first parts' are looked at."""
    value = fill(value, 16000)[:16000]
    part = b"".join(field(b"X-P%d" % i, value) for i in range(2)) + b"\ntext"
    return multipart([part] * 32)


# XXH3 without a key: words whose features all fall into one place of a table can be found by trying.
def words(count):
    letters = b"abcdefghijklmnopqrstuvwxyz"
    for i in range(count):
        word = b""
        for _ in range(5):
            word += letters[i % 26:i % 26 + 1]
            i //= 26
        yield word


def zip_of(names):
    out = b""
    for name in names:
        out += struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, 0, 0, 0, 0, 0, 0, 0, len(name), 0) + name
    return out


def tnef():
    return b"\x78\x9f\x3e\x22" + os.urandom(2) + b"".join(
        b"\x02" + struct.pack("<II", 0x00018010, 0xffffffff) + b"x" for _ in range(90000))


def messages():
    noise = random.Random(1)
    yield "empty", b""
    yield "one-nul", b"\0"
    yield "nuls", bytes(2 * MB)
    yield "every-byte", noise.randbytes(2 * MB)
    yield "no-header", fill(b"\nno header at all, only text with words %d\n" % 7)
    yield "only-line-feeds", b"\n" * MB
    yield "only-returns", HEAD + b"\n" + b"\r" * MB
    yield "only-colons", b":" * MB
    yield "headers-50mb", fill(b"X-Header: some value of a field\n", 50 * MB)
    yield "headers-tiny", fill(b"a:\n") + b"\ntext\n"
    yield "headers-ignored", fill(b"Lines:\n") + b"\ntext\n"
    yield "headers-unstable", fill(b"X-Mozilla-:\n") + b"\ntext\n"
    yield "headers-dates", fields(b"+1111").replace(b"X-F", b"Date:")
    yield "header-continued-50mb", HEAD + b"X-Long: start\n" + fill(b" continued\n", 50 * MB)
    yield "header-no-colon", b"a" * MB
    yield "header-received", fill(b"Received: from a.b.c.d.e.f.g.h by 1.2.3.4.5.6.7.8 with x\n") + b"\n"
    yield "subjects", fill(b"Subject: V!agra \xd1\x80h4rm4cy v.i.a.g.r.a free m0ney\n") + b"\n"
    yield "recipients", b"To: " + b", ".join(b"u%d@example.test" % i for i in range(1000000)) + b"\n\ntext\n"
    yield "recipients-nested", b"To: " + fill(b"(((<\"@") + b"\n\ntext\n"
    yield "addresses-from", fill(b"From: \"" + b"a" * 60 + b"\" <" + b"1" * 1900 + b"@x>\n") + b"\n"
    yield "one-line-50mb", HEAD + b"\n" + fill(b"word ", 50 * MB)
    yield "one-word-50mb", HEAD + b"\n" + b"a" * (50 * MB)
    yield "long-inner-word", HEAD + b"\n" + fill(b"." * 100000 + b"a")
    yield "distinct-words", HEAD + b"\n" + b" ".join(words(READ // 6))
    yield "spaced-letters", HEAD + b"\n" + fill(b"v i a g r a ")
    yield "disguised-words", HEAD + b"\n" + b" ".join(word.replace(b"a", b"4").replace(b"i", b"!")
                                                         for word in words(READ // 6))
    yield "ideographs", body(b"text/plain; charset=utf-8",
                             "".join(chr(0x4e00 + noise.randrange(20000)) for _ in range(READ // 3)).encode())
    yield "invisible", body(b"text/plain; charset=utf-8", fill("​\u00ada".encode()))
    yield "nested-10000", nested(10000)
    yield "nested-same-boundary", nested(10000, True)
    yield "nested-messages-10000", HEAD + b"Content-Type: message/rfc822\n\n" * 10000
    yield "nested-no-delimiter", HEAD + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n" % i for i in range(10000))
    yield "parts-million", body(b"multipart/mixed; boundary=b", fill(b"--b\n\n", 5 * MB))
    yield "parts-html", html_parts(fill(b"<p hidden>&x;"), 8000)
    yield "parts-long-headers", multipart([field(b"Content-Type", b"text/plain" + fill(b"; a=b", 8000)) + b"\nx"] * 127)
    yield "parameters", multipart([field(b"Content-Type", b"text/x" + fill(b";", 15900)) + b"\nx"] * 66)
    yield "parameters-quoted", multipart([field(b"Content-Type", b"text/x; a=\"" + fill(b"\\\"", 15900)) + b"\nx"] * 66)
    yield "continuations", body(b"application/zip" + b"".join(b"; name*%d*=%%41" % i for i in range(70000)), b"x")
    yield "boundary-long", body(b"multipart/mixed; boundary=" + b"-" * 15000, fill(b"--" + b"-" * 14999 + b"\n"))
    yield "boundary-dashes", body(b"multipart/mixed; boundary=\"-\"", fill(b"--\n"))
    yield "boundary-prefixes", body(b"multipart/mixed; boundary=" + b"a" * 60, fill(b"--" + b"a" * 59 + b"\n"))
    yield "encoded-words", encoded_words(b"=?utf-8?q?a?=")
    yield "encoded-words-open", encoded_words(b"=?a?q?")
    yield "encoded-words-marks", encoded_words(b"=?a?q?x?x?x?x")
    yield "encoded-words-empty", encoded_words(b"=?gb2312?q??=")
    yield "encoded-words-charsets", fields(b"".join(
        b"=?%s?q?_?= " % name for name in (b"gb2312", b"big5", b"shift_jis", b"euc-kr", b"koi8-r", b"iso-2022-jp", b"euc-jp", b"cp932",
                                             b"cp949", b"gb18030", b"iso-8859-2", b"windows-1251", b"tis-620", b"utf-16", b"utf-32", b"euc-tw")))
    yield "encoded-words-parts", part_headers(b"=?iso-2022-kr?q??= =?big5-hkscs?q??= ")
    yield "encoded-word-huge", field(b"Subject", b"=?utf-8?b?" + b"QUFB" * (MB // 4) + b"?=") + b"\ntext\n"
    yield "encoded-wrong-bytes", encoded_words(b"=?iso-2022-jp?q?=FF=FE=FD?=")
    yield "base64-endless", body(b"text/plain", fill(b"QUJDREVG", 50 * MB), b"base64")
    yield "base64-html", body(b"text/html", base64.b64encode(fill(b"<p>&amp;<b>")), b"base64")
    yield "base64-padding", body(b"text/plain", fill(b"="), b"base64")
    yield "base64-nested", body(b"text/plain", base64.b64encode(base64.b64encode(base64.b64encode(fill(b"word ")))), b"base64")
    yield "quoted-soft-breaks", body(b"text/plain", fill(b"=" + b" " * 50 + b"\n"), b"quoted-printable")
    yield "quoted-equals", body(b"text/plain", fill(b"= \t"), b"quoted-printable")
    yield "charset-utf16", body(b"text/plain; charset=utf-16", noise.randbytes(MB))
    yield "charset-utf32", body(b"text/plain; charset=utf-32", noise.randbytes(MB))
    yield "charset-utf7", body(b"text/plain; charset=utf-7", fill(b"+AAAA-"))
    yield "charset-2022-kr", body(b"text/plain; charset=iso-2022-kr", fill(b"\x0e\x1b$)C\x0f\xff"))
    yield "charset-2022-jp", body(b"text/plain; charset=iso-2022-jp", fill(b"\x1b$B\xff\x1b(B"))
    yield "charset-hkscs", body(b"text/plain; charset=big5-hkscs", fill(b"\x88\x62\x88\xa3\xff"))
    yield "charset-gb18030", body(b"text/plain; charset=gb18030", noise.randbytes(MB))
    yield "charset-lie", body(b"text/plain; charset=us-ascii", noise.randbytes(MB))
    yield "charset-parts", multipart(
        b"Content-Type: text/plain; charset=%s\n\n%s" % (name, noise.randbytes(8000).replace(b"\n", b"\x80"))
        for name in [b"iso-2022-jp", b"gb18030", b"big5-hkscs", b"euc-tw", b"utf-16", b"shift_jis", b"cp949", b"iso-2022-kr"] * 15)
    yield "charset-unknown", body(b"text/plain; charset=" + b"x" * 100000, fill(b"word "))
    yield "entities", html(fill(b"&"))
    yield "entities-unknown", html(fill(b"&zzzzzzz"))
    yield "entities-numbers", html(fill(b"&#x10ffff;"))
    yield "entities-hidden", html_parts(fill(b"&zzzzzz ").replace(b" ", b"<p hidden>", 1), 16000)
    yield "entities-links", html_parts(fill(b"<a href=\"" + b"&" * 2000 + b"\">"), 16000)
    yield "entities-script", html_parts(fill(b"<b title='" + b"&Z" * 1000 + b"' hidden>"), 16000)
    yield "comments-open", html(fill(b"<!--"))
    yield "comments", html(fill(b"<!-- -->a"))
    yield "declarations", html(fill(b"<!x>"))
    yield "html-deep", html(b"<div>" * (READ // 5))
    yield "html-hidden-deep", html(b"<div style='display:none'>" * (READ // 26))
    yield "html-open-tags", html(fill(b"<"))
    yield "html-open-names", html(fill(b"<a"))
    yield "html-attributes", html(b"<p" + fill(b" a"))
    yield "html-attributes-values", html(fill(b"<p a='" + b"b" * 30 + b"' c=d e='f'>"))
    yield "html-quotes", html(fill(b"<a b=\"'"))
    yield "html-scripts", html(fill(b"<script></"))
    yield "html-styles", html_parts(fill(b"<i style='" + b"display:non vis " * 16 + b"'>"), 16000)
    yield "html-styles-short", html_parts(fill(b"<i style='m f v d'>"), 16000)
    yield "html-links", html(fill(b"<a href=http://a.b.c.d.e.f.g.h.i/j/k/l/m?n=o&p=q>x</a>"))
    yield "html-tags", html(b"".join(b"<x%d y%d>" % (i, i) for i in range(READ // 12)))
    yield "text-links", HEAD + b"\n" + fill(b"http://a.b.c.d.e.f/1.2.3.4.5.6.7.8.9 ")
    yield "text-link-marks", HEAD + b"\n" + fill(b"://")
    yield "uuencode", HEAD + b"\nbegin 644 " + b"a" * 100000 + b"\n" + fill(b"M" + b"!" * 60 + b"\n") + b"end\n"
    yield "tnef", body(b"application/ms-tnef; name=winmail.dat", base64.b64encode(tnef()), b"base64")
    yield "zip-names", body(b"application/zip; name=a.zip", base64.b64encode(zip_of(b"n%d.exe" % i for i in range(20000))), b"base64")
    yield "zip-name-long", body(b"application/zip; name=\"" + b"." * 15000 + b"\"", b"PK\x03\x04")
    yield "gzip-bomb", body(b"text/plain", base64.b64encode(zlib.compress(bytes(50 * MB))), b"base64")
    yield "mbox-lines", fill(b"From x\nFrom: a\n\n")
    yield "signatures", fill(b"X-DSPAM-Signature: 0123456789abcdef01234567\n") + b"\n"
    yield "plain", PLAIN


def write(folder, most):
    os.makedirs(folder, exist_ok=True)
    for name, message in messages():
        if len(message) > most:
            continue
        with open(os.path.join(folder, name), "wb") as file:
            file.write(message)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    write(sys.argv[1], int(sys.argv[2]) * MB if len(sys.argv) == 3 else 1 << 40)
