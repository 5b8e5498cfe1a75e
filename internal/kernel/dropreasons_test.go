package kernel

import (
	"errors"
	"os"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/google/go-cmp/cmp"
)

// The file has enum skb_drop_reason and the tracepoint of Debian's Linux 6.1.
func TestNamesOfReasonsComeFromTheKernelsOwnTypes(t *testing.T) {
	file, err := os.Open("testdata/linux-6.1-drop-reasons.btf")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	spec, err := btf.LoadSpecFromReader(file)
	if err != nil {
		t.Fatal(err)
	}
	old := NewBTF(spec)
	if args, ok := old.TracepointArgs("kfree_skb"); args != 3 || !ok {
		t.Errorf("kfree_skb has %d arguments, want 3", args)
	}
	reasons := old.DropReasons()
	for number, want := range map[uint32]string{
		0: "SKB_NOT_DROPPED_YET", 1: "NOT_SPECIFIED", 7: "NETFILTER_DROP", 15: "SOCKET_RCVBUFF", 65: "TC_CHAIN_NOTFOUND",
		66: "reason_66", 12345: "reason_12345", 1<<16 + 1: "reason_65537",
	} {
		if got := reasons.Name(number); got != want {
			t.Errorf("reason %d is called %q, want %q", number, got, want)
		}
	}
	if n, ok := reasons.Number("NETFILTER_DROP"); n != 7 || !ok {
		t.Errorf("NETFILTER_DROP is %d, %v, want 7", n, ok)
	}
}

// types returns a spec that holds enums.
func types(t *testing.T, enums ...btf.Type) *btf.Spec {
	t.Helper()
	b, err := btf.NewBuilder(enums, nil)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func enum(name string, values ...btf.EnumValue) *btf.Enum {
	return &btf.Enum{Name: name, Size: 4, Values: values}
}

func TestReasonsOfSubsystemsAreReadWhenTheFirstTurnsUp(t *testing.T) {
	spec := types(t,
		enum("skb_drop_reason",
			btf.EnumValue{Name: "SKB_CONSUMED", Value: 5},
			btf.EnumValue{Name: "SKB_DROP_REASON_FUTURE", Value: 6},
			btf.EnumValue{Name: "SKB_DROP_REASON_MAX", Value: 7},
			btf.EnumValue{Name: "SKB_DROP_REASON_SUBSYS_MASK", Value: 0xffff0000}),
		enum("skb_drop_reason_subsys",
			btf.EnumValue{Name: "SKB_DROP_REASON_SUBSYS_CORE", Value: 0},
			btf.EnumValue{Name: "SKB_DROP_REASON_SUBSYS_OPENVSWITCH", Value: 9},
			btf.EnumValue{Name: "SKB_DROP_REASON_SUBSYS_MAC80211_UNUSABLE", Value: 10}),
	)
	var asked []string
	reasons := newDropReasons(spec, func(module string) (*btf.Spec, error) {
		asked = append(asked, module)
		if module != "openvswitch" {
			return nil, errors.New("not loaded")
		}
		return types(t, enum("ovs_drop_reason",
			btf.EnumValue{Name: "__OVS_DROP_REASON", Value: 9 << 16},
			btf.EnumValue{Name: "OVS_DROP_METER", Value: 9<<16 + 3})), nil
	})
	for range 2 {
		for number, want := range map[uint32]string{
			5: "SKB_CONSUMED", 6: "FUTURE", 7: "reason_7",
			9<<16 + 3: "OVS_DROP_METER", 9<<16 + 4: "reason_589828", 10<<16 + 1: "reason_655361", 11 << 16: "reason_720896",
		} {
			if got := reasons.Name(number); got != want {
				t.Errorf("reason %d is called %q, want %q", number, got, want)
			}
		}
	}
	if len(asked) != 2 {
		t.Errorf("modules %q were looked at, want each of two once", asked)
	}
	want := map[uint32]string{5: "SKB_CONSUMED", 6: "FUTURE", 9<<16 + 3: "OVS_DROP_METER"}
	if diff := cmp.Diff(want, reasons.Known()); diff != "" {
		t.Errorf("known (-want +got):\n%s", diff)
	}
}

func TestKernelWithoutReasonsHasNoNames(t *testing.T) {
	reasons := newDropReasons(types(t, enum("other")), nil)
	if got := reasons.Name(2); got != "reason_2" {
		t.Errorf("reason 2 is called %q", got)
	}
}
