package compile

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// enumOf returns the names of a C enum's constants, each of which is one more than
// that before, without their common beginning.
func enumOf(t *testing.T, header, name, prefix string) []string {
	t.Helper()
	source, err := os.ReadFile("../../../bpf/include/" + header)
	if err != nil {
		t.Fatal(err)
	}
	body := regexp.MustCompile(`(?s)enum ` + name + ` \{(.*?)\n\}`).FindSubmatch(source)
	if body == nil {
		t.Fatalf("%s has no enum %s", header, name)
	}
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^\t(\w+),`).FindAllSubmatch(body[1], -1) {
		names = append(names, strings.TrimPrefix(string(m[1]), prefix))
	}
	return names
}

func TestConstantsAreThoseOfTheProgram(t *testing.T) {
	for _, c := range []struct {
		enum, prefix string
		want         map[string]int
	}{
		{"guard_field", "GUARD_FIELD_", map[string]int{
			"TTL": int(fieldTTL), "LENGTH": int(fieldLength), "MSS": int(fieldMSS), "TAGS": int(fieldTags), "TAG0": int(fieldTag0),
			"TAG1": int(fieldTag1), "ARP_OPERATION": int(fieldARPOperation), "MTU": int(fieldMTU),
			"QUOTED_PROTOCOL": int(fieldQuotedProtocol), "QUOTED_LENGTH": int(fieldQuotedLength),
			"QUOTED_ICMP_TYPE": int(fieldQuotedICMPType), "QUOTED_FAMILY": int(fieldQuotedFamily),
			"QUOTED_SOURCE_PORT": int(fieldQuotedSourcePort), "QUOTED_DESTINATION_PORT": int(fieldQuotedDestinationPort),
			"QUOTED_FLAGS": int(fieldQuotedFlags), "ETHER_TYPE": int(fieldEtherType), "INTERFACE": int(fieldInterface),
			"FRAGMENT": int(fieldFragment), "OPTIONS": int(fieldOptions), "HEADERS": int(fieldHeaders),
			"ROUTING_TYPES": int(fieldRoutingTypes), "WINDOW": int(fieldWindow), "PAYLOAD_LENGTH": int(fieldPayloadLength),
			"TCP_OPTIONS": int(fieldTCPOptions), "GUARD_FIELDS": int(fields),
		}},
		{"guard_trait", "GUARD_TRAIT_", map[string]int{
			"ALWAYS": int(traitAlways), "NOT_IP": int(traitNotIP), "FRAGMENT": int(traitFragment), "OPTIONS": int(traitOptions),
			"TAGGED": int(traitTagged), "ICMP": int(traitICMP), "MSS": int(traitMSS), "SAME": int(traitSame), "EXPIRING": int(traitExpiring), "GUARD_TRAITS": int(traits),
		}},
		{"guard_address", "GUARD_ADDRESS_", map[string]int{
			"SOURCE": int(policy.Source), "DESTINATION": int(policy.Destination), "QUOTED_SOURCE": int(policy.QuotedSource),
			"QUOTED_DESTINATION": int(policy.QuotedDestination), "ARP_SENDER": int(policy.ARPSender), "ARP_TARGET": int(policy.ARPTarget),
			"ND_TARGET": int(policy.NDTarget), "GUARD_ADDRESSES": int(policy.NDTarget) + 1,
		}},
		{"guard_compare", "GUARD_COMPARE_", map[string]int{
			"SOURCE": int(policy.CompareSource), "DESTINATION": int(policy.CompareDestination),
			"SOURCE_PORT": int(policy.CompareSourcePort), "DESTINATION_PORT": int(policy.CompareDestinationPort),
			"SOURCE_MAC": int(policy.CompareSourceMAC), "ARP_SENDER_MAC": int(policy.CompareARPSenderMAC),
			"QUOTED_SOURCE": int(policy.CompareQuotedSource), "ARP_SENDER": int(policy.CompareARPSender), "ARP_TARGET": int(policy.CompareARPTarget), "GUARD_COMPARES": int(policy.CompareARPTarget) + 1,
		}},
		{"guard_op", "GUARD_OP_", map[string]int{
			"RANGE": int(opRange), "BITS": int(opBits), "SAME": int(opSame), "LARGE": int(opLarge), "MEMBER": int(opMember),
			"BINDING": int(opBinding), "PAYLOAD": int(opPayload), "UNTIL": int(opUntil), "SOCKET": int(opSocket),
			"CONNECTIONS": int(opConnections), "GUARD_OPS": int(opConnections) + 1,
		}},
		{"guard_credit", "GUARD_", map[string]int{
			"PASS": int(CreditPass), "DROP": int(CreditDrop), "WOULD_DROP": int(CreditWouldDrop), "COUNT": int(CreditCount),
			"SAMPLE": int(CreditSample), "CREDITS": int(Credits),
		}},
		{"guard_section", "GUARD_SECTION_", map[string]int{
			"TERMINAL": int(terminal), "AUDITED": int(audited), "COUNTING": int(counting), "STATEFUL": int(stateful), "GUARD_SECTIONS": int(sections),
		}},
	} {
		got := make(map[string]int)
		for i, name := range enumOf(t, "guard_tables.h", c.enum, c.prefix) {
			got[name] = i
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-Go +C)\n%s", c.enum, diff)
		}
	}
}

// numbersOf returns the constants of a C header, by name: those of enums, and macros that
// are a number.
func numbersOf(t *testing.T, header string) map[string]int {
	t.Helper()
	source, err := os.ReadFile("../../../bpf/include/" + header)
	if err != nil {
		t.Fatal(err)
	}
	source = regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAll(source, nil)
	numbers := make(map[string]int)
	value := func(text string) int {
		base, shift, shifted := strings.Cut(text, " << ")
		n, err := strconv.ParseInt(strings.TrimRight(base, "ul"), 0, 64)
		if err != nil {
			t.Fatalf("%s: %q is no number", header, text)
		}
		if shifted {
			return int(n) << numbers[shift]
		}
		return int(n)
	}
	for _, m := range regexp.MustCompile(`(?m)^#define (GUARD_\w+) (\w+) *$`).FindAllSubmatch(source, -1) {
		numbers[string(m[1])] = value(string(m[2]))
	}
	for _, enum := range regexp.MustCompile(`(?s)enum \w*\s*\{(.*?)\}`).FindAllSubmatch(source, -1) {
		next := 0
		for _, m := range regexp.MustCompile(`\b(GUARD_\w+)(?: = ([^,]+))?,`).FindAllSubmatch(enum[1], -1) {
			if len(m[2]) > 0 {
				next = value(string(m[2]))
			}
			numbers[string(m[1])] = next
			next++
		}
	}
	return numbers
}

