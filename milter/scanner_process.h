/*
 * scanner_process.h - one generation of the scanner: an exec'ed process that holds the signatures.
 *
 * The milter starts it as "shoveler-milter --scanner" with two descriptors: its control socket and
 * the listening socket of scanner_listen. It reads the settings from the control socket, loads the
 * signatures, forks the workers, and reports in packets:
 *
 *	event=ready signatures=N
 *	event=failed reason=TEXT              (then it exits)
 *	event=worker-died signal=N busy=MS    (it was killed or crashed, and has been replaced)
 *
 * It owns the workers and their temporary folders. A worker that is busy for longer than the
 *time-out is killed. End of file on the control socket means that the milter is gone or wants this
 *generation to end: workers finish what they are scanning, within the time-out, and it exits. So a
 *new set of signatures is a new generation beside the old one, memory goes back to the system in
 *whole, and a damaged database hurts nobody.
 */
#ifndef SHOVELER_SCANNER_PROCESS_H
#define SHOVELER_SCANNER_PROCESS_H

#define SCANNER_OPTION	   "--scanner"
#define SCANNER_CONTROL_FD 3
#define SCANNER_LISTEN_FD  4

/* The whole program in this role. */
_Noreturn void scanner_process_main(void);

#endif
