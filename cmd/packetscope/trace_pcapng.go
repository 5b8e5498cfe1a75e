package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/packetscope/packetscope/internal/dropreason"
	"github.com/packetscope/packetscope/internal/tracer"
	tracefilter "github.com/packetscope/packetscope/internal/tracer/filter"
)

// tracePcapng writes packets as a file of pcapng: each once for every device at which it was
// seen, with the time when it came there.
type tracePcapng struct {
	to     io.Writer
	close  func() error
	writer *pcapgo.NgWriter // nil until there is an interface
	filter string
	clock  func(time.Duration) time.Time
	names  *traceNames
	// interfaces are the numbers of those that the file describes.
	interfaces map[tracePlace]int
}

// A tracePlace is a device, or none for a packet that came to no device.
type tracePlace struct {
	namespace uint32
	device    string
}

func newTracePcapng(to io.Writer, closes func() error, filter string, clock func(time.Duration) time.Time, names *traceNames) *tracePcapng {
	return &tracePcapng{to: to, close: closes, filter: filter, clock: clock, names: names, interfaces: make(map[tracePlace]int)}
}

func (t *tracePcapng) packet(p *tracer.Packet) error {
	seen := make(map[tracePlace]bool)
	// What came late of a packet is in the file only with a device: without, it was there before.
	devices := p.Again || slices.ContainsFunc(p.Events, func(e tracer.Event) bool { return e.Device != "" })
	for i := range p.Events {
		e := &p.Events[i]
		place := tracePlace{e.Namespace, e.Device}
		if seen[place] || devices && e.Device == "" {
			continue
		}
		seen[place] = true
		number, err := t.place(place)
		if err != nil {
			return err
		}
		info := gopacket.CaptureInfo{
			Timestamp: t.clock(e.Time), CaptureLength: len(e.Frame), Length: max(e.Length, len(e.Frame)), InterfaceIndex: number,
		}
		if err := t.writer.WritePacketWithOptions(info, e.Frame, pcapgo.NgPacketOptions{Comments: t.comments(p)}); err != nil {
			return err
		}
	}
	return nil
}

// mostOption is how many bytes an option may have, as a comment is: its length is a number of
// 16 bits.
const mostOption = 1<<16 - 1

// comments tell what became of a packet, the functions that it went through, and what was
// decided about it.
func (t *tracePcapng) comments(p *tracer.Packet) []string {
	fate, e := p.Fate()
	text := fmt.Sprintf("packet %d: %s in %s after %s", p.Number, fate, e.Function(), shortDuration((e.Time - p.Events[0].Time).Seconds()))
	if fate == tracer.Dropped {
		text += fmt.Sprintf(": %s: %s", e.Reason, dropreason.Explain(e.Reason))
	}
	comments := []string{text, "functions: " + strings.Join(p.Functions(), " > ")}
	var verdicts, owners []string
	for _, v := range p.Verdicts() {
		verdicts = append(verdicts, v.String())
	}
	if len(verdicts) > 0 {
		comments = append(comments, "verdicts: "+strings.Join(verdicts, "; "))
	}
	for i := range p.Events {
		if o := t.names.ownerText(&p.Events[i]); o != "" && !slices.Contains(owners, o) {
			owners = append(owners, o)
		}
	}
	if len(owners) > 0 {
		comments = append(comments, "socket of: "+strings.Join(owners, "; "))
	}
	for i, c := range comments {
		comments[i] = optionText(c)
	}
	return comments
}

// optionText returns a text as the file can have it.
func optionText(text string) string {
	text = strings.ToValidUTF8(text, "?")
	return strings.ToValidUTF8(text[:min(len(text), mostOption)], "")
}

// place returns the number of an interface, which it describes when it is new.
func (t *tracePcapng) place(p tracePlace) (int, error) {
	if number, known := t.interfaces[p]; known {
		return number, nil
	}
	where := fmt.Sprintf("network namespace %d", p.namespace)
	if name := t.names.namespace(p.namespace); name != "" {
		where += " (" + name + ")"
	}
	number, err := t.describe(pcapgo.NgInterface{Name: optionText(cmp.Or(p.device, "none")), Description: optionText(where)})
	if err == nil {
		t.interfaces[p] = number
	}
	return number, err
}

func (t *tracePcapng) describe(i pcapgo.NgInterface) (int, error) {
	i.LinkType, i.TimestampResolution, i.SnapLength = layers.LinkTypeEthernet, 9, tracefilter.Snap
	i.Comment = "a header of Ethernet is made up where the kernel has none"
	if t.writer != nil {
		return t.writer.AddInterface(i)
	}
	var err error
	t.writer, err = pcapgo.NewNgWriterInterface(t.to, i, pcapgo.NgWriterOptions{SectionInfo: pcapgo.NgSectionInfo{
		Hardware: runtime.GOARCH, OS: runtime.GOOS, Application: "packetscope trace", Comment: optionText("filter: " + t.filter),
	}})
	return 0, err
}

func (t *tracePcapng) flush() error {
	if t.writer == nil {
		return nil
	}
	return t.writer.Flush()
}

// end leaves a file that is valid without packets too, which takes an interface.
func (t *tracePcapng) end(traceSummary) error {
	if t.writer == nil {
		if _, err := t.describe(pcapgo.NgInterface{Name: "none", Description: "no packet was seen"}); err != nil {
			return err
		}
	}
	if err := t.writer.Flush(); err != nil {
		return err
	}
	return t.close()
}
