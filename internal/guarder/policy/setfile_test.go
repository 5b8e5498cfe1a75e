package policy

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// loadList loads a policy with a set of the lines of a file.
func loadList(t *testing.T, lines string) (*Policy, []string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"list.txt": lines, "p.yaml": `version: 1
sets: {list: {type: prefix, file: list.txt}}
groups:
- {name: g, stage: policy, rules: [{rule: r, match: {src_set: list}, action: drop}]}
`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, faults := Load([]string{filepath.Join(dir, "p.yaml")}, Options{})
	var told []string
	for _, f := range faults {
		told = append(told, strings.ReplaceAll(f.String(), dir+"/", ""))
	}
	return p, told
}

// TestManyBadLinesAreToldOnce reads files of which many lines have the same fault.
func TestManyBadLinesAreToldOnce(t *testing.T) {
	bad := func(n int) (lines string, told []string) {
		for i := range n {
			lines += fmt.Sprintf("x%d\n", i)
			if i < maxAlike {
				told = append(told, fmt.Sprintf(`list.txt:%d:1: error[G118]: list: bad address "x%d"; want an address or a prefix such as 192.0.2.0/24`, i+1, i))
			}
		}
		return lines, told
	}
	twenty, of20 := bad(maxAlike)
	last := fmt.Sprintf(`list.txt:%d:1: error[G118]: list: bad address "x%d"%%s; want an address or a prefix such as 192.0.2.0/24`, maxAlike+1, maxAlike)
	one, _ := bad(maxAlike + 1)
	many, _ := bad(1000)
	for name, c := range map[string]struct {
		lines string
		want  []string
	}{
		"as many as are told": {twenty, of20},
		"one more":            {one, append(slices.Clone(of20), fmt.Sprintf(last, ""))},
		"many more":           {many, append(slices.Clone(of20), fmt.Sprintf(last, " (and 979 more lines like this)"))},
		"a long line": {"192.0.2.1\n" + strings.Repeat("1", maxLine+1), []string{
			"list.txt:2:1: error[G118]: list: a line of more than 65536 bytes; have one address or prefix per line",
		}},
	} {
		_, told := loadList(t, c.lines)
		if diff := cmp.Diff(c.want, told); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

func TestFileOfTooManyPrefixes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list.txt")
	if err := os.WriteFile(path, []byte("192.0.2.1\n192.0.2.3 # a comment\n\n; another\n2001:db8::/32\n192.0.2.5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	l := lineReader{reader: &reader{loader: &loader{}, file: "list.txt", in: "list"}, most: 3, alike: make(map[string]*alike)}
	got := l.prefixes(file, nil)
	want := []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("192.0.2.3/32"), netip.MustParsePrefix("2001:db8::/32")}
	if !slices.Equal(got, want) {
		t.Errorf("read %v, want %v", got, want)
	}
	if len(l.faults) != 1 || l.faults[0].String() != "list.txt:6:1: error[G402]: list: more than 3 prefixes" {
		t.Errorf("faults %v", l.faults)
	}
}

// TestMillionPrefixesTakeLittleMemory loads a large file, whose prefixes take 32 bytes
// each, and holds what was allocated on the way against that.
func TestMillionPrefixesTakeLittleMemory(t *testing.T) {
	const million, aim = 1_000_000, 128 << 20
	r := rand.New(rand.NewPCG(1, 1))
	var lines strings.Builder
	for i := range million {
		switch {
		case i%10 == 0:
			fmt.Fprintf(&lines, "2001:db8:%x:%x::/64\n", r.Uint32N(1<<16), r.Uint32N(1<<16))
		case i%100 == 1:
			fmt.Fprintf(&lines, "%d.%d.%d.0/24\n", r.Uint32N(256), r.Uint32N(256), r.Uint32N(256))
		default:
			fmt.Fprintf(&lines, "%d.%d.%d.%d\n", r.Uint32N(256), r.Uint32N(256), r.Uint32N(256), r.Uint32N(256))
		}
	}
	text := lines.String()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p, told := loadList(t, text)
	runtime.ReadMemStats(&after)
	if p == nil || told != nil {
		t.Fatal(told)
	}
	all := p.Sets["list"].Prefixes
	if !slices.IsSortedFunc(all, netip.Prefix.Compare) {
		t.Error("the prefixes are not sorted")
	}
	for i := 1; i < len(all); i++ {
		if all[i-1].Contains(all[i].Addr()) {
			t.Fatalf("%v is within %v", all[i], all[i-1])
		}
	}
	taken := after.TotalAlloc - before.TotalAlloc - uint64(len(text)) // which the test wrote
	t.Logf("%d prefixes, %d MB allocated", len(all), taken>>20)
	if taken > aim {
		t.Errorf("%d bytes were allocated, more than %d", taken, aim)
	}
}
