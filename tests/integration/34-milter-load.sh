#!/bin/bash
# The milter under load and under attack: 1,000 connections, clients and peers that hardly move, 100 MB, archives made to hurt, a worker
# killed in the middle of its message. Everybody gets an answer, nothing passes unscanned, and the next mail goes its way.
STORY_WORKERS_DIE=yes
. "$(dirname "$0")/story.sh"
row 34 "The milter under load"

milter_settings() { # "name = value"...
	lab_in mx1 sh -c 'mkdir -p /etc/shoveler/main.cf.d; printf "%s\n" "$@" >/etc/shoveler/main.cf.d/90-test.cf' sh "$@"
	lab_restart mx1/shoveler-milter
}
milter_log() { grep -E -- "$1" "$LAB_DIR/mx1/var/log/shoveler-milter.out"; }
metric() { lab_in mx1 curl -s http://127.0.0.1:9763/metrics | sed -n "s/^shoveler_milter_$1 //p"; }
metric_is() { [ "$(metric "$1")" "$2" "$3" ] && echo yes || metric "$1"; }
# Kilobytes of the milter's own memory, now (RssAnon) or at most (VmHWM).
memory() { lab_in mx1 awk -v "field=$1:" '$1 == field { print $2 }' "/proc/$(lab_pid mx1/shoveler-milter)/status"; }
grew_less_than() { [ $(($(memory RssAnon) - $2)) -lt "$1" ] && echo yes || echo "from $2 to $(memory RssAnon) kB"; }
mail_passes() { lab_message "Passes" | lab_send bob@example.test | grep -o '^data 250'; }
# Connections to the milter that say MESSAGE (Python bytes) and then nothing, until the file "$LAB_DIR/go" is gone. usage: peers COUNT MESSAGE
peers() {
	touch "$LAB_DIR/go"
	lab_in mx1 python3 - "$1" "$2" "$LAB_DIR/go" <<-'END' &
		import ast, os, socket, sys, time
		negotiation = b"\0\0\0\x0dO\0\0\0\6\0\0\1\xff\0\x1f\xff\xff"
		connections = []
		for number in range(int(sys.argv[1])):
		    connection = socket.create_connection(("127.0.0.1", 8895))
		    connection.sendall(negotiation + ast.literal_eval(sys.argv[2]))
		    connections.append(connection)
		while os.path.exists(sys.argv[3]):
		    time.sleep(0.05)
	END
	peers=$!
}
peers_go() { rm -f "$LAB_DIR/go"; wait $peers; }

# Where more connections wait than were asked for when Postfix began to listen, the kernel may forget one that its client believes to have:
# as many as default_process_limit may.
lab_postconf mx1 smtpd_client_connection_count_limit=0 smtpd_client_connection_rate_limit=0 default_process_limit=1000 message_size_limit=250000000 \
	virtual_mailbox_limit=0 mailbox_size_limit=0 smtpd_per_request_deadline=yes smtpd_per_record_deadline=yes
lab_in mx1 postconf -F smtp/inet/process_limit=300
lab_restart mx1/postfix

# 1,000 SMTP clients at once; every tenth sends a message.
storm() {
	lab_in client python3 - <<-'END'
		import asyncio, collections
		answers = collections.Counter()
		async def command(reader, writer, line):
		    writer.write(line)
		    reply = b"----"
		    while reply[3:4] == b"-":
		        reply = await reader.readline()
		    return reply[:3].decode()
		async def client(number):
		    try:
		        reader, writer = await asyncio.open_connection("203.0.113.25", 25)
		        await reader.readline()
		        await command(reader, writer, b"EHLO mail.client.test\r\n")
		        await command(reader, writer, b"MAIL FROM:<s%d@client.test>\r\n" % number)
		        answer = await command(reader, writer, b"RCPT TO:<bob@example.test>\r\n")
		        if number % 10 == 0 and answer == "250":
		            await command(reader, writer, b"DATA\r\n")
		            answer = "data " + await command(reader, writer, b"Subject: Storm\r\nMessage-ID: <%d@client.test>\r\n\r\nHello.\r\n.\r\n" % number)
		        await command(reader, writer, b"QUIT\r\n")
		        writer.close()
		    except OSError as error:
		        answer = "no answer"
		    answers[answer] += 1
		async def main():
		    await asyncio.gather(*(client(number) for number in range(1000)))
		asyncio.run(asyncio.wait_for(main(), 280))
		print(", ".join(f"{count} x {answer}" for answer, count in sorted(answers.items())))
	END
}
expect 0 "1,000 SMTP clients at once, each tenth sends a message" "900 x 250, 100 x data 250" storm
expect 20 "sessions left over" "yes" metric_is open_sessions -eq 0

# 1,000 connections that Postfix holds and does not use.
before=$(memory RssAnon)
peers 1000 'b"\0\0\0\x22Cmail.client.test\0" b"4\0\x19203.0.113.10\0" b"\0\0\0\x12Hmail.client.test\0"'
expect 20 "1,000 idle connections of Postfix" "yes" metric_is open_sessions -ge 1000
expect 10 "threads for them" "yes" metric_is threads -le 20
expect 10 "memory for them, below 64 MB with sanitizers" "yes" grew_less_than 65536 "$before"
expect 0 "and mail passes" "data 250" mail_passes
peers_go

# Peers that stop in the middle of a packet hold nobody up.
peers 200 'b"\0\0\1\0Cmail.cli"'
expect 10 "200 connections in the middle of a packet" "yes" metric_is open_sessions -ge 200
expect 0 "mail passes" "data 250" mail_passes
peers_go
peers 1 'b"\0\0\0\1E"'
expect 10 "an end of message without a message: closed, and counted" "yes" metric_is protocol_errors_total -ge 1
peers_go

# SMTP clients that send a byte a second. As many as have been waited for, and not those that one busy second made late.
lab_postconf mx1 smtpd_timeout=4s && lab_reload mx1/postfix
loris() {
	lab_in client python3 - <<-'END'
		import select, socket, time
		connections = [socket.create_connection(("203.0.113.25", 25)) for _ in range(100)]
		until, ended = time.time() + 60, 0
		while connections and time.time() < until:
		    for connection in list(connections):
		        try:
		            connection.send(b"E")
		            while select.select([connection], [], [], 0)[0]:
		                if not connection.recv(4096):
		                    raise OSError
		        except OSError:
		            connections.remove(connection)
		            ended += 1
		    time.sleep(0.5)
		print(ended)
	END
}
loris >"$LAB_DIR/loris" &
loris=$!
sleep 1
expect 0 "100 clients that send a byte at a time: mail passes meanwhile" "data 250" mail_passes
wait $loris
expect 0 "they are ended by Postfix" "100" cat "$LAB_DIR/loris"
expect 10 "sessions left over" "yes" metric_is open_sessions -eq 0
lab_postconf mx1 smtpd_timeout=300s && lab_reload mx1/postfix

# More sessions than there may be.
milter_settings "milter_max_sessions = 30"
peers 30 'b""'
expect 10 "as many sessions as milter_max_sessions" "30" metric open_sessions
lab_message "Too many" >"$LAB_DIR/message"
expect_like 0 "one more: put off" "451" '^(mail|rcpt bob@example.test|data|connect) 451' lab_send bob@example.test <"$LAB_DIR/message"
expect 10 "counted" "yes" metric_is refused_sessions_total -ge 1
expect_like 10 "and said" "a warning" 'more than 30 sessions of Postfix' milter_log 'milter_max_sessions'
peers_go
lab_wait 10 mail_passes >/dev/null
expect 10 "when they are gone mail passes" "data 250" mail_passes

# 100 MB: spooled to disk, refused by its size or scanned; not held in memory.
milter_settings "scanner_max_file_size = 100m"
send_large() { # BYTES
	lab_in client python3 - "$1" <<-'END'
		import smtplib, sys
		line = b"0123456789abcdef" * 60 + b"\r\n"
		smtp = smtplib.SMTP("203.0.113.25", timeout=120, local_hostname="mail.client.test")
		smtp.ehlo(), smtp.mail("s@client.test"), smtp.rcpt("carol@example.test")
		print(*smtp.data(b"Subject: Large\r\n\r\n" + line * (int(sys.argv[1]) // len(line))))
	END
}
before=$(memory RssAnon)
expect_like 0 "a message of 110 MB" "refused, as larger than can be scanned" '^554.*cannot be scanned.*scanner_max_file_size' send_large 110000000
expect_like 0 "one of 20 MB" "scanned, and taken" '^250' send_large 20000000
expect_like 10 "in the log" "clean" 'scan=clean' milter_log 'to=<carol@example.test>, .*scan=clean'
expect 0 "memory of the milter" "yes" grew_less_than 65536 "$before"

# Archives made to hurt.
milter_settings "scanner_max_time = 5s"
lab_eicar >"$LAB_DIR/eicar"
/usr/bin/python3 - "$LAB_DIR" <<'END'
import email.message, io, os, struct, sys, zipfile, zlib
folder = sys.argv[1]
eicar = open(folder + "/eicar", "rb").read()

def packed(data, name="f"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return out.getvalue()

def zeros_then(megabytes, data):
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    megabyte, checksum = bytes(1 << 20), 0
    block = compressor.compress(megabyte) + compressor.flush(zlib.Z_FULL_FLUSH)
    for _ in range(megabytes):
        checksum = zlib.crc32(megabyte, checksum)
    rest = compressor.compress(data) + compressor.flush()
    return block * megabytes + rest, zlib.crc32(data, checksum), (megabytes << 20) + len(data)

def bomb():
    data, checksum, size = zeros_then(600, eicar)
    local = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, 0, 8, 0, 0, checksum, len(data), size, 1, 0) + b"f" + data
    central = struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", 20, 20, 0, 8, 0, 0, checksum, len(data), size, 1, 0, 0, 0, 0, 0, 0) + b"f"
    return local + central + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1, 1, len(central), len(local), 0)

def deep(levels):
    data = eicar
    for level in range(levels):
        data = packed(data)
    return data

def many(count):
    # Entries that all lead to the same file, and one that leads to EICAR, behind them.
    first = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, 0, 0, 0, 0, zlib.crc32(b"x"), 1, 1, 1, 0) + b"ax"
    last = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, 0, 8, 0, 0, zlib.crc32(eicar), 0, len(eicar), 1, 0)
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = compressor.compress(eicar) + compressor.flush()
    last = last[:18] + struct.pack("<I", len(data)) + last[22:] + b"z" + data
    entry = struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", 20, 20, 0, 0, 0, 0, zlib.crc32(b"x"), 1, 1, 1, 0, 0, 0, 0, 0, 0) + b"a"
    end = struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", 20, 20, 0, 8, 0, 0, zlib.crc32(eicar), len(data), len(eicar), 1, 0, 0, 0, 0, 0, len(first)) + b"z"
    central = entry * count + end
    return packed(first + last + central + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 65535, 65535, len(central), len(first) + len(last), 0))

