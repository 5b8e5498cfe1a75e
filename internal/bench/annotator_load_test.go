//go:build bench

package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// An alertWorld is an annotator between those that it speaks with.
type alertWorld struct {
	*exporter
	client *http.Client

	mu      sync.Mutex
	refused int
	sent    map[string]time.Time // by instance: when it was due
	told    map[string]time.Time // when the receiver got its first message
}

// newAlertWorld starts an annotator that keeps its store in the folder. A Prometheus that is
// silent takes queries and answers none.
func newAlertWorld(t *testing.T, binary, folder string, silent bool) *alertWorld {
	w := &alertWorld{sent: map[string]time.Time{}, told: map[string]time.Time{}}
	w.client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	prometheus := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		if silent {
			io.Copy(io.Discard, r.Body) // else its end is not noticed
			<-r.Context().Done()
			return
		}
		answer.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(answer, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[%d,"3"]}]}}`, time.Now().Unix())
	}))
	receiver := httptest.NewServer(http.HandlerFunc(w.receive))
	t.Cleanup(receiver.Close)
	t.Cleanup(prometheus.Close)
	t.Cleanup(w.client.CloseIdleConnections)
	file := filepath.Join(folder, "annotator.yaml")
	text := fmt.Sprintf("store: {path: annotator.db}\nprometheus: {url: %q}\nsinks: {notify: [{name: log, format: packetscope, url: %q}]}\n", prometheus.URL, receiver.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w.exporter = start(t, binary, "serve", "--config.file="+file)
	w.untilReady(t)
	return w
}

func (w *alertWorld) receive(_ http.ResponseWriter, r *http.Request) {
	at := time.Now()
	var m struct {
		Alert struct {
			Labels map[string]string `json:"labels"`
		} `json:"alert"`
	}
	if json.NewDecoder(r.Body).Decode(&m) != nil {
		return // it counts as one that nobody was told of
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if instance := m.Alert.Labels["instance"]; w.told[instance].IsZero() {
		w.told[instance] = at
	}
}

// sendEvenly sends alerts at a rate, whether or not those before were answered, and returns
// how long after they were due they were, in ms.
func (w *alertWorld) sendEvenly(t *testing.T, rate int, last time.Duration) []float64 {
	var all sync.WaitGroup
	times := make([]float64, rate*int(last/time.Second))
	began := time.Now()
	for n := range times {
		due := began.Add(time.Duration(n) * time.Second / time.Duration(rate))
		time.Sleep(time.Until(due))
		all.Go(func() {
			w.send(t, n, due)
			times[n] = ms(time.Since(due))
		})
	}
	all.Wait()
	return times
}

// sendAll sends alerts as fast as some senders can.
func (w *alertWorld) sendAll(t *testing.T, count, senders int) {
	var all sync.WaitGroup
	for first := range senders {
		all.Go(func() {
			for n := first; n < count; n += senders {
				w.send(t, n, time.Now())
			}
		})
	}
	all.Wait()
}

// send sends the first message of an episode of its own.
func (w *alertWorld) send(t *testing.T, n int, due time.Time) {
	instance := fmt.Sprintf("host-%d.example:10142", n)
	labels := fmt.Sprintf(`{"alertname":"PacketScopeDown","severity":"warning","instance":%q,"job":"packetscope"}`, instance)
	body := fmt.Sprintf(`{"version":"4","groupKey":"{}:{instance=\"%d\"}","status":"firing","receiver":"annotator","groupLabels":{},"commonLabels":%s,
"commonAnnotations":{"summary":"the exporter of a host cannot be scraped"},"externalURL":"http://alertmanager.example","truncatedAlerts":0,"alerts":[{"status":"firing","labels":%s,
"annotations":{"summary":"the exporter of a host cannot be scraped"},"startsAt":%q,"endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://prometheus.example/graph","fingerprint":"%016x"}]}`,
		n, labels, labels, due.UTC().Format(time.RFC3339Nano), n+1)
	answer, err := w.client.Post(w.url+"/api/v1/alerts", "application/json", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err == nil && answer.StatusCode == http.StatusAccepted:
		w.sent[instance] = due
	case err == nil && answer.StatusCode == http.StatusServiceUnavailable:
		w.refused++
	default:
		t.Errorf("webhook: %s %s, %v", answer.Status, text, err)
	}
}

// whenTold waits until the receiver was told of all, or for some time, and returns how long
// after they were due to be sent that was, in ms, and of how many it was not told.
func (w *alertWorld) whenTold(t *testing.T, count int, patience time.Duration) (times []float64, late int) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); settle(t, 50*time.Millisecond) {
		w.mu.Lock()
		told := len(w.told)
		w.mu.Unlock()
		if told > count { // one more is of the storm that so many make
			break
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for instance, due := range w.sent {
		at, ok := w.told[instance]
		if !ok {
			late++
			at = time.Now()
		}
		times = append(times, ms(at.Sub(due)))
	}
	return times, late
}

// metric returns the value of a metric without labels.
func (w *alertWorld) metric(t *testing.T, name string) float64 {
	text, _ := w.scrape(t, asText)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			value, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				t.Fatal(err)
			}
			return value
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

func fdatasync(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); err != syscall.EINTR {
			return err
		}
	}
}
