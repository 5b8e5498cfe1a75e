package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"
)

// clearScreen puts the cursor to the upper left and clears what is there (ECMA-48).
const clearScreen = "\x1b[H\x1b[2J"

// print writes the report for people to read.
func (r flowReport) print(w io.Writer, byProcess, clear bool) error {
	var b bytes.Buffer
	if clear {
		b.WriteString(clearScreen)
	}
	fmt.Fprintf(&b, "%s  %d flows", r.Time.Local().Format(time.TimeOnly), r.Known)
	if r.Evicted > 0 {
		fmt.Fprintf(&b, " (%d evicted, room for %d)", r.Evicted, r.Capacity)
	}
	fmt.Fprintf(&b, "  received %sB in %s packets  sent %sB in %s packets  rates over %.1f s\n\n",
		short(float64(r.Total.ReceivedBytes)), short(float64(r.Total.ReceivedPackets)),
		short(float64(r.Total.SentBytes)), short(float64(r.Total.SentPackets)), r.Seconds)
	table := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	counts := "RATE\tRECEIVED\tSENT\tPACKETS\tRETRANS\tRTT\tLAST"
	if byProcess {
		fmt.Fprintln(table, "OWNER\tFLOWS\t"+counts)
	} else {
		fmt.Fprintln(table, "REMOTE\tSERVICE\tROLE\t"+counts+"\tOWNER")
	}
	for _, f := range r.Flows {
		if byProcess {
			fmt.Fprintf(table, "%s\t%d\t%s\n", f.owner(), f.Flows, f.counts(r.Time))
		} else {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", f.remote(), f.service(), f.Role, f.counts(r.Time), f.owner())
		}
	}
	table.Flush() // into memory
	if clear {
		_, err := w.Write(b.Bytes())
		return err
	}
	b.WriteByte('\n')
	_, err := w.Write(b.Bytes())
	return err
}

// remote returns the address, or the network if the flow is of one.
func (f flowRow) remote() string {
	if f.Remote == f.Address+"/32" || f.Remote == f.Address+"/128" {
		return f.Address
	}
	return f.Remote
}

func (f flowRow) service() string {
	if f.ServicePort == 0 {
		return f.Protocol
	}
	return f.Protocol + "/" + strconv.Itoa(int(f.ServicePort))
}

func (f flowRow) counts(now time.Time) string {
	rtt := "-"
	if f.RTTSeconds > 0 {
		rtt = time.Duration(f.RTTSeconds * float64(time.Second)).Round(10 * time.Microsecond).String()
	}
	last := max(0, now.Sub(f.LastSeen)).Round(time.Second)
	return fmt.Sprintf("%sB/s\t%sB\t%sB\t%s\t%d\t%s\t%s", short(f.BytesPerSecond), short(float64(f.ReceivedBytes)),
		short(float64(f.SentBytes)), short(float64(f.ReceivedPackets+f.SentPackets)), f.Retransmits, rtt, last)
}

// owner names the process, with its container if it is in one.
func (f flowRow) owner() string {
	name := cmp.Or(f.Container, strings.TrimPrefix(f.Cgroup, "/"), "-") // the root says nothing
	if f.PID == 0 {
		return name
	}
	name = fmt.Sprintf("%s[%d]", f.Process, f.PID)
	if f.Container != "" {
		name += " " + f.Container
	}
	return name
}

// short writes a number in four characters or so: 999, 1.23k, 45.6M.
func short(n float64) string {
	units := []string{"", "k", "M", "G", "T", "P", "E"}
	i := 0
	for ; n >= 999.5 && i < len(units)-1; i++ {
		n /= 1000
	}
	switch {
	case i == 0:
		return strconv.FormatFloat(n, 'f', 0, 64)
	case n < 9.995:
		return strconv.FormatFloat(n, 'f', 2, 64) + units[i]
	case n < 99.95:
		return strconv.FormatFloat(n, 'f', 1, 64) + units[i]
	}
	return strconv.FormatFloat(n, 'f', 0, 64) + units[i]
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
