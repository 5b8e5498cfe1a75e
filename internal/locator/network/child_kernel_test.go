//go:build kernel && linux

package network_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/locator/network"
	"github.com/packetscope/packetscope/internal/testnet"
	"github.com/packetscope/packetscope/internal/wire"
)

// A job is a probe in a form that another process reads.
type job struct {
	Protocol wire.Protocol
	Dest     netip.Addr
	Port     uint16
	Number   int // of the flow
	TTL      int
	Size     int
	Whole    bool // not to be fragmented
	Hasty    bool // a SYN that does not wait for what becomes of an earlier one of its flow
}

// A report is what became of jobs, in their order.
type report struct {
	Hops  []string
	Stats network.Stats
	Error string
}

// run does jobs at the host of a path: here, or in the way Queue as nobody, by a process
// that has no capability.
func run(t *testing.T, p *testnet.Path, way network.Way, jobs []job) report {
	t.Helper()
	var r report
	if way == network.Raw {
		p.Host.Do(t, func() { r = do(network.Raw, jobs) })
	} else {
		p.Host.Set(t, "ipv4/ping_group_range", "0 2147483647")
		r = asNobody(t, p.Host, jobs)
	}
	if r.Error != "" {
		t.Fatal(r.Error)
	}
	return r
}

// asNobody does jobs in a namespace by a process of another user, which chooses its way.
func asNobody(t *testing.T, ns *testnet.Namespace, jobs []job) (r report) {
	t.Helper()
	text, err := json.Marshal(jobs)
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	ns.Do(t, func() {
		// Not by its name: its folder may be closed to others.
		c := exec.Command("/proc/self/exe")
		c.Dir = "/"
		c.Env = append(os.Environ(), childVariable+"="+string(text))
		c.Stderr = os.Stderr
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err = c.Output()
	})
	if err != nil {
		t.Fatalf("run as nobody: %v", err)
	}
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("decode %q: %v", out, err)
	}
	return r
}

// childVariable has the jobs of a process that is to do nothing else.
const childVariable = "PACKETSCOPE_TEST_PROBES"

func TestMain(m *testing.M) {
	text, ok := os.LookupEnv(childVariable)
	if !ok {
		os.Exit(m.Run())
	}
	var jobs []job
	if err := json.Unmarshal([]byte(text), &jobs); err != nil {
		panic(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(do(network.Auto, jobs)); err != nil {
		panic(err)
	}
}

// do does jobs in the namespace of the calling thread, all at once but SYNs of one flow,
// unless they are hasty.
func do(way network.Way, jobs []job) (r report) {
	n, err := network.Open(network.Config{Way: way, Timeout: timeout})
	if err != nil {
		return report{Error: err.Error()}
	}
	defer n.Close()
	r.Hops = make([]string, len(jobs))
	flows := make(map[wire.Flow]int)
	waiting := 0
	wait := func() {
		for ; waiting > 0 && r.Error == ""; waiting-- {
			a := <-n.Answers()
			i := a.Tag.(int)
			r.Hops[i] = hop(a)
			a.Flow.Source = netip.Addr{}
			j := jobs[i]
			if a.Flow != n.Flow(j.Protocol, j.Dest, j.Port, j.Number) || int(a.TTL) != j.TTL || a.Rewrites != 0 ||
				a.Reply != nil && (a.RTT <= 0 || a.RTT > time.Since(a.Sent)) {
				r.Error = fmt.Sprintf("%+v of %+v", a, j)
			}
		}
	}
	for i, j := range jobs {
		flow := n.Flow(j.Protocol, j.Dest, j.Port, j.Number)
		if flows[flow]++; flows[flow] > 1 && j.Protocol == wire.TCP && !j.Hasty {
			wait()
		}
		if err := n.Send(network.Probe{Flow: flow, TTL: uint8(j.TTL), Size: j.Size, DontFragment: j.Whole, Tag: i}); err != nil {
			return report{Error: err.Error()}
		}
		waiting++
	}
	wait()
	r.Stats = n.Stats()
	return r
}
