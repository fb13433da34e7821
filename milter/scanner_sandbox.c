#include "scanner_sandbox.h"

#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_DESCRIPTORS 256

static const int denied_calls[] = {
	SCMP_SYS(socket),
	SCMP_SYS(socketpair),
	SCMP_SYS(connect),
	SCMP_SYS(bind),
	SCMP_SYS(listen),
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(fork),
	SCMP_SYS(vfork),
	SCMP_SYS(ptrace),
	SCMP_SYS(kill),
	SCMP_SYS(tkill),
	SCMP_SYS(rt_sigqueueinfo),
	SCMP_SYS(rt_tgsigqueueinfo),
	SCMP_SYS(pidfd_send_signal),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(pidfd_open),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(unshare),
	SCMP_SYS(setns),
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(keyctl),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(setuid),
	SCMP_SYS(setgid),
	SCMP_SYS(setreuid),
	SCMP_SYS(setresuid),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(mknod),
	SCMP_SYS(mknodat),
};

/*
 * Calls that only threads of this process may be the object of. clone3() keeps its flags in memory,
 * where no filter looks: the C library then takes clone().
 */
static int deny_other_processes(scmp_filter_ctx filter)
{
	int code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	if (code == 0)
		code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
					SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
	if (code == 0)
		code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(tgkill), 1,
					SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)getpid(), 0));
	if (code == 0)
		code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prlimit64), 1,
					SCMP_A0(SCMP_CMP_NE, 0, 0));
	return code;
}

static int deny_calls(char **error_r)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int code = filter == NULL ? -ENOMEM : 0;

	for (size_t i = 0; i < sizeof(denied_calls) / sizeof(denied_calls[0]) && code == 0; i++)
		code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), denied_calls[i], 0);
	if (code == 0)
		code = deny_other_processes(filter);
	/* A binary tree: the filter is asked at every system call. */
	if (code == 0)
		code = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (code == 0)
		code = seccomp_load(filter);
	seccomp_release(filter);
	if (code != 0)
		*error_r = xasprintf("cannot enter seccomp: %s", strerror(-code));
	return code == 0 ? 0 : -1;
}

#define READ_ACCESS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_ACCESS                                                                               \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                           \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |                            \
	 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SYM)
#define OTHER_ACCESS                                                                               \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |                               \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |                             \
	 LANDLOCK_ACCESS_FS_MAKE_BLOCK)

static int allow_below(int ruleset, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = access};
	long ret;

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return -1;
	ret = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
	return (int)ret;
}

static int confine_files(const char *temp_directory, char **error_r)
{
	struct landlock_ruleset_attr attributes = {.handled_access_fs = READ_ACCESS | WRITE_ACCESS |
									OTHER_ACCESS};
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
	int ret;

	/* EPERM is no answer of the kernel's: so containers refuse calls that they do not know. */
	if (ruleset < 0 && (errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM))
		return 0;
	ret = ruleset < 0 ? -1 : 0;
	if (ret == 0)
		ret = allow_below(ruleset, temp_directory, READ_ACCESS | WRITE_ACCESS);
	if (ret == 0)
		ret = allow_below(ruleset, "/usr", READ_ACCESS);
	if (ret == 0)
		ret = allow_below(ruleset, "/etc", READ_ACCESS);
	if (ret == 0)
		ret = allow_below(ruleset, "/dev/urandom", LANDLOCK_ACCESS_FS_READ_FILE);
	if (ret == 0)
		ret = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
	if (ret < 0)
		*error_r = xasprintf("cannot enter Landlock: %s", strerror(errno));
	if (ruleset >= 0)
		close(ruleset);
	return ret;
}

/* Bytes of address space in use now. */
static int64_t address_space(void)
{
	FILE *statm = fopen("/proc/self/statm", "re");
	long long pages = 0;

	if (statm != NULL) {
		if (fscanf(statm, "%lld", &pages) != 1)
			pages = 0;
		fclose(statm);
	}
	return pages * sysconf(_SC_PAGESIZE);
}

static int set_limit(__rlimit_resource_t resource, int64_t value, char **error_r)
{
	struct rlimit limit = {(rlim_t)value, (rlim_t)value};

	if (setrlimit(resource, &limit) == 0)
		return 0;
	*error_r = xasprintf("cannot limit a worker: %s", strerror(errno));
	return -1;
}

static int limit_resources(const struct scanner_settings *settings, char **error_r)
{
	if (settings->max_memory > 0 &&
	    set_limit(RLIMIT_AS, address_space() + settings->max_memory, error_r) < 0)
		return -1;
	if (set_limit(RLIMIT_FSIZE, settings->max_scan_size, error_r) < 0 ||
	    set_limit(RLIMIT_NOFILE, MAX_DESCRIPTORS, error_r) < 0)
		return -1;
	return set_limit(RLIMIT_CORE, 0, error_r);
}

int scanner_sandbox_enter(const struct scanner_settings *settings, const char *temp_directory,
			  char **error_r)
{
	if (limit_resources(settings, error_r) < 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) {
		*error_r = xasprintf("cannot give up privileges: %s", strerror(errno));
		return -1;
	}
	if (confine_files(temp_directory, error_r) < 0)
		return -1;
	return deny_calls(error_r);
}
