// Package netns finds the network namespaces of this host and works in them.
//
//	own, err := netns.Own()
//	for _, ns := range netns.Find(own) {
//		err := ns.Do(func() error { ... })
//	}
//
// A namespace is known by its inode. None but the own one is held open, so that
// looking at a namespace does not keep it alive. To find those of other users'
// processes takes CAP_SYS_PTRACE, and to enter them CAP_SYS_ADMIN.
//
// # Thread Safety
//
// Everything here may be used from any goroutine.
package netns
