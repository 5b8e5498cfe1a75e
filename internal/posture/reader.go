package posture

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A Report is what one look at the host found.
type Report struct {
	Findings []Finding
	// IPv4 and IPv6 are nil if they could not be read, see the check PMTUExceptions.
	IPv4, IPv6 *Exceptions
}

// PMTUExceptions is the name of the check that looks not at a setting but for the trace
// of an attack.
const PMTUExceptions = "pmtu_exceptions"

var exceptionsCheck = Check{
	Name:   PMTUExceptions,
	Attack: "forged ICMP fragmentation needed has been believed: path MTUs of IPv4 stand at the floor (RFC 5927 7)",
	Right:  "0 of them; a rule of Guarder against forged ICMP keeps them away, and ip route flush cache removes them",
	Cure:   "net.ipv4.ip_no_pmtu_disc=3 net.ipv4.tcp_mtu_probing=1",
}

// Report reads everything. The error is that of listing devices; what else cannot be
// read is a finding.
func (h Host) Report() (Report, error) {
	findings, err := h.Read()
	if err != nil {
		return Report{}, err
	}
	r := Report{Findings: findings}
	f := Finding{Check: exceptionsCheck}
	if e, err := h.Exceptions(unix.AF_INET); err != nil {
		f.Reason = err.Error()
	} else {
		r.IPv4, f.Value, f.State = &e, e.Floor, exposedIf(e.Floor > 0)
	}
	r.Findings = append(r.Findings, f)
	if e, err := h.Exceptions(unix.AF_INET6); err == nil {
		r.IPv6 = &e
	}
	return r, nil
}

// interval is how long a report is taken for new. Settings rarely change, and a host
// with hundreds of containers has thousands of files of them.
const interval = 30 * time.Second

// A Reader tells of a host from time to time. It may be used from any goroutine.
type Reader struct {
	host Host
	now  func() time.Time

	mu   sync.Mutex
	last Report
	at   time.Time // of last; zero before it
}

// NewReader returns a reader of a host.
func NewReader(h Host, now func() time.Time) *Reader { return &Reader{host: h, now: now} }

// Report returns what was found within the last 30 seconds. The caller must not change
// it.
func (r *Reader) Report() (Report, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if age := now.Sub(r.at); !r.at.IsZero() && age >= 0 && age < interval {
		return r.last, nil
	}
	report, err := r.host.Report()
	if err != nil {
		return Report{}, err
	}
	r.last, r.at = report, now
	return report, nil
}
