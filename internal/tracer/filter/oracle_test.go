package filter

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/bpf"
)

var update = flag.Bool("update", false, "ask tcpdump anew how it compiles the expressions of testdata/libpcap.txt")

func addressOf(text string) []byte { return netip.MustParseAddr(text).AsSlice() }

// recorded is the programs that libpcap 1.10.3 makes of expressions: a line is an expression, a
// tab and its instructions (code, jt, jf, k) in the order of tcpdump -ddd; or an error of
// libpcap, in parentheses.
const recorded = "testdata/libpcap.txt"

// testNames knows the services that the expressions name.
var testNames = Names{Port: func(name string) (Service, error) {
	services := map[string]Service{"http": {80, true, false}, "https": {443, true, true}, "domain": {53, true, true}, "tftp": {69, false, true}}
	if s, ok := services[name]; ok {
		return s, nil
	}
	return Service{}, errors.New("unknown")
}}

// An oracle is how libpcap takes an expression.
type oracle struct {
	expression string
	program    []bpf.Instruction // nil if libpcap refuses it
}

func oracles(t testing.TB) (list []oracle) {
	t.Helper()
	data, err := os.ReadFile(recorded)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		expression, code, _ := strings.Cut(line, "\t")
		o := oracle{expression: expression}
		for _, one := range strings.Fields(code) {
			if strings.HasPrefix(one, "(") {
				break
			}
			var raw bpf.RawInstruction
			if _, err := fmt.Sscanf(one, "%d,%d,%d,%d", &raw.Op, &raw.Jt, &raw.Jf, &raw.K); err != nil {
				t.Fatalf("%s: %q: %v", expression, one, err)
			}
			o.program = append(o.program, raw.Disassemble())
		}
		list = append(list, o)
	}
	return list
}

// TestExpressionsMeanWhatLibpcapSays runs its programs and ours on random packets.
func TestExpressionsMeanWhatLibpcapSays(t *testing.T) {
	if *update {
		record(t)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	frames := make([][]byte, 3000)
	for i := range frames {
		frames[i] = randomFrame(chance)
	}
	compared, constant := 0, 0
	for _, o := range oracles(t) {
		f, err := Compile(o.expression, testNames)
		if o.program == nil {
			if err == nil {
				t.Errorf("%q: libpcap refuses it", o.expression)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", o.expression, err)
			continue
		}
		vm, err := bpf.NewVM(o.program)
		if err != nil {
			t.Fatalf("%q: %v", o.expression, err)
		}
		chosen := 0
		for _, frame := range frames {
			n, err := vm.Run(frame)
			if err != nil {
				t.Fatalf("%q: %v", o.expression, err)
			}
			if got := f.Match(frame, Meta{}); got != (n > 0) {
				t.Errorf("%q: %v, libpcap %v, of %x", o.expression, got, n > 0, frame)
				break
			}
			chosen += min(n, 1)
		}
		compared++
		if chosen == 0 || chosen == len(frames) {
			constant++
			t.Logf("%q chooses %d of %d", o.expression, chosen, len(frames))
		}
	}
	if compared < 200 || constant > 20 {
		t.Errorf("%d expressions compared, %d of them choose all or nothing", compared, constant)
	}
}

// record asks tcpdump for the programs of the expressions of testdata/expressions.txt.
func record(t *testing.T) {
	t.Helper()
	empty := filepath.Join(t.TempDir(), "empty.pcap") // of Ethernet
	head := []byte{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0}
	if err := os.WriteFile(empty, head, 0o600); err != nil {
		t.Fatal(err)
	}
	expressions, err := os.ReadFile("testdata/expressions.txt")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, expression := range strings.Split(strings.TrimSpace(string(expressions)), "\n") {
		out, err := exec.Command("tcpdump", "-ddd", "-r", empty, "--", expression).Output()
		if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
			lines := strings.Split(strings.TrimSpace(string(failed.Stderr)), "\n")
			fmt.Fprintf(&b, "%s\t(%s)\n", expression, lines[len(lines)-1])
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")[1:]
		for i := range lines {
			lines[i] = strings.ReplaceAll(lines[i], " ", ",")
		}
		fmt.Fprintf(&b, "%s\t%s\n", expression, strings.Join(lines, " "))
	}
	if err := os.WriteFile(recorded, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}
