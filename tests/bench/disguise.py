#!/usr/bin/env python3
"""Does a disguise blind the filter? usage: disguise.py SPAMTRAIN WORK SEED     (WORK: made by corpus-index.py with that seed)

The filter learns half A of the corpus as it is (each error corrected), then only scores half B: its ham as it is, and its spam once for each
disguise. The table says how much of that spam is caught, by whole messages and by body and basic fields only.
"""
import email
import email.policy
import os
import random
import re
import subprocess
import sys

SPAMS = 400
LATIN = "aeopcxiysTAEOPCXBHKM"
TWINS = "аеорсхіуѕТАЕОРСХВНКМ"
SIGNS = str.maketrans("aoiesl", "@013$1")


def text_of(message):
    """The text that a reader sees first, without tags."""
    for part in message.walk():
        if part.get_content_maintype() != "text":
            continue
        data = part.get_payload(decode=True) or b""
        text = data.decode("latin1")
        if part.get_content_subtype() == "html":
            text = re.sub(r"(?is)<(script|style).*?</\1>|<[^>]*>", " ", text)
        return text
    return ""


def words_changed(text, generator, share, change):
    def one(match):
        word = match[0]
        return change(word) if len(word) > 3 and generator.random() < share else word

    return re.sub(r"[A-Za-z]+", one, text)


def built(fields, subject, body_type, encoding, body):
    """A message of the same fields with another subject and body."""
    kept = [f for f in fields if not re.match(rb"(Content-|MIME-Version|Subject:)", f, re.I)]
    new = [b"Subject: " + subject.encode() + b"\n", b"MIME-Version: 1.0\n", b"Content-Type: " + body_type + b"\n"]
    if encoding:
        new.append(b"Content-Transfer-Encoding: " + encoding + b"\n")
    return b"".join(kept + new) + b"\n" + body


def html(text):
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return "<html><body><p>" + text.replace("\n\n", "</p><p>").replace("\n", "<br>\n") + "</p></body></html>"


def disguises(fields, subject, text, salt, generator):
    import base64
    import quopri

    plain = b"text/plain; charset=utf-8"
    page = b"text/html; charset=utf-8"
    both = lambda share, change: (words_changed(subject, generator, share, change), words_changed(text, generator, share, change))

    yield "plain text", built(fields, subject, plain, b"8bit", text.encode())
    s, t = both(1, lambda w: "\u200b".join(w))
    yield "zero-width characters in every word", built(fields, s, plain, b"8bit", t.encode())
    s, t = both(1, lambda w: w.translate(str.maketrans(LATIN, TWINS)))
    yield "Cyrillic look-alikes in every word", built(fields, s, plain, b"8bit", t.encode())
    s, t = both(0.5, lambda w: w.translate(SIGNS))
    yield "V!agra spelling of half of the words", built(fields, s, plain, b"8bit", t.encode())
    s, t = both(0.3, " ".join)
    yield "s p a c e d letters of 30 % of the words", built(fields, s, plain, b"8bit", t.encode())
    s, t = both(0.7, lambda w: w[:2] + "<!-- " + generator.choice(salt) + " -->" + w[2:])
    yield "HTML comments in the words", built(fields, subject, page, b"8bit", html(t).replace("&lt;!--", "<!--").encode())
    ham = " ".join(generator.choices(salt, k=300))
    yield "white on white: 300 words of ham", built(
        fields, subject, page, b"8bit", (html(text) + '<font color="#ffffff" style="color:white">' + ham + "</font>").encode()
    )
    yield "display:none: 300 words of ham", built(
        fields, subject, page, b"8bit", (html(text) + '<div style="display:none">' + ham + "</div>").encode()
    )
    yield "in plain sight: 300 words of ham", built(fields, subject, plain, b"8bit", (text + "\n\n" + ham).encode())
    yield "base64 text", built(fields, subject, plain, b"base64", base64.encodebytes(text.encode()))
    yield "base64 HTML in UTF-16", built(fields, subject, b"text/html; charset=utf-16", b"base64", base64.encodebytes(html(text).encode("utf-16")))
    yield "quoted-printable, every byte", built(
        fields, subject, plain, b"quoted-printable",
        b"=\n".join(b"".join(b"=%02X" % c for c in text.encode()[i : i + 24]) for i in range(0, len(text.encode()), 24)),
    )
    image = base64.encodebytes(generator.randbytes(9000))
    yield "image only", built(
        fields, subject, b'multipart/related; boundary="=_b"', None,
        b'--=_b\nContent-Type: text/html\n\n<html><body><img src="cid:1@x"></body></html>\n'
        b"--=_b\nContent-Type: image/png\nContent-Transfer-Encoding: base64\nContent-ID: <1@x>\n\n" + image + b"--=_b--\n",
    )


