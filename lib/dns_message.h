/*
 * dns_message.h - reads one DNS response (RFC 1035 section 4) into records.
 *
 * Foreign bytes: names are expanded with bounds, every count is checked against what is there, and
 * at most DNS_MAX_RECORDS records are kept. Records of other types than the one that was asked for
 * (a CNAME on the way, signatures) are passed over.
 */
#ifndef SHOVELER_DNS_MESSAGE_H
#define SHOVELER_DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_MAX_RECORDS	 64
#define DNS_MAX_TTL	 86400 /* seconds */
#define DNS_MAX_NEGATIVE 3600  /* seconds that "there is none" is kept; RFC 2308 section 5 */
#define DNS_FAILURE_TTL	 5     /* seconds that a failure is kept */

enum dns_type { DNS_A = 1, DNS_PTR = 12, DNS_MX = 15, DNS_TXT = 16, DNS_AAAA = 28 };

enum dns_status {
	DNS_FOUND,
	DNS_NONE,   /* the name does not exist, or has no such record */
	DNS_FAILED, /* nobody knows: time-out, SERVFAIL, malformed */
};

struct dns_record {
	unsigned preference;	/* MX */
	size_t size;		/* A: 4, AAAA: 16; else the length of text */
	unsigned char data[16]; /* A, AAAA: network byte order */
	char *text;		/* PTR, MX: a name without the last dot, "" is the root; TXT */
};

struct dns_answer {
	enum dns_status status;
	uint32_t ttl; /* seconds this may be kept */
	size_t count;
	struct dns_record *records;
};

/* Never fails: what cannot be read is DNS_FAILED. Freed by dns_answer_free(). */
void dns_message_read(const unsigned char *message, size_t size, enum dns_type type,
		      struct dns_answer *answer_r);
void dns_answer_free(struct dns_answer *answer);

#endif
