package posture

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
)

// MaxDevices is how many devices are told apart.
const MaxDevices = 16

// Names in place of that of a device. A kernel device may be called so too, and is
// then taken for one of them.
const (
	// Veths are the ends of pairs, which hosts of containers have by the hundreds.
	Veths = "veth"
	// Others are the devices beyond MaxDevices.
	Others = "other"
)

// A Finding is the outcome of a check.
type Finding struct {
	Check Check
	// Device is the name of a device, Veths or Others; "" for a check of the whole.
	Device string
	// Example is the device that the finding is from: Device itself, or of those under
	// one name the first in the worst state.
	Example string
	State   State
	// Value is what the kernel acts on. It is 0 if Reason is not empty.
	Value int
	// Reason tells why the value could not be read.
	Reason string
}

// Cure returns the command that mends it.
func (f Finding) Cure() string {
	// In the names of sysctl(8) a dot in a name is a slash.
	return "sysctl -w " + strings.ReplaceAll(f.Check.Cure, "DEVICE", strings.ReplaceAll(f.Example, ".", "/"))
}

// A Host is where settings are read: those of the network namespace of the calling
// thread.
type Host struct {
	// Root is the root directory; only files under proc/sys are read.
	Root fs.FS
	// Kinds returns the kind of each device by its name: "device" for a card, "veth",
	// "bridge" and so on.
	Kinds func() (map[string]string, error)
	// Exceptions returns those of a family, unix.AF_INET or unix.AF_INET6.
	Exceptions func(family uint8) (Exceptions, error)
}

// ThisHost returns the host that the program runs on.
func ThisHost() Host { return Host{Root: os.DirFS("/"), Kinds: linkKinds, Exceptions: routeExceptions} }

func linkKinds() (map[string]string, error) {
	links, err := netlink.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	kinds := make(map[string]string, len(links))
	for _, l := range links {
		kinds[l.Attrs().Name] = l.Type()
	}
	return kinds, nil
}

// Read carries out all checks of settings, in their order, and for each device in that of names.
// Loopback is left out: nothing from outside comes by it. Checks for IPv6 are absent where
// the kernel or the device has none.
//
// A setting that cannot be read is a finding. The error is that of listing devices.
func (h Host) Read() ([]Finding, error) {
	kinds, err := h.Kinds()
	if err != nil {
		return nil, err
	}
	var all []Finding
	for _, c := range Checks() {
		if c.judge == nil {
			continue
		}
		switch c.Scope {
		case Device4:
			all = append(all, h.devices(c, "net/ipv4/conf", kinds)...)
		case Device6:
			all = append(all, h.devices(c, "net/ipv6/conf", kinds)...)
		default:
			if strings.HasPrefix(c.Name, "ip6") && !h.exists("net/ipv6") {
				continue
			}
			all = append(all, judge(c, &values{root: h.Root}))
		}
	}
	return all, nil
}

func (h Host) exists(path string) bool {
	_, err := fs.Stat(h.Root, "proc/sys/"+path)
	return err == nil
}

func judge(c Check, v *values) Finding {
	f := Finding{Check: c, Device: v.device, Example: v.device}
	f.Value, f.State = c.judge(v)
	if v.err != nil {
		f.Value, f.State, f.Reason = 0, Unknown, v.err.Error()
	}
	return f
}

// devices returns the findings about devices, those under one name as one.
func (h Host) devices(c Check, conf string, kinds map[string]string) []Finding {
	found := make(map[string]Finding)
	for device, name := range shownAs(kinds) {
		if !h.exists(conf + "/" + device) {
			continue // it has no IPv6
		}
		v := &values{root: h.Root, conf: conf, device: device}
		f := judge(c, v)
		if errors.Is(v.err, fs.ErrNotExist) && !h.exists(conf+"/"+device) {
			continue // it is gone meanwhile
		}
		f.Device = name
		if old, ok := found[name]; !ok || worse(f, old) {
			found[name] = f
		}
	}
	all := make([]Finding, 0, len(found))
	for _, f := range found {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b Finding) int { return cmp.Compare(a.Device, b.Device) })
	return all
}

// worse tells whether a, rather than b, stands for both.
func worse(a, b Finding) bool {
	badness := map[State]int{OK: 0, Unknown: 1, Exposed: 2}
	if a.State != b.State {
		return badness[a.State] > badness[b.State]
	}
	return a.Example < b.Example
}

// shownAs returns the name under which each device is shown. Cards are the first to
// have their own.
func shownAs(kinds map[string]string) map[string]string {
	var own []string
	as := make(map[string]string, len(kinds))
	for device, kind := range kinds {
		switch {
		case device == "lo":
		case kind == "veth":
			as[device] = Veths
		default:
			own = append(own, device)
		}
	}
	slices.SortFunc(own, func(a, b string) int {
		return cmp.Or(cmp.Compare(truth(kinds[a] != "device"), truth(kinds[b] != "device")), cmp.Compare(a, b))
	})
	for i, device := range own {
		as[device] = device
		if i >= MaxDevices {
			as[device] = Others
		}
	}
	return as
}