def fields_of(data):
    end = re.search(rb"\r?\n\r?\n", data)
    return re.findall(rb"[^\n]*\n(?:[ \t][^\n]*\n)*", data[: end.start() + 1 if end else len(data)])


def read_index(path):
    with open(path) as file:
        return [line.rstrip("\n").split("\t") for line in file]


def measure(spamtrain, work, kind, seed):
    """name of disguise -> list of was it caught; and the share of ham wrong"""
    generator = random.Random(seed)
    known, other = read_index(f"{work}/{kind}.{seed}.a"), read_index(f"{work}/{kind}.{seed}.b")
    salt = []
    for gold, path in known:
        if gold == "ham" and len(salt) < 50000:
            with open(path, "rb") as file:
                salt += re.findall(r"[A-Za-z]{3,12}", text_of(email.message_from_bytes(file.read(), policy=email.policy.compat32)))
    rows = []
    folder = f"{work}/disguise.{kind}"
    os.makedirs(folder)
    spams = [path for gold, path in other if gold == "spam"][:SPAMS]
    for number, path in enumerate(spams):
        with open(path, "rb") as file:
            data = file.read()
        message = email.message_from_bytes(data, policy=email.policy.compat32)
        text = text_of(message)
        subject = " ".join(str(message["Subject"] or "").encode("ascii", "ignore").decode().split())
        rows.append(("as it was", path))
        if len(text.split()) < 5:
            continue
        for name, made in disguises(fields_of(data), subject, text, salt, generator):
            target = f"{folder}/{number}.{len(rows)}"
            with open(target, "wb") as file:
                file.write(made)
            rows.append((name, target))
    hams = [path for gold, path in other if gold == "ham"]
    with open(f"{folder}/index", "w") as file:
        file.writelines(f"{gold}\t{path}\n" for gold, path in known)
        file.writelines(f"spam\t{path}\n" for _, path in rows)
        file.writelines(f"ham\t{path}\n" for path in hams)
    subprocess.run(
        [spamtrain, "evaluate", "--index", f"{folder}/index", "--learn-first", str(len(known)), "--results", f"{folder}/out"],
        check=True, stdout=subprocess.DEVNULL,
    )
    with open(f"{folder}/out") as file:
        verdicts = [line.split()[2] == "spam" for line in file][len(known) :]
    caught = {}
    for (name, _), verdict in zip(rows, verdicts):
        caught.setdefault(name, []).append(verdict)
    wrong = verdicts[len(rows) :]
    return caught, 100 * sum(wrong) / len(wrong)


def main():
    spamtrain, work, seed = sys.argv[1], os.path.abspath(sys.argv[2]), int(sys.argv[3])
    whole, wrong = measure(spamtrain, work, "index", seed)
    content, content_wrong = measure(spamtrain, work, "content", seed)
    print(f"ham wrong: {wrong:.2f} %; body and basic fields only {content_wrong:.2f} %")
    print("| disguise | caught % | body and basic fields only |\n|---|---|---|")
    for name, caught in whole.items():
        print(f"| {name} | {100 * sum(caught) / len(caught):.1f} | {100 * sum(content[name]) / len(content[name]):.1f} |")


if __name__ == "__main__":
    main()
