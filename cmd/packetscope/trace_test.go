package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/packetscope/packetscope/internal/owner"
	"github.com/packetscope/packetscope/internal/tracer"
)

// fakeTrace tells some events, and then nothing more.
type fakeTrace struct {
	events   []tracer.Event
	counts   tracer.Counts
	missing  []tracer.Missing
	err      error
	deadline time.Time
	closed   int
}

func (f *fakeTrace) Next() (tracer.Event, error) {
	if len(f.events) == 0 {
		if f.err != nil {
			return tracer.Event{}, f.err
		}
		time.Sleep(time.Until(f.deadline))
		return tracer.Event{}, fmt.Errorf("read event: %w", os.ErrDeadlineExceeded)
	}
	e := f.events[0]
	f.events = f.events[1:]
	return e, nil
}

func (f *fakeTrace) SetDeadline(t time.Time)        { f.deadline = t }
func (f *fakeTrace) Counts() (tracer.Counts, error) { return f.counts, nil }
func (f *fakeTrace) Missing() []tracer.Missing      { return f.missing }
func (f *fakeTrace) Close() error                   { f.closed++; return nil }

// tcpFrame is a segment without data.
func tcpFrame(t *testing.T, from, to string, tcp layers.TCP) []byte {
	t.Helper()
	a, b := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, Id: 7, SrcIP: a.Addr().AsSlice(), DstIP: b.Addr().AsSlice()}
	tcp.SrcPort, tcp.DstPort = layers.TCPPort(a.Port()), layers.TCPPort(b.Port())
	if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	buffer := gopacket.NewSerializeBuffer()
	eth := &layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv4}
	if err := gopacket.SerializeLayers(buffer, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, eth, ip, &tcp); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

// system and softirq are how the kernel is entered, with functions below.
func system(functions ...string) []string {
	return append([]string{"entry_SYSCALL_64_after_hwframe", "do_syscall_64"}, functions...)
}

func softirq(functions ...string) []string {
	return append([]string{"handle_softirqs", "net_rx_action"}, functions...)
}

// someTrace is a SYN that a rule drops where it comes in, and an ACK that a program reads.
func someTrace(t *testing.T) *fakeTrace {
	syn := tcpFrame(t, "192.0.2.1:40000", "192.0.2.2:80", layers.TCP{SYN: true, Seq: 1000, Window: 64240})
	ack := tcpFrame(t, "192.0.2.2:443", "192.0.2.1:40001", layers.TCP{ACK: true, PSH: true, Seq: 2000, Ack: 1001, Window: 501})
	const us = time.Microsecond
	one, two := tracer.Identity{Head: 1, First: 1}, tracer.Identity{Head: 2, First: 2}
	queue := system("__x64_sys_connect", "tcp_v4_connect", "__tcp_transmit_skb", "__ip_queue_xmit", "ip_output", "ip_finish_output2", "__dev_queue_xmit")
	events := []tracer.Event{
		{Time: 100 * us, Packet: one, Descriptor: 11, Hook: "net_dev_queue", Stack: queue, Context: tracer.System, CPU: 1, Process: 4711, Thread: 4712, Command: "cu\x1b[2Jrl", Interface: 3, Device: "eth0", Namespace: 4026531833, Socket: 13, Cgroup: 77, Length: 54, Frame: syn},
		{Time: 120 * us, Packet: one, Descriptor: 11, Hook: "net_dev_start_xmit", Stack: append(queue, "dev_hard_start_xmit"), Context: tracer.System, CPU: 1, Process: 4711, Thread: 4712, Command: "cu\x1b[2Jrl", Interface: 3, Device: "eth0", Namespace: 4026531833, Socket: 13, Cgroup: 77, Length: 54, Frame: syn},
		{Time: 1120 * us, Packet: one, Descriptor: 11, Hook: "netif_receive_skb", Stack: softirq("process_backlog", "__netif_receive_skb_core"), Context: tracer.Softirq, Interface: 2, Device: "veth1", Namespace: 4026532317, Length: 54, Frame: syn},
		{Time: 1200 * us, Packet: two, Descriptor: 12, Hook: "netif_receive_skb", Stack: softirq("process_backlog", "__netif_receive_skb_core"), Context: tracer.Softirq, Interface: 3, Device: "eth0", Namespace: 4026531833, Length: 1514, Segments: 3, Frame: ack},
		{Time: 1250 * us, Packet: one, Descriptor: 11, Hook: "kfree_skb", Reason: "NETFILTER_DROP", Stack: softirq("process_backlog", "ip_local_deliver", "nf_hook_slow", "nft_do_chain", "sk_skb_reason_drop"), Context: tracer.Softirq, Interface: 2, Device: "veth1", Namespace: 4026532317, Length: 54, Frame: syn},
		{Time: 1300 * us, Packet: two, Descriptor: 12, Hook: "tcp_probe", Stack: softirq("process_backlog", "ip_local_deliver_finish", "tcp_v4_rcv", "tcp_rcv_established"), Context: tracer.Softirq, Interface: 3, Device: "eth0", Namespace: 4026531833, Socket: 14, Length: 1514, Segments: 3, Frame: ack},
		{Time: 9300 * us, Packet: two, Descriptor: 14, Hook: "skb_copy_datagram_iovec", Value: 1460, Stack: system("__x64_sys_recvfrom", "tcp_recvmsg"), Context: tracer.System, Process: 4711, Thread: 4711, Command: "curl", Namespace: 4026531833, Length: 1514, Segments: 3, Frame: ack},
	}
	return &fakeTrace{events: events, counts: tracer.Counts{Seen: 99, Chosen: 7}}
}

