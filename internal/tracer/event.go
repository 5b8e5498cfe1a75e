package tracer

import "time"

// An Identity is what a packet is known by: the address of its buffer, and when it was first
// seen there, in ns of CLOCK_MONOTONIC.
type Identity struct{ Head, First uint64 }

// An Event is a packet at a hook.
type Event struct {
	// Time is that of CLOCK_MONOTONIC.
	Time time.Duration
	// Packet is the same for all events of a packet.
	Packet Identity
	// Descriptor is the address of the skb: clones of a packet differ in it.
	Descriptor uint64
	Hook       Hook
	// Func is the function that begins, "" if the hook is a tracepoint.
	Func string
	// Value is a code of the hook: see [Event.Detail].
	Value int32
	// Reason is why the packet was dropped, by the kernel's name; "" if it was not.
	Reason string
	// Stack is the kernel's functions, the outermost first; nil if it was not asked for. The
	// last one called the tracepoint. The kernel does not show functions that were left by a
	// jump instead of a call. It must not be changed: other events may share it.
	Stack []string
	// Context is what ran.
	Context Context
	CPU     int
	// Process, Thread and Command are of the running task; they are set in [System] context
	// alone, as else it was only interrupted.
	Process, Thread int
	Command         string
	// Interface is an index, 0 if the packet is at none, and Device its name.
	Interface int
	Device    string
	// Namespace is the inode of the network namespace, 0 if it is not known.
	Namespace uint32
	// Socket is the inode of the packet's socket, 0 if it has none, and Cgroup of its cgroup.
	Socket, Cgroup uint64
	// Family is that of the socket, AF_…, 0 if there is none.
	Family int
	// Length is that of the frame in bytes, and Segments how many packets of the wire it
	// stands for; 0 for one.
	Length, Segments int
	// Frame is what was captured of the frame, which begins with the header of Ethernet.
	Frame []byte
}

// A Context is what the kernel was doing.
type Context string

// The contexts. Unknown is without a stack.
const (
	Unknown   Context = ""
	System    Context = "system call"
	Softirq   Context = "softirq"
	Interrupt Context = "interrupt"
	Thread    Context = "kernel thread"
)

// contextOf tells the context by a stack, the outermost function first: the innermost entry
// counts, as a softirq may run at the end of a system call.
func contextOf(stack []string) Context {
	for i := len(stack) - 1; i >= 0; i-- {
		if c, ok := entries[stack[i]]; ok {
			return c
		}
	}
	return Unknown
}

// entries are the functions by which the kernel is entered, on x86 and arm64.
var entries = map[string]Context{
	"handle_softirqs": Softirq, "__do_softirq": Softirq, "run_ksoftirqd": Softirq, "net_rx_action": Softirq, "net_tx_action": Softirq,
	"do_softirq": Softirq, "__local_bh_enable_ip": Softirq, "call_timer_fn": Softirq, "tasklet_action_common": Softirq,
	"do_syscall_64": System, "x64_sys_call": System, "invoke_syscall": System, "el0_svc": System, "el0t_64_sync_handler": System,
	"do_syscall_32_irqs_on": System, "__do_fast_syscall_32": System,
	"common_interrupt": Interrupt, "asm_common_interrupt": Interrupt, "sysvec_apic_timer_interrupt": Interrupt, "el1_interrupt": Interrupt,
	"kthread": Thread, "worker_thread": Thread,
}
