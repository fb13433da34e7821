#!/usr/bin/python3
"""DSPAM as a content filter, as far as Postfix sees it: DSPAM itself is in no Debian that is tested here.

It takes mail by LMTP from a socket, notes the recipients, adds the header fields of DSPAM and gives the mail back to Postfix by SMTP,
as dspam.conf has it with ServerMode standard, DeliveryHost and DeliveryPort.
usage: dspam_stand_in.py SOCKET LOG SMTP-PORT
"""

import os
import smtplib
import socketserver
import sys


class Session(socketserver.StreamRequestHandler):
    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def handle(self):
        sender, recipients = None, []
        self.say("220 DSPAM LMTP stand-in ready")
        for line in self.rfile:
            words = line.decode().strip()
            verb = words[:4].upper()
            address = words.partition("<")[2].partition(">")[0]
            if verb == "LHLO":
                self.say("250 stand-in")
            elif verb == "MAIL":
                sender, recipients = address, []
                self.say("250 OK")
            elif verb == "RCPT":
                recipients.append(address)
                self.say("250 OK")
            elif verb == "DATA":
                self.say("354 Enter mail, end with \".\" on a line by itself")
                self.deliver(sender, recipients)
            elif verb == "QUIT":
                self.say("221 OK")
                return
            else:
                self.say("250 OK")

    def deliver(self, sender, recipients):
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(line[1:] if line.startswith(b"..") else line)
        message = b"X-DSPAM-Result: Innocent\r\nX-DSPAM-Signature: 16,4711standin\r\n" + b"".join(lines)
        with smtplib.SMTP("127.0.0.1", int(sys.argv[3])) as postfix:
            postfix.sendmail(sender, recipients, message)
        with open(sys.argv[2], "a", encoding="utf-8") as log:
            log.writelines(f"{recipient}\n" for recipient in recipients)
        for recipient in recipients:
            self.say(f"250 2.6.0 <{recipient}> Message accepted for delivery")


with socketserver.ThreadingUnixStreamServer(sys.argv[1], Session) as server:
    os.chmod(sys.argv[1], 0o666)
    server.serve_forever()
