package feed

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// AtHand returns the lists of a policy's feeds that this host has, without asking anybody
// for one: those that an agent keeps in a folder, and those that are files. A feed's slot
// is its index in the policy. Own addresses and what else must not be listed are left
// out, as far as they are known here. Of a feed whose list is not at hand it says why.
func AtHand(p *policy.Policy, folder Folder, own []netip.Addr, now time.Time) (lists []Listed, missing []error) {
	for i := range p.Feeds {
		f := p.Feeds[i]
		l, err := atHand(&f, folder, now)
		if err != nil {
			missing = append(missing, fmt.Errorf("feed %q: %w", f.Name, err))
			continue
		}
		f.Exclude = true // or the list would have been refused, as the agent knows
		guarded, _, err := Guard(l.After(now), Protect(Host{Own: own}, &f), &f)
		if err != nil {
			missing = append(missing, fmt.Errorf("feed %q: %w", f.Name, err))
			continue
		}
		lists = append(lists, Listed{List: guarded, Slot: uint32(i)})
	}
	return lists, missing
}

func atHand(f *policy.Feed, folder Folder, now time.Time) (*List, error) {
	switch k, err := folder.Load(f); {
	case err != nil:
		return nil, err
	case k != nil:
		return k.List, nil
	case f.File == "":
		return nil, fmt.Errorf("its list is not at hand")
	}
	l, _, err := readFile(context.Background(), f, Tag{}, now)
	return l, err
}
