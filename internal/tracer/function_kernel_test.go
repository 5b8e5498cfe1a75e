//go:build linux && kernel

package tracer

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf/btf"

	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/testnet"
	"github.com/packetscope/packetscope/internal/tracer/filter"
)

// eachMeans runs a test by all means to attach to functions that this kernel has.
func eachMeans(t *testing.T, test func(*testing.T, means)) {
	for name, m := range map[string]means{"by fprobes": byProbes, "by trampolines": byEntries} {
		t.Run(name, func(t *testing.T) {
			missing := haveProbes()
			if m == byEntries {
				missing = kernel.TryTrampoline()
			}
			if missing != nil {
				// Debian builds fprobes into 6.12, and trampolines into all.
				if testnet.InVM() && (m == byEntries || strings.HasPrefix(kernelRelease(t), "6.12.")) {
					t.Fatalf("this kernel should have them: %v", missing)
				}
				t.Skip(missing)
			}
			test(t, m)
		})
	}
}

func TestFunctionsAreFoundByTheirTypes(t *testing.T) {
	all, err := Functions()
	if err != nil {
		t.Fatal(err)
	}
	byName := make(map[string]Function)
	can, best := 0, bestMeans()
	for _, f := range all {
		if byName[f.Name].Name != "" {
			t.Errorf("%s is there twice", f.Name)
		}
		byName[f.Name] = f
		if f.Reason == nil {
			can++
		} else if best == noMeans && !errors.Is(f.Reason, errNoMeans) {
			t.Errorf("%s: %v, but there is no way at all", f.Name, f.Reason)
		}
	}
	t.Logf("%d of %d functions can be traced", can, len(all))
	if len(all) < 500 {
		t.Errorf("there are %d functions", len(all))
	}
	if best != noMeans && can < 500 {
		t.Errorf("%d functions can be traced", can)
	}
	for name, argument := range map[string]int{
		"ip_rcv": 1, "ip_output": 3, "tcp_v4_do_rcv": 2, "__dev_queue_xmit": 1, "udp_queue_rcv_skb": 2, "dev_hard_start_xmit": 1,
		"ip_send_skb": 2, "veth_xmit": 1,
	} {
		f, ok := byName[name]
		if !ok || f.Argument != argument {
			t.Errorf("%s: %+v, the packet is argument %d", name, f, argument)
		}
	}
	if f, ok := byName["tcp_close"]; ok {
		t.Errorf("%+v takes no packet", f)
	}
}

// datagramFunctions are those of a datagram, in order; some kernels have them under other names.
var datagramFunctions = []string{
	"ip_send_skb", "ip_output", "__dev_queue_xmit", "dev_hard_start_xmit", "veth_xmit", "__netif_receive_skb", "ip_rcv",
	"ip_local_deliver", "ip_protocol_deliver_rcu", "udp_rcv", "udp_queue_rcv_skb", "skb_consume_udp",
}

// TestFunctionsAgreeWithTheStacks compares the functions that began with those that the
// kernel's own stacks show, of one and the same datagrams.
func TestFunctionsAgreeWithTheStacks(t *testing.T) {
	net := testnet.New(t)
	eachMeans(t, func(t *testing.T, m means) {
		expression := `^_*(ip|ip4|dev|udp|udp4|netif|veth|napi|process|skb|dst|nf|net)_`
		if m == byEntries {
			expression = "^(" + strings.Join(datagramFunctions, "|") + ")$"
		}
		s := openWith(t, net, "udp", Config{Stacks: true, Functions: regexp.MustCompile(expression), attach: &m})
		for _, m := range s.Missing() {
			t.Log(m.Hook, m.Reason)
		}
		if err := testnet.SendUDP(net.Left, net.Right, testnet.IPv4, 3, 64); err != nil {
			t.Fatal(err)
		}
		packets := packetsOf(t, s)
		if len(packets) != 3 {
			t.Fatalf("%d packets, 3 were sent", len(packets))
		}
		traced := make(map[string]bool)
		for _, name := range s.functions {
			traced[name] = true
		}
		for _, p := range packets {
			var began []string
			for _, e := range p.Events {
				if e.Func != "" {
					began = append(began, e.Func)
				}
			}
			want := slices.Clone(datagramFunctions)
			want = slices.DeleteFunc(want, func(f string) bool { return !traced[f] })
			if len(want) < 8 || !isWithin(want, began) {
				t.Errorf("packet %d: of %v these began: %v", p.Number, want, began)
			}
			for i, e := range p.Events {
				agrees(t, traced, p.Events[:i+1], e)
			}
			if fate, e := p.Fate(); fate != Delivered {
				t.Errorf("packet %d is %s in %s", p.Number, fate, e.Function())
			}
		}
	})
}

