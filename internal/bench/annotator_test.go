//go:build bench

package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// What the annotator may take.
const (
	aimedAnswer      = 10 * time.Millisecond // the 99th percentile
	aimedExplanation = 3 * time.Second
	aimedQueue       = 128 // MB
)

const (
	alertRate   = 200 // a second
	alertTime   = 20 * time.Second
	alertLives  = 3
	queued      = 10_000
	queueSender = 16
)

// An alertLife is what one run of the annotator was measured to take, in ms.
type alertLife struct {
	disk, stored, answers, told []float64
	cpu                         float64 // CPU time of the annotator for an alert, in ms
	refused                     int     // messages that were answered with 503, and would come again
	late                        int     // alerts that nobody was told of when the time was over
}

// annotate starts the real binary with a Prometheus that answers and a receiver that takes
// everything, and sends it alerts as Alertmanager does.
func annotate(t *testing.T) section {
	binary, load := buildCommand(t, "packetscope-annotator"), loadAverage(t)
	var lives []alertLife
	for range alertLives {
		lives = append(lives, explainAlerts(t, binary))
	}
	memory, peak := queueAlerts(t, binary)
	return section{
		title: "The annotator",
		text: fmt.Sprintf(`The binary with a Prometheus that answers each query at once and a receiver that takes each message, %d times:
%d alerts a second for %v, each the first of an episode of its own, so that each is stored, looked into,
explained and told. Times are from when an alert was due to be sent. For comparison there are a
write of 4 KiB and its fdatasync in the same folder (what is stored takes two of them), and the same alerts while
Prometheus is silent, so that they are stored and nothing else is done. Sender, Prometheus and receiver are on this machine
too. At last %d alerts are sent while Prometheus is silent, so that they wait.
The load average was %s at the beginning and %s at the end: who waits for a CPU waits for tens of milliseconds where
others want it too.`, alertLives, alertRate, alertTime, queued, load, loadAverage(t)),
		table: annotatorTable(lives, memory, peak),
	}
}

// explainAlerts measures one life.
func explainAlerts(t *testing.T, binary string) alertLife {
	folder := t.TempDir()
	life := alertLife{disk: syncTimes(t, folder), stored: storeAlerts(t, binary)}
	w := newAlertWorld(t, binary, folder, false)
	defer w.stop(t)
	life.answers = w.sendEvenly(t, alertRate, alertTime)
	life.refused = w.refused
	life.told, life.late = w.whenTold(t, len(life.answers)-w.refused, 30*time.Second)
	life.cpu = 1000 * cpuSeconds(t, w.command.Process.Pid) / float64(len(life.answers))
	return life
}

// storeAlerts measures the webhook while nothing is worked on, as Prometheus is silent.
func storeAlerts(t *testing.T, binary string) []float64 {
	w := newAlertWorld(t, binary, t.TempDir(), true)
	defer w.stop(t)
	return w.sendEvenly(t, alertRate, alertTime)
}

// queueAlerts returns the memory of an annotator that has alerts waiting, and its peak.
func queueAlerts(t *testing.T, binary string) (memory, peak float64) {
	w := newAlertWorld(t, binary, t.TempDir(), true)
	w.sendAll(t, queued, queueSender)
	memory, peak = w.memory(t, "VmRSS"), w.memory(t, "VmHWM")
	if depth := w.metric(t, "packetscope_annotator_inbox_depth"); depth < queued*99/100 {
		t.Fatalf("%.0f messages wait, of %d", depth, queued)
	}
	w.stop(t)
	return memory, peak
}

// syncTimes returns how long writes to the disk take, in ms.
func syncTimes(t *testing.T, folder string) (times []float64) {
	f, err := os.Create(filepath.Join(folder, "disk"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for n := range 200 {
		begin := time.Now()
		_, err := f.WriteAt(make([]byte, 4096), int64(n%16)*4096)
		if err == nil {
			err = fdatasync(f)
		}
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, ms(time.Since(begin)))
	}
	return times
}

func annotatorTable(lives []alertLife, memory, peak float64) table {
	row := func(what string, of func(alertLife) []float64, share float64, digits int, aim time.Duration) []string {
		s := over(lives, func(l alertLife) float64 { return percentile(of(l), share) })
		if aim == 0 {
			return []string{what, s.text(digits), "", ""}
		}
		return []string{what, s.text(digits), fmt.Sprintf("< %.0f", ms(aim)), met(s.median < ms(aim))}
	}
	disk := func(l alertLife) []float64 { return l.disk }
	stored := func(l alertLife) []float64 { return l.stored }
	answers := func(l alertLife) []float64 { return l.answers }
	told := func(l alertLife) []float64 { return l.told }
	refused := over(lives, func(l alertLife) float64 { return float64(l.refused) })
	late := over(lives, func(l alertLife) float64 { return float64(l.late) })
	return table{
		{"what", "measured", "aim", ""},
		row("the disk, half of all writes, ms", disk, 0.5, 1, 0),
		row("the disk, 99 of 100, ms", disk, 0.99, 1, 0),
		row("answer of the webhook while nothing is worked on, half of all, ms", stored, 0.5, 1, 0),
		row("answer of the webhook while nothing is worked on, 99 of 100, ms", stored, 0.99, 1, 0),
		row("answer of the webhook, half of all, ms", answers, 0.5, 1, 0),
		row("answer of the webhook, 99 of 100, ms", answers, 0.99, 1, aimedAnswer),
		row("alert to explanation at the receiver, half of all, ms", told, 0.5, 0, 0),
		row("alert to explanation at the receiver, 99 of 100, ms", told, 0.99, 0, aimedExplanation),
		{"CPU time for an alert, ms", over(lives, func(l alertLife) float64 { return l.cpu }).text(2), "", ""},
		{"messages turned away, to be sent again", refused.text(0), "0", met(refused.high == 0)},
		{"alerts that nobody was told of half a minute later", late.text(0), "0", met(late.high == 0)},
		{fmt.Sprintf("resident memory with %d alerts waiting, MB", queued), fmt.Sprintf("%.0f", memory), fmt.Sprintf("< %d", aimedQueue), met(memory < aimedQueue)},
		{"its peak, MB", fmt.Sprintf("%.0f", peak), fmt.Sprintf("< %d", aimedQueue), met(peak < aimedQueue)},
	}
}

// percentile returns the value that a share of all is not above. It sorts them.
func percentile(values []float64, share float64) float64 {
	slices.Sort(values)
	return values[int(share*float64(len(values)-1))]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