// TestLayoutIsThatOfTheProgram compares what stands where in the tables.
func TestLayoutIsThatOfTheProgram(t *testing.T) {
	for header, want := range map[string]map[string]int{
		"guard_find.h": {
			"GUARD_NODE": isNode, "GUARD_NODE_LOW6": isLow, "GUARD_ROOT_BITS": rootBits, "GUARD_STRIDE": stride, "GUARD_FAN": fan,
			"GUARD_ROW_COMPARE": rowCompare, "GUARD_ROW_BEST": rowBest, "GUARD_ROW_HASH": rowHash, "GUARD_ROW_WORDS": rowWords,
			"GUARD_NODE_HIGH": nodeHigh, "GUARD_NODE_HIGH_MASK": nodeHighMask, "GUARD_NODE_LOW": nodeLow, "GUARD_NODE_LOW_MASK": nodeLowMask,
			"GUARD_NODE_CHOICE": nodeChoice, "GUARD_NODE_CHILDREN": nodeChildren, "GUARD_DEPTH6": maxDepth6, "GUARD_WAYS6": 1 << maxChoice,
			"GUARD_INDEX_SOURCE_PORT": indexSourcePort, "GUARD_INDEX_DESTINATION_PORT": indexDestinationPort,
			"GUARD_INDEX_ICMP4": indexICMP4, "GUARD_INDEX_PROTOCOL4": indexProtocol4, "GUARD_INDEX_FLAGS4": indexFlags4,
		},
		"guard_blocks.h": {
			"GUARD_BLOCK_BITS": blockBits, "GUARD_WHOLE": isWhole, "GUARD_EACH_BYTE": eachByte,
			"GUARD_LEAF_WHOLE": leafWhole, "GUARD_LEAF_LIST": leafList, "GUARD_LEAF_PAGE": leafPage, "GUARD_LEAF_LONG": leafLong,
			"GUARD_PAGE_WORDS": cacheLine, "GUARD_PAGE_CLASSES": pageClasses,
			"GUARD_SLOT_AREA": slotArea, "GUARD_SLOT_TAIL": slotTail, "GUARD_SLOT_BRANCH": slotBranch,
			"GUARD_MAX_BRANCHES": maxBranches, "GUARD_MAX_AROUND": maxSets,
		},
	} {
		if diff := cmp.Diff(want, numbersOf(t, header)); diff != "" {
			t.Errorf("%s (-Go +C)\n%s", header, diff)
		}
	}
	if n := numbersOf(t, "guard_tables.h")["GUARD_CREDIT_BITS"]; n != creditBits {
		t.Errorf("GUARD_CREDIT_BITS is %d, creditBits %d", n, creditBits)
	}
	for i, state := range []policy.SocketStates{
		bpf.GuardSocketNone: policy.SocketNone, bpf.GuardSocketListen: policy.SocketListen, bpf.GuardSocketSynSent: policy.SocketSynSent,
		bpf.GuardSocketSynRecv: policy.SocketSynRecv, bpf.GuardSocketEstablished: policy.SocketEstablished,
		bpf.GuardSocketTimeWait: policy.SocketTimeWait, bpf.GuardSocketUnknown: policy.SocketUnknown,
	} {
		if state != 1<<i {
			t.Errorf("the state %d of the program is %b in policies", i, state)
		}
	}
	for program, policies := range map[bpf.GuardSequence]policy.Sequences{
		bpf.GuardSequenceOut: policy.OutOfWindow, bpf.GuardSequenceIn: policy.InWindow,
		bpf.GuardSequenceNext: policy.NextInWindow, bpf.GuardSequenceUnknown: policy.SequenceUnknown,
	} {
		if int(program) != int(policies) {
			t.Errorf("the place %d of the program is %d in policies", program, policies)
		}
	}
	if policy.MaxSnap != bpf.GuardMaxSnap {
		t.Errorf("GUARD_MAX_SNAP is %d, policy.MaxSnap %d", bpf.GuardMaxSnap, policy.MaxSnap)
	}
	if indexICMP6-indexICMP4 != 256 || indexProtocol6-indexProtocol4 != 256 || indexFlags6-indexFlags4 != 256 {
		t.Error("what is of IPv6 does not stand 256 entries behind what is of IPv4")
	}
}