// newTraceWorld returns a world that tells the events, and where the config goes that they
// are asked for with.
func newTraceWorld(f *fakeTrace, args ...string) (*world, *tracer.Config) {
	w := newWorld(append([]string{"trace"}, args...)...)
	var opened tracer.Config
	w.openTracer = func(c tracer.Config) (traceSession, error) {
		opened = c
		return f, nil
	}
	begin := time.Now() // the clock begins when it is first asked
	w.monotonic = func() time.Duration { return time.Since(begin) }
	w.env.owners = func(wanted []owner.Socket) []owner.Owner {
		owners := make([]owner.Owner, len(wanted))
		for i, s := range wanted {
			if s == (owner.Socket{Inode: 13, Cgroup: 77}) {
				owners[i] = owner.Owner{PID: 4711, Process: "curl", Cgroup: "/system.slice/fetch.service", Container: "fetch"}
			}
		}
		return owners
	}
	return w, &opened
}

// steady replaces what differs from run to run: how long the trace took, and its clock.
func steady(text string) string {
	head, rest, ok := strings.Cut(text, "packets in ")
	if ok {
		_, after, _ := strings.Cut(rest, "s: ")
		text = head + "packets in 1s: " + after
	}
	return text
}

func TestTracesAreTrees(t *testing.T) {
	for file, args := range map[string][]string{
		"trace.txt":        {"--count=2"},
		"trace_layers.txt": {"--count=2", "--layers", "--stack"},
		"trace_quiet.txt":  {"--duration=700ms", "--quiet", "tcp", "port 80 or port 443"},
	} {
		f := someTrace(t)
		if file == "trace_quiet.txt" {
			f.counts.Lost, f.counts.Missed = 3, 2
			f.missing = []tracer.Missing{{Hook: "tcp_bad_csum", Reason: errors.New("this kernel has no such tracepoint")}}
		}
		w, _ := newTraceWorld(f, args...)
		w.monotonic = fixedClock()
		if err := run(context.Background(), w.env); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		compareGolden(t, file, steady(w.stdout.String()))
		chosen := "all"
		if file == "trace_quiet.txt" {
			chosen = "tcp port 80 or port 443"
		}
		if want := "following packets (" + chosen + "); Ctrl-C ends it\n"; f.closed != 1 || w.stderr.String() != want {
			t.Errorf("%s: closed %d times, stderr %q, want %q", file, f.closed, w.stderr.String(), want)
		}
	}
}

// fixedClock is a clock that begins at the epoch of the tests less a second, and passes.
func fixedClock() func() time.Duration {
	var begin time.Time
	return func() time.Duration {
		if begin.IsZero() {
			begin = time.Now()
			return 0 // so that times of the day are the same in each run
		}
		return time.Since(begin)
	}
}

func TestTracesInJSON(t *testing.T) {
	w, config := newTraceWorld(someTrace(t), "--json", "--count=2", "tcp")
	w.monotonic = fixedClock()
	if err := run(context.Background(), w.env); err != nil {
		t.Fatal(err)
	}
	head, _, ok := strings.Cut(w.stdout.String(), `{"summary":{"seconds":`)
	if !ok {
		t.Fatalf("no summary in %s", w.stdout)
	}
	compareGolden(t, "trace.json", head)
	if config.Filter.String() != "tcp" || !config.Stacks {
		t.Errorf("config %+v", config)
	}
}

