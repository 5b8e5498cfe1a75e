// Package vmtest runs the tests of the kernel lane on other kernels than the
// host's: it boots Debian's own kernels in emulated machines.
//
// A machine gets a kernel and an initramfs made for the run. The initramfs holds
// a statically linked /init (package guest), the kernel modules that the tests
// want, the test binaries, and a [Plan] that says which of them to run. There is
// no root file system, no shell and no network card. The first serial port is
// the kernel's console; the second carries the output of the tests, see
// [ParseReport].
//
// Machines are emulated, one processor after the other, so that they boot
// everywhere and always alike; that is 10 to 50 times slower than the host.
// Tests find PACKETSCOPE_VM=1 in their environment and should allow for it.
//
// Nothing here needs root or hardware virtualisation, only QEMU and, to fetch
// the kernels, apt-get and dpkg-deb. Run it with
//
//	go test -tags vm -v -timeout 80m ./internal/vmtest
//
// PACKETSCOPE_TEST_SUITES, a regular expression, chooses packages.
//
// The environment variable PACKETSCOPE_CACHE names the folder that keeps the
// kernels; the default is packetscope in the user's cache folder. Consoles of
// failed machines are kept there too.
package vmtest
