// Package posture tells how exposed a host is to attacks on its network stack: which
// settings of the kernel decide about them, and whether they stand as they should.
//
// [Checks] is the list, with the attack that each decides about. [Host.Read] judges the
// values that the kernel acts on, not those of one file: for most settings of a device
// it combines those of the device with those of "all", each in its own way
// (Documentation/networking/ip-sysctl.rst, include/linux/inetdevice.h). Nothing is
// changed, and no privilege is needed but for [BPFJITHarden].
//
// Exposed means that nothing in the kernel stands in the way of the attack. A rule of
// Guarder may, which is not known here.
package posture