// readPcapng returns the packets of a file, as lines.
func readPcapng(t *testing.T, r io.Reader) (lines []string) {
	t.Helper()
	reader, err := pcapgo.NewNgReader(r, pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	for {
		data, info, options, err := reader.ReadPacketDataWithOptions()
		if errors.Is(err, io.EOF) {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		i, err := reader.Interface(info.InterfaceIndex)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%s %s (%s) %d of %d: %s", info.Timestamp.UTC().Format(time.RFC3339Nano), i.Name, i.Description, len(data), info.Length, tracer.Summary(data)))
		lines = append(lines, options.Comments...)
	}
}

func TestTracesInPcapng(t *testing.T) {
	file := t.TempDir() + "/trace.pcapng"
	w, _ := newTraceWorld(someTrace(t), "--pcapng="+file, "--count=2", "tcp")
	w.monotonic = fixedClock()
	if err := run(context.Background(), w.env); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	compareGolden(t, "trace_pcapng.txt", strings.Join(readPcapng(t, bytes.NewReader(data)), "\n")+"\n")
	t.Run("tcpdump reads it", func(t *testing.T) {
		path, err := exec.LookPath("tcpdump")
		if err != nil {
			t.Skip("tcpdump is not installed")
		}
		out, err := exec.Command(path, "-nr", file).CombinedOutput()
		if err != nil || strings.Count(string(out), " IP ") != 3 || strings.Count(string(out), "192.0.2.1.") != 3 {
			t.Errorf("%v: %s", err, out)
		}
	})
	t.Run("to standard output", func(t *testing.T) {
		w, _ := newTraceWorld(someTrace(t), "--pcapng=-", "--count=2")
		if err := run(context.Background(), w.env); err != nil {
			t.Fatal(err)
		}
		if got := len(readPcapng(t, strings.NewReader(w.stdout.String()))); got == 0 || !strings.Contains(w.stderr.String(), "\npacket 1 at ") {
			t.Errorf("%d lines, stderr %q", got, w.stderr)
		}
	})
	t.Run("without a packet", func(t *testing.T) {
		w, _ := newTraceWorld(&fakeTrace{}, "--pcapng=-", "--duration=1ms")
		if err := run(context.Background(), w.env); err != nil {
			t.Fatal(err)
		}
		if got := readPcapng(t, strings.NewReader(w.stdout.String())); got != nil {
			t.Errorf("%q", got)
		}
	})
}

func TestPcapngIsValidWhateverTheFilter(t *testing.T) {
	w, _ := newTraceWorld(nil)
	filter := strings.Repeat("host 192.0.2.1 or ", 5000) + "host \xff" // 90,000 bytes
	var file bytes.Buffer
	p := newTracePcapng(&file, func() error { return nil }, filter, traceClock(w.env), newTraceNames(w.env, false))
	if err := p.end(traceSummary{}); err != nil {
		t.Fatal(err)
	}
	reader, err := pcapgo.NewNgReader(&file, pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	if got := reader.SectionInfo().Comment; len(got) != mostOption || !strings.HasPrefix(got, "filter: host 192.0.2.1 or ") {
		t.Errorf("%d bytes of comment: %.40q", len(got), got)
	}
	if _, _, err := reader.ReadPacketData(); !errors.Is(err, io.EOF) {
		t.Errorf("read a file without packets: %v", err)
	}
}

func TestFileStaysIfNothingCanBeTraced(t *testing.T) {
	file := t.TempDir() + "/trace.pcapng"
	if err := os.WriteFile(file, []byte("of yesterday"), 0o600); err != nil {
		t.Fatal(err)
	}
	w, _ := newTraceWorld(nil, "--pcapng="+file)
	w.openTracer = func(tracer.Config) (traceSession, error) { return nil, errors.New("no") }
	if err := run(context.Background(), w.env); err == nil {
		t.Error("no error")
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "of yesterday" {
		t.Errorf("the file holds %q, %v", got, err)
	}
}

func TestTraceEndsWhenInterrupted(t *testing.T) {
	f := someTrace(t)
	w, _ := newTraceWorld(f)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := run(ctx, w.env); err != nil {
		t.Fatal(err)
	}
	if got := w.stdout.String(); !strings.Contains(got, "\npacket 2 at ") || !strings.Contains(got, "2 packets in ") || f.closed != 1 {
		t.Errorf("closed %d times, printed %s", f.closed, got)
	}
}

func TestTraceSaysWhatIsWrong(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		args []string
		err  error
		want string
	}{
		{[]string{"--count=-1"}, nil, "--duration and --count cannot be negative"},
		{[]string{"--pcapng", "-"}, nil, "--pcapng names no file; for standard output write --pcapng=-"},
		{[]string{"--pcapng=-", "--json"}, nil, "--pcapng=- writes to standard output, where --json and --quiet write too: name a file"},
		{[]string{"--pcapng=/nowhere/file"}, nil, "open /nowhere/file: no such file or directory"},
		{nil, broken, "broken"},
	} {
		f := someTrace(t)
		f.err = c.err
		w, _ := newTraceWorld(f, c.args...)
		if err := run(context.Background(), w.env); err == nil || err.Error() != c.want {
			t.Errorf("%q: error %v, want %q", c.args, err, c.want)
		}
	}
}

func TestTraceSaysWhatKeepsItFromRunning(t *testing.T) {
	refused := errors.New("load the tracer: operation\nnot permitted")
	for _, c := range []struct {
		held []string
		want string
	}{
		{nil, "attach the tracer: no privilege: CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN missing (run as root, or: setcap cap_bpf,cap_perfmon,cap_net_admin+ep on the program)"},
		{[]string{"CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN"}, "attach the tracer: load the tracer: operation; not permitted"},
	} {
		w, _ := newTraceWorld(nil)
		w.env.host = fakeHost(c.held...)
		w.openTracer = func(tracer.Config) (traceSession, error) { return nil, refused }
		if err := run(context.Background(), w.env); err == nil || err.Error() != c.want {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

func TestFaultsOfFiltersArePointedAt(t *testing.T) {
	w := newWorld("trace", "tcp", "and prot", "5")
	err := run(context.Background(), w.env)
	if exit := (*exitError)(nil); !errors.As(err, &exit) || exit.status != 1 {
		t.Fatalf("error %v", err)
	}
	want := `the filter is wrong at column 9: "prot" is no keyword; write "host", "net", "port" or another before it
  tcp and prot 5
          ^
`
	if got := w.stderr.String(); got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

func TestFiltersNameWhatThereIs(t *testing.T) {
	names := filterNames()
	if index, err := names.Interface("lo"); err != nil || index != 1 {
		t.Errorf("lo is %d, %v", index, err)
	}
	if _, err := names.Interface("none0"); err == nil {
		t.Error("none0 is there")
	}
	inode, err := names.Namespace("/proc/self/ns/net")
	if own, _ := os.Readlink("/proc/self/ns/net"); err != nil || own != fmt.Sprintf("net:[%d]", inode) {
		t.Errorf("namespace %d of %s, %v", inode, own, err)
	}
	if _, err := names.Namespace("none"); err == nil || !strings.Contains(err.Error(), "/run/netns/none") {
		t.Errorf("error %v", err)
	}
	if s, err := names.Port("http"); err != nil || s.Port != 80 || !s.TCP {
		t.Errorf("http is %+v, %v", s, err)
	}
	if _, err := names.Port("nonesuch"); err == nil {
		t.Error("nonesuch is there")
	}
}

func TestSummariesAreBounded(t *testing.T) {
	tally := newTraceTally()
	for n := 1; n <= 3*mostUnsettled; n++ {
		p := &tracer.Packet{Number: n, Events: []tracer.Event{{Hook: "kfree_skb", Reason: "NO_SOCKET"}}}
		tally.add(p)
	}
	again := &tracer.Packet{Number: 3 * mostUnsettled, Again: true, Events: []tracer.Event{{Hook: "consume_skb"}}}
	tally.add(again)
	s := tally.summary()
	if diff := cmp.Diff(map[tracer.Fate]int{tracer.Dropped: 3 * mostUnsettled}, s.Fates); diff != "" || len(tally.packets) > 2*mostUnsettled || s.Packets != 3*mostUnsettled {
		t.Errorf("%d packets, %d by number (-want +got):\n%s", s.Packets, len(tally.packets), diff)
	}
}

func TestOwnersAreNotLookedForAllTheTime(t *testing.T) {
	w := newWorld()
	now, searches := epoch, 0
	w.env.now = func() time.Time { return now }
	w.env.owners = func(wanted []owner.Socket) []owner.Owner {
		searches++
		now = now.Add(time.Second)
		return make([]owner.Owner, len(wanted))
	}
	names := newTraceNames(w.env, false)
	for n := range 60 {
		names.learn([]*tracer.Packet{{Events: []tracer.Event{{Socket: uint64(n + 1)}}}})
		now = now.Add(time.Second / 10)
	}
	// Each takes a second, and those behind it rest for four.
	if searches != 2 {
		t.Errorf("%d searches in %v", searches, now.Sub(epoch))
	}
}
