package packet

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// enumsOf returns the values of all constants in guard_abi.h, by name.
func enumsOf(t *testing.T) map[string]int {
	t.Helper()
	source, err := os.ReadFile("../../../bpf/include/guard_abi.h")
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]int{}
	for _, enum := range regexp.MustCompile(`(?s)enum \w+ \{(.*?)\}`).FindAllSubmatch(source, -1) {
		next := 0
		for _, m := range regexp.MustCompile(`\b(GUARD_\w+)(?: = (\d+))?,`).FindAllSubmatch(enum[1], -1) {
			if len(m[2]) > 0 {
				next, _ = strconv.Atoi(string(m[2]))
			}
			values[string(m[1])] = next
			next++
		}
	}
	return values
}

// Only the constants with these prefixes are shared with this package.
func TestConstantsAreThoseOfTheProgram(t *testing.T) {
	want := map[string]int{
		"GUARD_MAX_TAGS": MaxTags, "GUARD_MAX_EXTENSIONS": MaxExtensions, "GUARD_MAX_OPTIONS": MaxOptions, "GUARD_MAX_PAYLOAD": MaxPayload, "GUARD_MAX_NEIGHBOUR_OPTIONS": MaxNeighbourOptions,
		"GUARD_MAX_FRAGMENTS": MaxFragments, "GUARD_MAX_FRAGMENTED": MaxFragmented, "GUARD_FRAGMENT_LAST": int(LastFragment), "GUARD_FRAGMENT_OVERLAP": int(Overlap),
		"GUARD_FRAGMENT_FIRST": int(FirstFragment), "GUARD_FRAGMENT_LATER": int(LaterFragment),
		"GUARD_FRAGMENT_OFFSET_ONE": int(OffsetOne), "GUARD_FRAGMENT_PAST_END": int(PastEnd),
		"GUARD_OPTION_RECORD_ROUTE": int(RecordRoute), "GUARD_OPTION_TIMESTAMP": int(Timestamp), "GUARD_OPTION_LOOSE_ROUTE": int(LooseRoute),
		"GUARD_OPTION_STRICT_ROUTE": int(StrictRoute), "GUARD_OPTION_ROUTER_ALERT": int(RouterAlert), "GUARD_OPTION_OTHER": int(OtherOptions),
		"GUARD_TCP_FAST_OPEN":     int(FastOpen),
		"GUARD_HEADER_HOP_BY_HOP": int(HopByHop), "GUARD_HEADER_DESTINATION": int(Destination), "GUARD_HEADER_ROUTING": int(Routing),
		"GUARD_HEADER_FRAGMENT": int(FragmentHeader), "GUARD_HEADER_AUTHENTICATION": int(Authentication),
	}
	for r := OK; r <= Reasons; r++ {
		name := "reasons" // the last is their number
		if r < Reasons {
			name = r.String()
		}
		want["GUARD_"+strings.ToUpper(name)] = int(r)
	}
	shared := regexp.MustCompile(`^GUARD_(MAX|FRAGMENT|OPTION|HEADER)_`)
	got := map[string]int{}
	for name, value := range enumsOf(t) {
		if _, known := want[name]; known || shared.MatchString(name) {
			got[name] = value
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-Go +C)\n%s", diff)
	}
}

// Numbers of other headers of the program, by header and name.
func TestMacrosAreThoseOfTheProgram(t *testing.T) {
	for _, c := range []struct {
		header, name string
		want         int64
	}{
		{"guard_fragments.h", "GUARD_FRAGMENT_TIME4", fragmentTime4.Nanoseconds()},
		{"guard_fragments.h", "GUARD_FRAGMENT_TIME6", fragmentTime6.Nanoseconds()},
		{"guard_icmp.h", "GUARD_QUOTED_TRANSPORT", quotedTransport},
	} {
		source, err := os.ReadFile("../../../bpf/include/" + c.header)
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`#define ` + c.name + ` (\d+)`).FindSubmatch(source)
		if m == nil || string(m[1]) != strconv.FormatInt(c.want, 10) {
			t.Errorf("%s is %q, want %d", c.name, m, c.want)
		}
	}
}