def real_many(count):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(count):
            archive.writestr(str(number), str(number))
        archive.writestr("z", eicar)
    return out.getvalue()

attachments = {
    "bomb": bomb(), "deep": deep(40), "million": many(1000000), "many": real_many(12000),
    "rar": b"Rar!\x1a\x07\x00" + b"\xff" * 30 + eicar + os.urandom(3000), "7z": b"7z\xbc\xaf\x27\x1c\0\4" + b"\xff" * 24 + eicar + os.urandom(3000),
    "cut": packed(eicar + os.urandom(100000))[:-60],
}
for name, data in attachments.items():
    message = email.message.EmailMessage()
    message["From"], message["To"], message["Subject"] = "s@client.test", "alice@example.test", "Hostile " + name
    message["Message-ID"] = f"<{name}@client.test>"
    message.set_content("See the attachment.\n")
    message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    open(f"{folder}/hostile-{name}", "wb").write(message.as_bytes())
END
limited='^data 554.*cannot be scanned'
for hostile in "bomb:600 MB of zeros and EICAR behind them" "deep:40 archives in each other, EICAR in the last" "many:12,000 files, EICAR the last"; do
	expect_like 0 "a zip of ${hostile#*:}" "refused" "$limited" lab_send alice@example.test <"$LAB_DIR/hostile-${hostile%%:*}"
