package guarder

import (
	"cmp"
	"fmt"
	"net"
	"path"
	"slices"
	"strings"
)

// A Device is a network device of the namespace that the agent runs in.
type Device struct {
	Index int
	Name  string
}

// Devices returns the devices that the names or patterns (as of [path.Match]) stand
// for, by index. A pattern may match none, a plain name must match, unless it ends in
// "?", which is left off: such a device may come later.
func Devices(names []string) ([]Device, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list network devices: %w", err)
	}
	return chosen(names, interfaces)
}

func chosen(names []string, interfaces []net.Interface) ([]Device, error) {
	var all []Device
	for _, name := range names {
		name, optional := strings.CutSuffix(name, "?")
		optional = optional || isPattern(name)
		found := false
		for _, i := range interfaces {
			fits, err := path.Match(name, i.Name)
			if err != nil {
				return nil, fmt.Errorf("device pattern %q: %w", name, err)
			}
			if fits {
				all, found = append(all, Device{i.Index, i.Name}), true
			}
		}
		if !found && !optional {
			return nil, fmt.Errorf("no network device is named %q (there are %s)", name, namesOf(interfaces))
		}
	}
	slices.SortFunc(all, func(a, b Device) int { return cmp.Compare(a.Index, b.Index) })
	return slices.Compact(all), nil
}

func isPattern(name string) bool { return strings.ContainsAny(name, "*[") }

func namesOf(interfaces []net.Interface) string {
	var names []string
	for _, i := range interfaces {
		names = append(names, i.Name)
	}
	return strings.Join(names, ", ")
}
