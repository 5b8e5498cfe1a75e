//go:build linux

package guarder

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/capture"
	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A SampleConfig says what becomes of packets that rules have copied.
type SampleConfig struct {
	// MaxRate is how many are copied per second, of all rules together; 0 means none.
	MaxRate float64
	// File, if not "", is a capture (pcapng) that they are written to, with up to
	// FileBytes, and Files of them: see [capture.Files].
	File      string
	FileBytes int64
	Files     int
}

// keptSamples is how many of the last ones are kept.
const keptSamples = 64

// patienceAfterFailure is for how long nothing is written to the capture after an
// error such as a full disk.
const patienceAfterFailure = 10 * time.Second

// A sampler reads the copies of packets.
type sampler struct {
	reader *ringbuf.Reader
	logger *slog.Logger
	files  *capture.Files // or nil
	failed time.Time      // when it last could not be written
	done   sync.WaitGroup

	mu      sync.Mutex
	rules   map[uint32]sampledRule // by slot
	devices map[uint32]string      // by index
	before  map[uint32]string      // what devices was when they were named before
	last    []Sample               // the newest last
}

type sampledRule struct{ group, name, place string }

// newSampler opens the ring buffer and the capture. Call run for it to begin.
func newSampler(ring *ebpf.Map, cfg SampleConfig, logger *slog.Logger) (*sampler, error) {
	s := &sampler{logger: logger, rules: make(map[uint32]sampledRule), devices: make(map[uint32]string)}
	var err error
	if s.reader, err = ringbuf.NewReader(ring); err != nil {
		return nil, fmt.Errorf("read samples: %w", err)
	}
	if cfg.File != "" {
		if s.files, err = capture.OpenFiles(cfg.File, cfg.FileBytes, cfg.Files, "packetscope guard"); err != nil {
			s.reader.Close()
			return nil, fmt.Errorf("file of samples: %w", err)
		}
	}
	return s, nil
}

// know tells the sampler which rules have which slots from now on. What it knew of other
// slots stays: packets may be on their way.
func (s *sampler) know(p *policy.Policy, slots []uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, slot := range slots {
		r := &p.Rules[i]
		s.rules[slot] = sampledRule{r.Group, r.Name, r.At.String()}
	}
}

// name tells the sampler the indices of devices. Those of devices that are gone are known
// until it is told again, as packets may be on their way; not for good, as a host of
// containers has others all the time.
func (s *sampler) name(indices map[string]int) {
	now := make(map[uint32]string, len(indices))
	for name, index := range indices {
		now[uint32(index)] = name
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.devices, s.before = now, s.devices
}

// run reads until close.
func (s *sampler) run() {
	s.done.Go(func() {
		var record ringbuf.Record
		for {
			err := s.reader.ReadInto(&record)
			if errors.Is(err, os.ErrClosed) {
				return
			}
			if err != nil {
				s.logger.Error("samples cannot be read any more", "err", err)
				return
			}
			if err := s.take(record.RawSample); err != nil {
				s.logger.Error("sample", "err", err)
			}
		}
	})
}

func (s *sampler) close() error {
	err := s.reader.Close()
	s.done.Wait()
	if s.files != nil {
		err = errors.Join(err, s.files.Close())
	}
	return err
}

// take decodes a record, keeps it and writes it to the capture.
func (s *sampler) take(record []byte) error {
	var head bpf.GuardSample
	n, err := binary.Decode(record, binary.NativeEndian, &head)
	if err != nil || len(record) < n+int(head.Captured) {
		return fmt.Errorf("record of %d bytes is cut", len(record))
	}
	at, err := wallTime(head.Time)
	if err != nil {
		return err
	}
	sample := s.sample(head, at, append([]byte(nil), record[n:n+int(head.Captured)]...))
	defer s.keep(sample)
	if s.files == nil || time.Since(s.failed) < patienceAfterFailure {
		return nil
	}
	err = s.files.Write(capture.Record{
		Time: at, Frame: sample.Frame, Length: sample.Length, Interface: sample.Device, Comment: sample.Comment(), Verdict: uint64(head.Verdict),
	})
	if err != nil {
		s.failed = time.Now()
		return fmt.Errorf("not written for %v: %w", patienceAfterFailure, err)
	}
	return nil
}

// sample makes a sample of a record.
func (s *sampler) sample(head bpf.GuardSample, at time.Time, frame []byte) Sample {
	parsed := packet.Parse(frame)
	parsed.Reason = packet.Reason(head.Reason) // that the copy is cut is no reason
	sample := Sample{
		Time: at, Effect: effectNames[compile.Credit(head.Credit)], Verdict: "pass",
		Length: int(head.Length), Frame: frame, Text: policy.InWords(&parsed),
	}
	if head.Verdict == xdpDrop {
		sample.Verdict = "drop"
	}
	if head.Reason != uint8(packet.OK) {
		sample.Reason = packet.Reason(head.Reason).String()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, known := s.rules[head.Slot]
	if !known && head.Slot != noRule {
		r = sampledRule{group: "unknown", name: fmt.Sprint("slot-", head.Slot)} // of an agent before
	}
	sample.Group, sample.Rule, sample.Place = r.group, r.name, r.place
	sample.Device = cmp.Or(s.devices[head.Device], s.before[head.Device], fmt.Sprint("if", head.Device))
	return sample
}

// keep keeps a sample, in place of the oldest.
func (s *sampler) keep(sample Sample) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last = append(s.last, sample); len(s.last) > keptSamples {
		s.last = append(s.last[:0:0], s.last[1:]...)
	}
}

// noRule is GUARD_NONE of bpf/include/guard_maps.h.
const noRule = 1<<32 - 1

// effectNames are those of enum guard_credit.
var effectNames = map[compile.Credit]string{
	compile.CreditPass: "pass", compile.CreditDrop: "drop", compile.CreditWouldDrop: "would_drop",
	compile.CreditCount: "count", compile.CreditSample: "sample",
}

// newest returns the samples that are kept, the newest last.
func (s *sampler) newest() []Sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Sample{}, s.last...)
}

// wallTime returns the time of a moment on the kernel's monotonic clock.
func wallTime(monotonic uint64) (time.Time, error) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return time.Time{}, fmt.Errorf("read the clock: %w", err)
	}
	return time.Now().Add(time.Duration(int64(monotonic) - now.Nano())).Round(0), nil
}
