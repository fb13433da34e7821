/*
 * sender.h - by what a sender is known again: his From: line, and the network that brought the
 * mail.
 */
#ifndef SHOVELER_SENDER_H
#define SHOVELER_SENDER_H

#include "lib/span.h"

#include <stdint.h>

/*
 * from: decoded. The hash of the line, letter case (of ASCII) and white space folded; 0 when empty.
 */
int64_t sender_key(const char *from);

/*
 * The hash of the From: line together with the network of the host that handed the message over:
 * the topmost Received: field with a public address, as /24 (IPv4) or /48 (IPv6). That field was
 * written by a host of ours, so who forges the line alone has another key. 0 when from is empty.
 */
int64_t sender_route_key(const char *from, struct span message);

#endif
