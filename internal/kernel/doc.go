// Package kernel knows what the running Linux can do and what this process may
// ask of it.
//
// A [Host] answers both as data: [Host.Facts] for the kernel and its settings,
// [Host.Capabilities] for the privileges. It reads below a root directory that
// tests replace by a fixture, and asks the kernel by loading an empty program
// only where no file has the answer. [BTF] names the kernel's tracepoints and
// functions, and [DropTo] gives up the privileges that are no longer needed.
package kernel