done
for hostile in "million:a zip with a million entries, EICAR the last" "rar:a broken rar with EICAR" "7z:a broken 7z with EICAR" "cut:a zip with EICAR, cut off"; do
	expect_like 0 "${hostile#*:}" "refused, or discarded" '^data (554|250)' lab_send alice@example.test <"$LAB_DIR/hostile-${hostile%%:*}"
done
lab_message "After the archives" | deliver alice@example.test
expect 20 "mail behind them" "INBOX: Innocent" mailbox alice "After the archives"
arrived() { lab_imap alice header INBOX Subject | grep -c Hostile; }
expect 0 "of these in her INBOX" "0" arrived
died() { milter_log 'action=worker-died' | wc -l; }
expect 0 "workers that did not survive them" "0" died

# A worker killed while it has the message.
milter_settings "scanner_max_time = 0" "scanner_max_scan_size = 100g" "scanner_max_file_size = 1g"
scanner_pid() { lab_in mx1 pgrep -f -- '^shoveler-milter --scanner' | head -n 1; }
# A worker has done more than to start: 0.2 s of the processor.
# shellcheck disable=SC2016
busy() { lab_in mx1 sh -c 'for pid in $(pgrep -P "$0"); do awk "{ exit \$14 + \$15 < 20 }" "/proc/$pid/stat" && exit; done; exit 1' "$(scanner_pid)"; }
lab_send alice@example.test <"$LAB_DIR/hostile-bomb" >"$LAB_DIR/killed" &
sender=$!
lab_wait 30 busy
lab_in mx1 sh -c "pkill -9 -P $(scanner_pid)"
wait $sender
expect_like 0 "a worker killed in the middle of a message" "deferred" '^data 451' cat "$LAB_DIR/killed"
expect_like 10 "in the log" "a crash" 'scan=error.*stopped while it had the message' milter_log 'stopped while'
expect 10 "counted" "1" metric scanner_crashes_total
lab_message "After the kill" | deliver alice@example.test
expect 20 "mail behind it" "INBOX: Innocent" mailbox alice "After the kill"
