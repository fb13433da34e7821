/*
 * scanner_shortage.h - whether a worker lacked memory, room or descriptors during a scan.
 *
 * libclamav skips what it cannot unpack for want of them, and calls the rest clean. It says so
 * nowhere, so the program stands between it and the C library: scanner_shortage.c and
 * scanner_allocations.c define the calls by which libclamav, and the libraries under it, get memory
 * and write temporary files. They do what those of the C library do, and note here what failed.
 */
#ifndef SHOVELER_SCANNER_SHORTAGE_H
#define SHOVELER_SCANNER_SHORTAGE_H

/* From here on; what failed before is forgotten. */
void scanner_shortage_begin(void);

/* errno of the first failure since, ENOMEM before all others; 0: there was none. */
int scanner_shortage(void);

/* Something failed with that errno. Changes no errno. */
void scanner_shortage_note(int error);

#endif
