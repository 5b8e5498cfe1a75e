package compile

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
			"ROUTING_TYPES": int(fieldRoutingTypes), "GUARD_FIELDS": int(fields),
		}},
		{"guard_trait", "GUARD_TRAIT_", map[string]int{
			"ALWAYS": int(traitAlways), "NOT_IP": int(traitNotIP), "FRAGMENT": int(traitFragment), "OPTIONS": int(traitOptions),
			"TAGGED": int(traitTagged), "ICMP": int(traitICMP), "MSS": int(traitMSS), "SAME": int(traitSame), "GUARD_TRAITS": int(traits),
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
			"QUOTED_SOURCE": int(policy.CompareQuotedSource), "GUARD_COMPARES": int(policy.CompareQuotedSource) + 1,
		}},
		{"guard_op", "GUARD_OP_", map[string]int{
			"RANGE": int(opRange), "BITS": int(opBits), "SAME": int(opSame), "LARGE": int(opLarge), "MEMBER": int(opMember),
			"BINDING": int(opBinding), "PAYLOAD": int(opPayload), "GUARD_OPS": int(opPayload) + 1,
		}},
		{"guard_credit", "GUARD_", map[string]int{
			"PASS": int(CreditPass), "DROP": int(CreditDrop), "WOULD_DROP": int(CreditWouldDrop), "COUNT": int(CreditCount),
			"SAMPLE": int(CreditSample), "CREDITS": int(Credits),
		}},
		{"guard_section", "GUARD_SECTION_", map[string]int{
			"TERMINAL": int(terminal), "AUDITED": int(audited), "COUNTING": int(counting), "GUARD_SECTIONS": int(sections),
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