// agrees checks that those functions of a stack that are traced have begun before, in its
// order.
func agrees(t *testing.T, traced map[string]bool, before []Event, e Event) {
	t.Helper()
	var shown, began []string
	for _, f := range ownStack(e.Stack, e.Context) {
		if traced[f] && f != "udp_send_skb" { // it has yet to write the header
			shown = append(shown, f)
		}
	}
	for _, b := range before {
		if b.Func != "" {
			began = append(began, b.Func)
		}
	}
	if !isWithin(shown, began) {
		t.Errorf("at %s %s the stack shows %v, and before it began %v", e.Hook, e.Func, shown, began)
	}
}

// isWithin tells whether some names are among others in their order.
func isWithin(some, all []string) bool {
	for _, name := range all {
		if len(some) > 0 && name == some[0] {
			some = some[1:]
		}
	}
	return len(some) == 0
}

// TestAllFunctionsAreAttachedAtOnce attaches to as many as there are.
func TestAllFunctionsAreAttachedAtOnce(t *testing.T) {
	net := testnet.New(t)
	eachMeans(t, func(t *testing.T, m means) {
		var types = btf.NewCache()
		begin := time.Now()
		if _, err := functions(types, m); err != nil {
			t.Fatal(err)
		}
		found := time.Since(begin)
		f, err := filter.Compile("udp port 9", filter.Names{})
		if err != nil {
			t.Fatal(err)
		}
		most := 0
		if testnet.InVM() {
			most = 40 // Linux 6.1 loads one in 1 s there
		}
		begin = time.Now()
		s, err := Open(Config{Filter: f, Functions: regexp.MustCompile(""), attach: &m, most: most})
		if err != nil {
			t.Fatal(err)
		}
		opened := time.Since(begin)
		if err := testnet.SendUDP(net.Left, net.Right, testnet.IPv4, 100, 64); err != nil {
			t.Error(err)
		}
		counts, err := s.Counts()
		if err != nil {
			t.Error(err)
		}
		links := len(s.functions)
		begin = time.Now()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		closed := time.Since(begin)
		t.Logf("%d functions: found in %v, all attached in %v, detached in %v; %+v; missing %v", links, found, opened, closed, counts, s.Missing())
		if want := map[means]int{byProbes: 500, byEntries: cmp.Or(most, maxEntries) * 9 / 10}[m]; links < want { // the kernel refuses some
			t.Errorf("%d functions, want %d", links, want)
		}
		if limit := testnet.Margin(5 * time.Second); opened > limit || closed > limit {
			t.Errorf("attached in %v, detached in %v", opened, closed)
		}
	})
}

// TestWhyThereAreNoFunctions asks for what cannot be had.
func TestWhyThereAreNoFunctions(t *testing.T) {
	never, best := noMeans, bestMeans()
	for _, c := range []struct {
		expression string
		attach     *means
		want       string
	}{
		{"^ip_rcv$", &never, "no function can be traced: this kernel has neither fprobes (CONFIG_FPROBE, Linux 5.18) nor trampolines"},
		{"^no_such_function$", &best, `no function that takes a packet is called as "^no_such_function$" says`},
	} {
		s, err := Open(Config{Functions: regexp.MustCompile(c.expression), attach: c.attach})
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(s.Missing(), func(m Missing) bool { return m.Hook == FunctionHook })
		if at < 0 || s.Missing()[at].Reason.Error() != c.want {
			t.Errorf("%s: missing %v, want %s", c.expression, s.Missing(), c.want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// openWith traces what an expression chooses in the namespaces of a net.
func openWith(t *testing.T, n *testnet.Net, expression string, c Config) *Session {
	t.Helper()
	var of []string
	for _, ns := range []*testnet.Namespace{n.Left, n.Router, n.Right} {
		if ns != nil {
			of = append(of, "netns "+inodeOf(t, ns))
		}
	}
	f, err := filter.Compile("("+strings.Join(of, " or ")+") and ("+expression+")", filter.Names{})
	if err != nil {
		t.Fatal(err)
	}
	c.Filter = f
	s, err := Open(c)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
