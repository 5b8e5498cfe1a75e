// Package owner tells whom a socket belongs to: the process that holds it open
// now, and the control group and container that it was made in.
//
// The kernel names a socket by its inode and its group by the inode of the group's
// folder; [Of] finds the names to many of them at once. It looks through the open
// files of all processes, which takes about 1 ms per hundred files, so it is for
// what a person asks for and not for each scrape. Other users' processes take
// CAP_SYS_PTRACE.
package owner
